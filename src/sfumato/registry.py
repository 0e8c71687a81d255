"""The directory is the registry: `models/dcgan.py` is the model named "dcgan".

A model's name is its file's name, wherever the file lies:

    sfumato/models/              the systems this package brings
    $SFUMATO_MODELS              your own folders, separated as in $PATH
    entry points sfumato.models  other packages; the value names the module, "theirs.mygan"

Names and summaries are read from the files: listing imports no model, adding one edits nothing.
"""

import ast
import json
import os
import sys
from functools import lru_cache
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from inspect import isabstract, isclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

from sfumato.errors import (
    BundleError,
    ConfigError,
    ModelFileError,
    SfumatoError,
    UnknownName,
    nearest,
)
from sfumato.io.files import at_home

if TYPE_CHECKING:
    from sfumato.model import Model

ZOO = Path(__file__).parent / "zoo"
"""Weights that this package brings."""
GROUP = "sfumato.models"
"""Entry-point group in which other packages announce their models."""
FOLDERS = "SFUMATO_MODELS"
"""Environment variable that lists folders of model files."""


class _Place(NamedTuple):
    """Where a model is: the file to read, and the dotted name it is imported under."""

    path: Path
    module: str


def available() -> list[str]:
    """Names of every model, sorted. Imports no model and no torch."""
    return sorted(_places())


def summary(name: str) -> str:
    """First line of the model's docstring, read without importing it.

    Raises UnknownName, and ModelFileError where the file is no Python or has no docstring.
    """
    doc = ast.get_docstring(tree(name))
    if not doc:
        raise ModelFileError(
            f"{path(name)} has no docstring; its first line is the model's summary."
        )
    return doc.partition("\n")[0]


def tree(name: str) -> ast.Module:
    """The file of model `name`, parsed and not imported.

    Raises UnknownName, and ModelFileError where the file is no Python.
    """
    place = path(name)
    try:
        return _parsed(place, place.stat().st_mtime_ns)
    except (SyntaxError, ValueError) as error:
        raise ModelFileError(f"{place} is not Python: {_one_line(error)}") from error


@lru_cache(maxsize=256)
def _parsed(place: Path, changed: int) -> ast.Module:
    """Once for each state of a file: a listing asks it for three things."""
    return ast.parse(place.read_text("utf-8"))


def path(name: str) -> Path:
    """The file that defines model `name`. Raises UnknownName with the nearest name."""
    return _place(name).path


def module(name: str) -> ModuleType:
    """The module that defines model `name`, imported.

    Raises UnknownName, and ModelFileError where the import fails or `Config` or `RECIPES` is
    missing.
    """
    place = _place(name)
    try:
        source = _load(place)
    except SfumatoError:
        raise
    except (Exception, SystemExit) as error:  # a script may end the program
        if place.module.startswith(f"{__package__}."):
            raise  # a file of ours that fails is our fault: show the traceback
        raise ModelFileError(f"{place.path} does not import: {_one_line(error)}") from error
    missing = [part for part in ("Config", "RECIPES") if not hasattr(source, part)]
    if missing:
        raise ModelFileError(
            f"{place.path} does not define {' and '.join(missing)}; see docs/adding-a-model.md."
        )
    return source


def model_class(name: str) -> "type[Model]":
    """The one model class that the file of `name` defines.

    Raises what `module` raises, and ModelFileError where the file defines none or several.
    """
    from sfumato.model import Model

    source = module(name)
    found = [
        item
        for item in vars(source).values()
        if isclass(item) and issubclass(item, Model) and not isabstract(item)
        if item.__module__ == source.__name__
    ]
    if len(found) != 1:
        which = ", ".join(item.__name__ for item in found) or "none"
        raise ModelFileError(f"{path(name)} must define exactly one model; it defines {which}.")
    return found[0]


def kept(name: str) -> "type[Model]":
    """As `model_class`, of what was kept with its weights.

    Raises BundleError where the file of the model is not here.
    """
    if name not in _places():
        raise BundleError(
            f"that is a {name}, a model whose file is not here: put {name}.py into a folder that "
            f"{FOLDERS} names."
        )
    return model_class(name)


