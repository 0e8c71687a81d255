"""Every exception raised on purpose, and the words of its message.

SfumatoError
├── ConfigError     a value is impossible
├── DataError       the data cannot be read, or lacks what a model needs
├── UnknownName     nothing has that name
├── ModelFileError  a model file breaks the layout contract
├── RunError        a run folder cannot be started, continued or written
├── BundleError     a bundle is damaged, unsafe or newer than this version
├── DeviceError     the asked-for device is not here
└── MissingExtra    an optional dependency is not installed

A message is one line that names the field, the value, and what would work.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


class SfumatoError(Exception):
    """Catch this to catch everything raised on purpose."""


class ConfigError(SfumatoError, ValueError):
    """A value is impossible."""


class DataError(SfumatoError):
    """The data cannot be read, or lacks what a model needs."""


class ForeignFile(DataError):  # noqa: N818
    """A file that another model wrote."""


class UnknownName(SfumatoError, KeyError):  # noqa: N818
    """Nothing has that name."""

    def __str__(self) -> str:
        return str(self.args[0])


class ModelFileError(SfumatoError):
    """A model file does not follow the layout contract."""


class RunError(SfumatoError):
    """A run folder cannot be started, continued or written."""


class Stopped(RunError):  # noqa: N818
    """What had to be trained first was cut off by a signal of that name, and is saved."""

    def __init__(self, message: str, name: str) -> None:
        super().__init__(message)
        self.name = name


class BundleError(SfumatoError):
    """A bundle is damaged, unsafe or newer than this version."""


class DeviceError(SfumatoError):
    """The asked-for device is not here."""


class MissingExtra(SfumatoError, ImportError):  # noqa: N818
    """An optional dependency is not installed; the message says how to install it."""


def nearest(name: object, names: Iterable[str]) -> str:
    """The end of a message about an unknown `name`: the likeliest right one, or all of them."""
    names = list(names)
    near = get_close_matches(str(name), names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(names)}."


def brief(value: Any) -> str:
    """A value in a message: its repr where that is short, of arrays and networks the kind."""
    kind, shape = type(value).__name__, getattr(value, "shape", None)
    if shape is not None and hasattr(value, "dtype"):
        return f"{kind} of {value.dtype} and shape {tuple(shape)}"
    said = repr(value)
    return said if len(said) <= 60 and "\n" not in said else f"a {kind}"
