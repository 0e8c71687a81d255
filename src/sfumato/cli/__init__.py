"""The command line: one verb, one line of options, one answer.

    0   done
    2   the user's mistake, in one line on stderr
    1   ours, with the traceback
    128 + n   stopped by signal n, after saving

`--json` moves everything for people to stderr and prints one object as the last line of stdout.
"""

import errno
import json
import logging
import os
import re
import signal
import sys
import time
import traceback
import warnings
from argparse import Namespace, _SubParsersAction
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

import sfumato
from sfumato.cli.parser import Parser, complain_of_extras
from sfumato.errors import SfumatoError, Stopped

GROUPS = (
    *("demo", "look", "data", "train", "draw", "explore", "atlas", "search"),
    *("blend", "complete", "style", "translate", "edit", "compress", "classify", "augment"),
    *("measure", "reproduce", "share", "doctor"),
)
"""Modules of this package, each with `register(subparsers)`, in the order of the help."""

_SURROUNDINGS = frozenset(
    {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}
    | {errno.EFBIG, errno.ENAMETOOLONG, errno.ELOOP}
    | {errno.EEXIST, errno.EISDIR, errno.ENOTDIR}
)
"""Of what the system refuses, that which only the user can change, wherever it was asked for."""

_NO_ROOM = ("allocate memory", "out of memory", "not enough memory")
"""How PyTorch says so of the processor, of CUDA and MPS, and on Windows."""

_ABOUT = "Train, sample and measure the classic systems of image generation."
_EPILOG = """\
begin with:
  sfumato demo                                  three minutes, one page of pictures
  sfumato train dcgan --data mnist --minutes 10
  sfumato sample runs/dcgan-mnist -n 64
  sfumato VERB --help                           every option of a verb
  sfumato train MODEL --help                    and every setting of a model

A verb takes a run folder, a bundle or a zoo name alike. --json, with any verb, prints one
object as the last line of stdout."""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the words say and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _settle_streams()
    # Pillow warns of large pictures; what is too large is said in one line of ours
    warnings.filterwarnings("ignore", message=".*decompression bomb")
    # nor need anybody know that matplotlib keeps its list of fonts elsewhere
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        return _answer(words)
    except SystemExit as end:  # how argparse ends after --help and --version
        return int(end.code or 0)
    except SfumatoError as error:
        print(f"sfumato: {' '.join(str(error).split())}", file=sys.stderr)
        return _code({"stopped": error.name}) if isinstance(error, Stopped) else 2
    except KeyboardInterrupt:
        print("sfumato: stopped.", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader has seen enough: `sfumato list | head -1`
        _hush()
        return 128 + getattr(signal, "SIGPIPE", 13)  # Windows has none
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _SURROUNDINGS:
            if error.filename is None:  # what is left to print cannot be printed either
                _hush()
            where = error.filename or "what is printed to"
            print(f"sfumato: {where} cannot be used ({error.strerror}).", file=sys.stderr)
            return 2
        if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_ROOM):
            print(
                "sfumato: that does not fit in memory; take smaller numbers, of --batch, "
                "--data.side or a --model setting.",
                file=sys.stderr,
            )
            return 2
        traceback.print_exc()
        print(f"sfumato: {_fault(type(error).__name__)}", file=sys.stderr)
        return 1


def _fault(kind: str) -> str:
    """Whose an exception of this kind is: of a model of the user's own, perhaps, or ours."""
    from sfumato.registry import in_use

    if files := in_use():
        return (
            f"a fault of {' or '.join(map(str, files))}, or of ours ({kind}); the lines above "
            "say where."
        )
    return f"a fault of ours, not yours ({kind}); please report the lines above."


