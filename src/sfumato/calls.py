"""What a user calls: arguments are checked first, and the process is left as it was found.

The functions of `sfumato` itself pass through here, and nothing else does: inside the library
arguments are right.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from inspect import BoundArguments, Parameter, signature
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sfumato import settings
from sfumato.data.source import Source
from sfumato.errors import ConfigError, brief

Verb = TypeVar("Verb", bound=Callable[..., Any])


def checked(verb: Verb) -> Verb:
    """The same function for a user.

    It raises ConfigError, one line, for an argument that is none of what its hint says. Models it
    is given are in evaluation mode while it runs. Whatever it changes of torch's own state (random
    numbers, default type, threads) is put back, and it works alike inside
    `torch.inference_mode`.
    """
    shape = signature(verb)

    @wraps(verb)
    def call(*args: Any, **words: Any) -> Any:
        given = shape.bind(*args, **words)
        for name in given.arguments:
            given.arguments[name] = _argument(verb, name, given)
        with _as_found(given):
            return verb(*given.args, **given.kwargs)

    return cast(Verb, call)


def _argument(verb: Callable[..., Any], name: str, given: BoundArguments) -> Any:
    value, hint = given.arguments[name], _hints(verb).get(name, Any)
    if hint is Any or given.signature.parameters[name].kind is Parameter.VAR_KEYWORD:
        return value
    value = _plain(value)
    try:
        found = _adapter(hint).validate_python(value)
    except ValidationError as error:
        said = error.errors()[0].get("ctx", {}).get("error")
        if isinstance(said, ConfigError):  # of a Source, in our words
            raise said from None
        wish = settings.spell(hint)
        raise ConfigError(f"{name} must be {wish}; got {brief(value)}.") from None
    return value if isinstance(value, Mapping) else found


def _plain(value: Any) -> Any:
    """Numbers of NumPy and torch as Python's, paths of any kind as Path, settings checked anew."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    if isinstance(value, PathLike) and not isinstance(value, Path):
        return Path(fspath(value))
    if isinstance(value, Source):
        return settings.build(Source, vars(value), "data.")
    return str(value) if type(value).__name__ == "device" else value


@cache
def _hints(verb: Callable[..., Any]) -> dict[str, Any]:
    return get_type_hints(verb, include_extras=True)


@cache
def _adapter(hint: Any) -> "TypeAdapter":
    return TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))


@contextmanager
def _as_found(given: BoundArguments) -> Iterator[None]:
    """Models evaluate, and torch computes as it does when it has just been started."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    models = [one for one in given.arguments.values() if isinstance(one, torch.nn.Module)]
    modes = {part: part.training for model in models for part in model.modules()}
    kind, threads = torch.get_default_dtype(), torch.get_num_threads()
    products = torch.get_float32_matmul_precision()
    with ExitStack() as kept:
        kept.enter_context(torch.random.fork_rng(devices=[]))
        if torch.is_inference_mode_enabled():
            kept.enter_context(torch.inference_mode(False))
        try:
            torch.set_default_dtype(torch.float32)
            for model in models:
                model.eval()
            yield
        finally:
            for part, mode in modes.items():
                part.training = mode
            torch.set_default_dtype(kind)
            torch.set_num_threads(threads)
            torch.set_float32_matmul_precision(products)