def _place(name: str) -> _Place:
    places = _places()
    if name not in places:
        raise UnknownName(f"no model named {name!r}; {nearest(name, sorted(places))}")
    return places[name]


def _places() -> dict[str, _Place]:
    """Every model file by name; two files may not share one."""
    places: dict[str, _Place] = {}
    for place in [*_own(), *_from_folders(), *_from_packages(tuple(sys.path))]:
        name = place.module.rpartition(".")[2]
        other = places.setdefault(name, place)
        if other is not place and other.path.resolve() != place.path.resolve():
            raise ModelFileError(
                f"two files define model {name!r}: {other.path} and {place.path}; rename one."
            )
    return places


def _own() -> list[_Place]:
    return _in_folder(Path(__file__).parent / "models", f"{__package__}.models")


def _from_folders() -> list[_Place]:
    found = []
    for text in filter(None, os.environ.get(FOLDERS, "").split(os.pathsep)):
        folder = at_home(text).resolve()
        if not folder.is_dir():
            raise ConfigError(
                f"{FOLDERS} lists {text!r}, which is not a folder; correct or unset it."
            )
        found += _in_folder(folder, "sfumato_models")
    return found


def _in_folder(folder: Path, package: str) -> list[_Place]:
    return _listed(folder, package, folder.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _listed(folder: Path, package: str, changed: int) -> list[_Place]:
    """Once for each state of a folder: a listing asks for it three times a model."""
    files = [file for file in sorted(folder.glob("[!_]*.py")) if file.is_file()]
    return [_Place(file, f"{package}.{file.stem}") for file in files if "." not in file.stem]


@lru_cache(maxsize=8)
def _from_packages(paths: tuple[str, ...]) -> list[_Place]:
    """What packages in `sys.path` announce; looking through them all takes 10 ms."""
    return [_Place(_locate(entry.module), entry.module) for entry in entry_points(group=GROUP)]


def _locate(dotted: str) -> Path:
    """The file of module `dotted`, found without importing its packages: they may import torch."""
    top, *rest = dotted.split(".")
    spec = find_spec(top)
    for part in rest:
        within = spec.submodule_search_locations if spec else None
        spec = PathFinder.find_spec(f"{spec.name}.{part}", within) if spec and within else None
    if spec is None or spec.origin is None:
        raise ModelFileError(
            f"entry point {GROUP} names {dotted!r}, and no such module is installed."
        )
    return Path(spec.origin)


def in_use() -> list[Path]:
    """The files of the user's own models that were imported."""
    return [
        Path(str(known.__file__))
        for name, known in sys.modules.items()
        if name.startswith("sfumato_models.")
    ]


def _load(place: _Place) -> ModuleType:
    """Import a packaged file by name, and a file of a folder by its path, once."""
    if not place.module.startswith("sfumato_models."):
        return import_module(place.module)
    known = sys.modules.get(place.module)
    if known is not None and known.__file__ == str(place.path):
        return known
    spec = spec_from_file_location(place.module, place.path)
    assert spec is not None
    assert spec.loader is not None
    source = module_from_spec(spec)
    sys.modules[place.module] = source  # dataclasses look their module up by name
    try:
        spec.loader.exec_module(source)
    except BaseException:
        del sys.modules[place.module]
        raise
    return source


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def shipped() -> dict[str, str]:
    """Names of the models that ship with their weights, and the first sentence of each card."""
    cards = sorted(p.with_name("card.md") for p in ZOO.glob("*/config.json"))
    return {card.parent.name: _sentence(card.read_text("utf-8")) for card in cards}


def shipped_model(name: str) -> str:
    """The name of the model whose weights are shipped as `name`."""
    return str(json.loads((ZOO / name / "config.json").read_text("utf-8"))["model"])


def _sentence(card: str) -> str:
    """The first below the title."""
    about = card.split("\n\n")[1].replace("\n", " ")
    return about.split(". ")[0].rstrip(".") + "."
