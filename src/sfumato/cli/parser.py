"""argparse with one-line complaints that name the nearest right word."""

import argparse
import re
from argparse import Action, ArgumentTypeError
from collections.abc import Callable
from math import inf, isfinite
from typing import Any, NoReturn

from sfumato.errors import ConfigError, nearest


class _Help(argparse.RawDescriptionHelpFormatter):
    """Says what an option is where it is left out, unless its words do."""

    def _get_help_string(self, action: Action) -> str:
        about, usual = action.help or "", action.default
        words = ",".join(map(str, usual)) if isinstance(usual, tuple) else str(usual)
        words = words.removesuffix(".0")
        told = isinstance(usual, str | int | float | tuple) and not isinstance(usual, bool)
        if not action.option_strings or not words or not told or usual == argparse.SUPPRESS:
            return about
        said = "(default" in about or f"({words})" in about
        return about if said else f"{about} (default {words.replace('%', '%%')})"


class Parser(argparse.ArgumentParser):
    """A parser whose mistakes are ConfigErrors: one line, no usage block."""

    def __init__(self, **words: Any) -> None:
        words.setdefault("formatter_class", _Help)
        super().__init__(allow_abbrev=False, **words)

    def error(self, message: str) -> NoReturn:
        """Raise the mistake in our words."""
        needed = re.match(r"the following arguments are required: (.*)", message)
        if needed:
            # argparse names those too of which there may be none
            free = {str(a.metavar or a.dest) for a in self._actions if a.nargs in ("*", "?")}
            names = [name for name in needed[1].split(", ") if name not in free]
            raise ConfigError(f"{self.prog} needs {', '.join(names)}; see {self.prog} --help.")
        text = re.sub(r"^argument ([^:]+): ", r"\1 ", message)
        hint = r"needs a value; one that begins with - is written \2=-…"
        text = re.sub(r"^((?:\S*/)?(\S+)) expected one argument", r"\1 " + hint, text)
        text = re.sub(r"invalid int value: '(.*)'", r"must be a whole number; got \1", text)
        text = re.sub(r"invalid float value: '(.*)'", r"must be a number; got \1", text)
        raise ConfigError(text.rstrip(".") + ".")

    def _check_value(self, action: Action, value: Any) -> None:
        """Argparse lists every choice; where they are many, the nearest one is enough."""
        if action.choices is not None and value not in action.choices:
            kind = "verb" if action.dest in ("verb", "action") else action.metavar or action.dest
            name = "/".join(action.option_strings) or kind
            words = [str(choice) for choice in action.choices]
            # of a few all are named: "gpu" looks like "cpu" and means something else
            few = f"choose from {', '.join(words)}."
            hint = nearest(str(value), words) if len(words) > 4 or kind == "verb" else few
            raise ConfigError(f"there is no {name} {value!r}; {hint}")


def complain_of_extras(
    parser: argparse.ArgumentParser, words: list[str], extras: list[str]
) -> None:
    """Raise ConfigError for words that no option and no place took."""
    first = next((extra for extra in extras if extra.startswith("-")), extras[0])
    name = first.partition("=")[0]
    if not name.startswith("-"):
        raise ConfigError(f"{parser.prog} has no use for {name!r}; see {parser.prog} --help.")
    known = [option for leaf in _leaves(parser, words) for option in leaf._option_string_actions]
    hint = nearest(name, [option for option in known if option.startswith("--")])
    hint = hint if hint.startswith("did") else f"see {parser.prog} --help."
    raise ConfigError(f"there is no option {name}; {hint}")


def sentence(about: str) -> str:
    """What the list of verbs says of one, as its own help begins."""
    return f"{about[0].upper()}{about[1:]}."


def several(text: str) -> list[str]:
    """A type for words with commas between."""
    words = [word.strip() for word in text.split(",")]
    if not all(words):
        raise ArgumentTypeError(f"must be one or several with commas between, not {text!r}")
    return words


def whole(least: int) -> Callable[[str], int]:
    """A type for whole numbers from `least`."""

    def read(word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            number = least - 1
        if number < least:
            raise ArgumentTypeError(f"must be a whole number from {least}, not {word!r}")
        return number

    return read


def positive(most: float = inf) -> Callable[[str], float]:
    """A type for numbers above 0, and at most `most`."""

    def read(word: str) -> float:
        try:
            number = float(word)
        except ValueError:
            number = 0.0
        if not (0 < number <= most and isfinite(number)):
            limit = f" and at most {most:g}" if isfinite(most) else ""
            raise ArgumentTypeError(f"must be a number greater than 0{limit}, not {word!r}")
        return number

    return read


def seeds(word: str) -> list[int]:
    """A type for two seeds or more: "0,1,2"."""
    parts = [part.strip() for part in word.split(",")]
    if len(parts) < 2 or not all(re.fullmatch(r"-?\d+", part) for part in parts):
        raise ArgumentTypeError(f"must be two or more whole numbers such as 0,1,2, not {word!r}")
    return [int(part) for part in parts]


def _leaves(parser: argparse.ArgumentParser, words: list[str]) -> list[argparse.ArgumentParser]:
    """The parser of the verb, and that of its own verb where it has some (`data check`)."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += [leaf for name, leaf in action.choices.items() if name in words]
    return found
