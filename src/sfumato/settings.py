"""Frozen values from words: flags, files and keyword arguments become checked dataclasses.

Used for a model's `Config`, a `Source`, a `Recipe` and a `Schema` alike, so `--model.latent
twelve`, `model={"latent": "twelve"}` and a bundle whose `config.json` was edited by hand get the
same one line in answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from numbers import Integral
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

from annotated_types import Ge, Gt, Le, Lt
from docstring_parser import parse_from_object
from pydantic import AllowInfNan, TypeAdapter, ValidationError

from sfumato.errors import ConfigError, brief, nearest

T = TypeVar("T")

Count = Annotated[int, Ge(1)]
Several = Annotated[int, Ge(2)]
Whole = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0), AllowInfNan(False)]
NonNegative = Annotated[float, Ge(0), AllowInfNan(False)]
Fraction = Annotated[float, Ge(0), Le(1)]
Decay = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True)
class Setting:
    """One field as the command line shows it."""

    name: str
    kind: str
    default: Any
    about: str


def settings(kind: type) -> list[Setting]:
    """The fields of a dataclass, in order, each with its type, its default and its docstring."""
    about = {p.arg_name: p.description or "" for p in parse_from_object(kind).params}
    return [
        Setting(f.name, spell(f.type), f.default, " ".join(about.get(f.name, "").split()))
        for f in fields(kind)
    ]


def build(kind: type[T], values: Mapping[str, Any], prefix: str = "") -> T:
    """A `kind` from plain values or words; a wrong name, type or range is a ConfigError.

    `prefix` is how the user spells the place: "model." makes the message say `--model.latent`.
    """
    known = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise ConfigError(f"there is no setting --{prefix}{name}; {nearest(name, known)}")
    hints = get_type_hints(kind)
    plain = {name: _parse(value, hints[name]) for name, value in values.items()}
    try:
        return _adapter(cast(Any, kind)).validate_python(plain)
    except ValidationError as error:
        raise ConfigError(_one_line(error, prefix)) from None


def override(value: T, changes: Mapping[str, Any], prefix: str = "") -> T:
    """`value` with some fields replaced; the result is checked as a whole."""
    plain = {f.name: getattr(value, f.name) for f in fields(value)}  # type: ignore[arg-type]
    return build(type(value), {**plain, **changes}, prefix) if changes else value


def check(value: Any, prefix: str = "model.") -> None:
    """Raise ConfigError where a field of a dataclass instance has a wrong type or range."""
    try:  # by way of vars, so that the contract can tell which fields a model itself reads
        _adapter(cast(Any, type(value))).validate_python(dict(vars(value)))
    except ValidationError as error:
        raise ConfigError(_one_line(error, prefix)) from None


def counted(count: Any) -> None:
    """Raise ConfigError unless it is a whole number from 1."""
    if not isinstance(count, Integral):
        raise ConfigError(f"count must be int; got {count}.")
    if count < 1:
        raise ConfigError(f"count must be at least 1; got {count}.")


@cache
def _adapter(kind: Any) -> "TypeAdapter":
    return TypeAdapter(kind)


def _one_line(error: ValidationError, prefix: str) -> str:
    first = error.errors()[0]
    said = first.get("ctx", {}).get("error")
    if isinstance(said, ConfigError):  # raised by the dataclass itself, in our words
        return str(said)
    where = ".".join(str(part) for part in first["loc"])
    missing = first["type"] == "missing"
    got = "" if missing else f", not {brief(first['input'])}"
    wish = (
        first["msg"].replace("Input should be", "must be").replace("Field required", "is missing")
    )
    return f"--{prefix}{where} {wish.split(', unable')[0]}{got}."


def _parse(value: Any, hint: Any) -> Any:
    """Words of a command line as the checker reads them: "none", a choice, "a,b" for a tuple."""
    if not isinstance(value, str):
        return value
    spelled = str(hint)
    if value.lower() == "none" and "None" in spelled:
        return None
    if get_origin(hint) is Literal:  # a choice may be a number
        return next((choice for choice in get_args(hint) if str(choice) == value), value)
    is_tuple = get_origin(hint) is tuple or spelled.startswith("tuple[")
    return tuple(part for part in value.split(",") if part) if is_tuple else value


def spell(hint: Any) -> str:
    """A type as a user reads it: "int >= 1", "relu or leaky_relu", "int or none"."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        limits = [
            f"{sign} {getattr(limit, key)}"
            for limit in hint.__metadata__
            for key, sign in _SIGNS
            if hasattr(limit, key)
        ]
        return " ".join([spell(inner[0]), ", ".join(limits)]).strip()
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join("none" if part is NoneType else spell(part) for part in inner)
    if origin is tuple:
        return ", ".join("..." if part is Ellipsis else spell(part) for part in inner)
    if origin is Sequence:
        return f"several of {spell(inner[0])}"
    if origin is Mapping:
        return "a mapping"
    if origin is Callable:
        return "a function"
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "")


_SIGNS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
