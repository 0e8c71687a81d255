"""Where verbs read from and write to."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.errors import ConfigError, RunError
from sfumato.io.files import at_home, numbered, writable

if TYPE_CHECKING:
    from sfumato.data.source import Source
    from sfumato.model import Model, Sampler

DEVICES = ("auto", "cpu", "cuda", "mps")
HELD = "of held-out images, and pictures are named"
"""What an option is, for `unsaid`, where it would choose among images that are not looked at."""


def takes_place(parser: ArgumentParser, *, many: bool = False) -> None:
    """Give a verb its PLACE and its --device."""
    about = "a run folder, a bundle (folder or .zip), a zoo name, or a hub repository"
    parser.add_argument("place", metavar="PLACE", nargs="+" if many else None, help=about)
    takes_device(parser)


def takes_device(parser: ArgumentParser) -> None:
    """Let it be said where a verb's network computes."""
    parser.add_argument(
        "--device", choices=DEVICES, default="cpu", metavar="DEVICE", help="cpu, cuda, mps or auto"
    )


def sampler(args: Namespace) -> "Sampler":
    """The model at `args.place`, which must be able to do `args.verb` on samples."""
    from sfumato.sampling import sampler

    return sampler(loaded(args.place, args.device, args.verb), args.verb)


def loaded(place: str, device: str, verb: str) -> "Model":
    """The model at `place`. Raises ConfigError if it has no such verb."""
    from sfumato.encoding import loaded

    return loaded(place, verb, device)


def real_images(args: Namespace) -> "Source | None":
    """What `--data` names, else what the run at `args.place` learned from; None for neither."""
    from sfumato.evaluation import source_of

    if args.data is None and run_of(args.place) is None:
        return None
    return source_of(args.place, args.data)


def tested_on(args: Namespace) -> "Source":
    """What `--data` and `--split` name for the model at `args.place`. Raises ConfigError."""
    from sfumato.evaluation import source_of

    if args.split is not None and args.data is None:
        raise ConfigError("--split is a part of --data; give both.")
    source = source_of(args.place, args.data)
    if args.split in (None, source.split):
        return source
    return replace(source, split=args.split, count=None)  # how many were learned from


def called(model: "Model") -> str:
    """A model's name on the command line: its file's."""
    return type(model).__module__.rpartition(".")[2]


def run_of(place: str) -> str | None:
    """The run folder that `place` is, or None."""
    return place if (at_home(place) / "run.yaml").exists() else None


def target(asked: str | None, place: str, ending: str) -> Path:
    """Where to write: what was asked for, else `PLACE-ending` here, numbered where that is taken.

    Raises RunError where the asked-for place is a folder.
    """
    if asked is None:
        return free(Path(f"{Path(place).name.removesuffix('.zip') or 'model'}-{ending}"))
    if not asked:
        raise RunError(f"-o is empty; name a file such as {ending}.")
    path = at_home(asked)
    if path.is_dir():
        raise RunError(f"-o {asked} is a folder; name a file in it, such as {path / ending}.")
    if path.exists():
        say(f"{path} is there already, and is replaced once all is done")
    return path


def new_folder(asked: str | None, place: str, ending: str) -> Path:
    """A folder to write, not there yet or empty; else as `target`. Raises RunError."""
    if asked == "":
        raise RunError(f"-o is empty; name a folder such as {ending}.")
    path = target(None, place, ending) if asked is None else at_home(asked)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise RunError(f"-o {path} exists already; name a new or an empty folder.")
    writable(path)
    return path


def unsaid(args: Namespace, why: str, *names: str) -> None:
    """Raise ConfigError for an option that was said where it would not be looked at."""
    for name in names:
        if getattr(args, name) not in (None, [], ()):
            option = {"count": "-n", "out": "-o"}.get(name, f"--{name}")
            raise ConfigError(f"{option} is {why}; leave it out.")


def free(path: Path) -> Path:
    """`path`, or `path-2` and so on where that is taken."""
    return next(name for name in numbered(path) if not name.exists())


def picture(path: Path, *endings: str) -> Path:
    """`path`, if its ending is one that can be written, in a place that can be written to.

    Raises ConfigError and RunError: what may take minutes to paint is not painted in vain.
    """
    if path.suffix.lower() not in endings:
        raise ConfigError(f"-o {path} must end in {' or '.join(endings)}.")
    writable(path)
    return path


def first_frame(path: str) -> None:
    """Say so where a verb that makes one thing of one picture is given a clip."""
    from sfumato.io.clips import is_clip, pages

    if is_clip(path):
        say(f"{path} is a clip: its first frame is taken")
    elif (count := pages(path)) > 1:
        say(f"{path} has {count} pages: the first is taken")


def say(text: str = "") -> None:
    """A line for people; with --json it goes to stderr."""
    print(text)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of words as lines: numbers to the right, the first and the last column to the left."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(wide) - 1
    lines = (
        "  ".join(
            word.ljust(w) if index in (0, last) else word.rjust(w)
            for index, (word, w) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)


def wrote(*paths: Path) -> list[str]:
    """Say what was written, and give the names for the report."""
    for path in paths:
        say(f"wrote {path}")
    return [str(path) for path in paths]


@contextmanager
def bar(title: str, total: int) -> Iterator[Any]:
    """A progress bar on stderr; yields what to call with the size of each finished part.

    It begins with the first part: a mistake found before leaves one line, not two.
    """
    from sfumato.io import bars

    progress = bars.bar()
    task = progress.add_task(title, total=total)

    def tell(size: int) -> None:
        progress.start()
        progress.advance(task, size)

    try:
        yield tell
    finally:
        if progress.live.is_started:
            progress.stop()


def tracked(items: Iterable[Any], title: str, total: int) -> Iterator[Any]:
    """`items`, one by one, under a progress bar on stderr."""
    from sfumato.io import bars

    with bars.bar() as progress:
        yield from progress.track(items, total, description=title)
