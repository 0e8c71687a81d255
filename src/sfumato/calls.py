"""What a user calls: arguments are checked first, and models are left as they were found.

The functions of `sfumato` itself pass through here, and nothing else does: inside the library
arguments are right.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, wraps
from inspect import BoundArguments, Parameter, signature
from os import PathLike, fspath
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from sfumato.errors import ConfigError, brief

Verb = TypeVar("Verb", bound=Callable[..., Any])


def checked(verb: Verb) -> Verb:
    """The same function for a user.

    It raises ConfigError, one line, for an argument that is none of what its hint says, and for a
    model whose weights are not float32. Models it is given are in evaluation mode while it runs,
    and it works alike whatever torch's default type is and inside `torch.inference_mode`.
    """
    shape = signature(verb)

    @wraps(verb)
    def call(*args: Any, **words: Any) -> Any:
        given = shape.bind(*args, **words)
        for name in given.arguments:
            given.arguments[name] = _argument(verb, name, given)
        with _as_usual(given):
            found = verb(*given.args, **given.kwargs)
        return _one_by_one(found, given) if isinstance(found, Iterator) else found

    call.__module__ = __package__  # where it is found, by pickle too
    return cast(Verb, call)


def _one_by_one(found: Iterator[Any], given: BoundArguments) -> Iterator[Any]:
    """What is made when it is asked for, with the models as they were in between."""
    while True:
        with _as_usual(given):
            one = next(found, found)
        if one is found:
            return
        yield one


def _argument(verb: Callable[..., Any], name: str, given: BoundArguments) -> Any:
    value, hint = given.arguments[name], _hints(verb).get(name, Any)
    if hint is Any or given.signature.parameters[name].kind is Parameter.VAR_KEYWORD:
        return value
    from pydantic import ValidationError

    from sfumato.settings import spell

    value = _plain(value)
    kinds: list[Any] = [get_origin(part) for part in (hint, *get_args(hint))]
    if isinstance(value, Mapping) and Mapping in kinds:
        return value  # its names are those of settings, and are checked as such
    for form in _forms(name, value):
        try:
            found = _adapter(hint).validate_python(form)
        except ValidationError as error:
            said = error.errors()[0].get("ctx", {}).get("error")
            if isinstance(said, ConfigError):  # of a Source, in our words
                raise said from None
        else:
            return found
    raise ConfigError(f"{name} must be {spell(hint)}; got {brief(value)}.")


def _plain(value: Any) -> Any:
    """Numbers of NumPy and torch as Python's, paths of any kind as Path, settings checked anew."""
    from sfumato.data.source import Source

    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if isinstance(value, PathLike) and not isinstance(value, Path):
        return Path(fspath(value))
    if isinstance(value, Source):
        from sfumato.settings import build

        return build(Source, vars(value), "data.")
    torch = sys.modules.get("torch")
    return str(value) if torch and isinstance(value, torch.device) else value


def _forms(name: str, value: Any) -> Iterator[Any]:
    """Itself, then as bytes or as a list, where it is a file or holds one thing after another."""
    yield value
    if callable(getattr(value, "readline", None)):
        if value.seekable():  # what somebody has written or read a moment ago, from its beginning
            value.seek(0)
        content = value.read()
        if isinstance(content, str):  # which would be taken for a path
            raise ConfigError(f"{name} is a file opened as text; open it with mode 'rb'.")
        yield content
    elif isinstance(value, set | frozenset | Iterator):
        yield list(value)
    elif getattr(value, "ndim", 0) == 1:
        yield value.tolist()


@cache
def _hints(verb: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(verb, include_extras=True)


@cache
def _adapter(hint: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))


@contextmanager
def _as_usual(given: BoundArguments) -> Iterator[None]:
    """Models evaluate, numbers are float32 unless said, and what is made has a slope."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    flat = list[Any]()
    for value in given.arguments.values():
        flat += value if isinstance(value, list | tuple) else [value]
    models = [one for one in flat if isinstance(one, torch.nn.Module)]
    for model in models:
        kinds = {weight.dtype for weight in model.parameters() if weight.is_floating_point()}
        for kind in kinds - {torch.float32}:
            raise ConfigError(
                f"{type(model).__name__} computes in {kind}; say .float() of it first."
            )
    modes = {part: part.training for model in models for part in model.modules()}
    with _FLOAT32, torch.inference_mode(False):
        try:
            for model in models:
                model.eval()
            yield
        finally:
            for part, mode in modes.items():
                part.training = mode


class _Float32:
    """Torch's default type is float32 while any thread is inside; it is one for all of them."""

    def __init__(self) -> None:
        self.lock, self.inside, self.before = Lock(), 0, None

    def __enter__(self) -> None:
        torch = sys.modules["torch"]
        with self.lock:
            if not self.inside:
                self.before = torch.get_default_dtype()
                torch.set_default_dtype(torch.float32)
            self.inside += 1

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                sys.modules["torch"].set_default_dtype(self.before)


_FLOAT32 = _Float32()