def _settle_streams() -> None:
    """Where there is no stream, print to nowhere; what a stream cannot spell is spelt out."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed: `sfumato list >&-`
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _hush() -> None:
    """Let what is still to be printed go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _answer(words: list[str]) -> int:
    wants_json = "--json" in words
    parser, verbs = _parser()
    words = _named([word for word in words if word != "--json"])
    if not words:
        parser.print_help()
        return 0
    chosen = verbs.choices.get(words[0])
    if chosen is not None and (complete := chosen.get_default("complete")):
        complete(chosen, words[1:])
    if chosen is None or _of_its_own(chosen):
        args, extras = parser.parse_known_args(words)
    else:  # pictures may stand before options, between and behind them
        args, extras = chosen.parse_known_intermixed_args(words[1:], Namespace(verb=words[0]))
    if extras:
        complain_of_extras(chosen or parser, words, extras)
    began, speaks = time.monotonic(), _speaks()
    with _channel(wants_json, speaks):
        try:
            report = args.run(args)
        except SfumatoError as error:
            error.args = (_own_words(str(error), chosen), *error.args[1:])
            raise
        sys.stdout.flush()
    if wants_json and speaks:
        found = _plain(_object(args, report, time.monotonic() - began))
        print(json.dumps(found, default=str, allow_nan=False), flush=True)
    return _code(report)


def _named(words: list[str]) -> list[str]:
    """Words without `--`: what begins with a dash behind it is a file, and is written ./-file.

    Argparse does not take `--` where names and options are mixed.
    """
    if "--" not in words:
        return words
    at = words.index("--")
    return words[:at] + [f"./{one}" if one[:1] == "-" else one for one in words[at + 1 :]]


def _of_its_own(verb: Parser) -> "list[_SubParsersAction[Parser]]":
    """The verbs that a verb has."""
    return [action for action in verb._actions if isinstance(action, _SubParsersAction)]


def _own_words(text: str, verb: Parser | None) -> str:
    """A complaint in the verb's own options: `--split` where it has no `--data.split`."""
    known = verb._option_string_actions if verb else {}

    def own(found: re.Match[str]) -> str:
        short = f"--{found[1]}"
        return short if found[0] not in known and short in known else found[0]

    return re.sub(r"--data\.(\w+)", own, text)


def _speaks() -> bool:
    """Of the processes of a distributed training, all given the same words, the first speaks."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


@contextmanager
def _channel(wants_json: bool, speaks: bool) -> Iterator[None]:
    """Where the lines for people go: stdout, beside an object stderr, of the others nowhere."""
    with ExitStack() as stack:
        if not speaks:
            nowhere = stack.enter_context(Path(os.devnull).open("w"))
            stack.enter_context(redirect_stdout(nowhere))
        elif wants_json:
            stack.enter_context(redirect_stdout(sys.stderr))
        yield


def _parser() -> tuple[Parser, "_SubParsersAction[Parser]"]:
    """The whole command line; groups are imported, the libraries beneath them are not."""
    parser = Parser(prog="sfumato", description=_ABOUT, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"sfumato {sfumato.__version__}")
    verbs = parser.add_subparsers(metavar="VERB", dest="verb", required=True)
    for group in GROUPS:
        import_module(f"{__name__}.{group}").register(verbs)
    for verb in verbs.choices.values():
        for leaf in (verb, *(one for own in _of_its_own(verb) for one in own.choices.values())):
            # `_answer` has taken it away before words are read
            leaf.add_argument("--json", action="store_true", help="print one object at the end")
    return parser, verbs


def _object(args: Namespace, report: dict[str, Any], seconds: float) -> dict[str, Any]:
    """What `--json` prints: the same keys for every verb, then what the verb adds."""
    always = {
        "verb": args.verb,
        "model": None,
        "run": None,
        "seconds": round(seconds, 3),
        "files": [],
        "metrics": {},
    }
    return {**always, **report}


def _plain(value: Any) -> Any:
    """Numbers that JSON cannot carry (nan, inf) as None, wherever they are."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _code(report: dict[str, Any]) -> int:
    stopped = report.get("stopped")
    return 128 + signal.Signals[stopped] if stopped else 0
