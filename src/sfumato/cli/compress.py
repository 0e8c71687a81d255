"""Verbs that keep pictures in few bytes: compress, decompress."""

from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfumato.cli.draw import PICTURES
from sfumato.cli.parser import sentence, whole
from sfumato.cli.places import (
    bar,
    called,
    first_frame,
    free,
    picture,
    run_of,
    say,
    takes_device,
    target,
    wrote,
)

if TYPE_CHECKING:
    from sfumato.model import Codec

MODEL = "codec-photos"
ENDING = ".sfu"


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verbs."""
    verb = _coding(
        subparsers,
        "compress",
        "a picture into a small .sfu file, by a learned codec",
        f"a run, a bundle or a zoo name (default {MODEL})",
        MODEL,
    )
    verb.add_argument("picture", metavar="PICTURE", help="any picture Pillow reads")
    verb.add_argument(
        "--quality",
        type=whole(1),
        metavar="Q",
        help="1 is the smallest file (default: the middle)",
    )
    verb.add_argument(
        "--refine",
        type=whole(0),
        default=0,
        metavar="STEPS",
        help="look so long for a better code: a smaller file at about the same likeness; try 20",
    )
    verb.set_defaults(run=compress)

    verb = _coding(
        subparsers,
        "decompress",
        "the picture that a .sfu file keeps",
        "the run, bundle or zoo name that wrote it; those of the zoo are tried unless said",
    )
    verb.add_argument("file", metavar="FILE", help="what compress wrote")
    verb.set_defaults(run=decompress)


def compress(args: Namespace) -> dict[str, Any]:
    """Write a picture as .sfu."""
    from sfumato.compression import codec, compress
    from sfumato.io.files import atomic
    from sfumato.io.images import read, transparent

    path = _file(args.out, args.picture, ENDING)
    image = read(args.picture)
    first_frame(args.picture)
    if transparent(args.picture):
        say("transparency is laid on white: a .sfu file keeps none")
    model = codec(args.place, args.verb, args.device)
    pixels = image.width * image.height
    with bar("compressing", pixels * (1 + args.refine)) as tell:
        data = compress(image, args.quality, refine=args.refine, model=model, tell=tell)
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    files = wrote(path)
    bits = 8 * len(data) / pixels
    say(f"{len(data):,} bytes for {image.width}x{image.height} pixels: {bits:.3g} bits a pixel")
    size = {"width": image.width, "height": image.height, "channels": len(image.getbands())}
    return _report(args, model, files) | size | {"bytes": len(data), "bits_per_pixel": bits}


def decompress(args: Namespace) -> dict[str, Any]:
    """Write the picture of a .sfu file."""
    from sfumato.compression import MODELS, read_by
    from sfumato.io.images import save

    path = _file(args.out, args.file, *PICTURES)
    places = MODELS if args.place is None else (args.place,)
    with bar("decompressing", _pixels(args.file)) as tell:
        model, image = read_by(places, args.file, args.device, tell)
    save(image, path)
    size = {"width": image.width, "height": image.height, "channels": len(image.getbands())}
    return _report(args, model, wrote(path)) | size


def _coding(
    subparsers: "_SubParsersAction[Any]",
    name: str,
    about: str,
    places: str,
    usual: str | None = None,
) -> ArgumentParser:
    verb = subparsers.add_parser(name, help=about, description=sentence(about))
    verb.add_argument("-o", "--out", help="where to write; here, under the same name, unless said")
    verb.add_argument("--model", dest="place", default=usual, metavar="PLACE", help=places)
    takes_device(verb)
    return verb


def _file(asked: str | None, source: str, *endings: str) -> Path:
    """Where to write: what was asked for, else the source's name with another ending, here."""
    own = f"{Path(source).stem or 'picture'}{endings[0]}"
    return picture(free(Path(own)) if asked is None else target(asked, source, own), *endings)


def _pixels(file: str) -> int:
    """What the bar counts to: nothing where the file is none, which is said when it is read."""
    from sfumato.compression import content
    from sfumato.errors import DataError
    from sfumato.io.sfu import unpack

    try:
        header, _ = unpack(content(file))
    except DataError:
        return 1
    return header.width * header.height


def _report(args: Namespace, model: "Codec", files: list[str]) -> dict[str, Any]:
    run = None if args.place is None else run_of(args.place)
    return {"model": called(model), "run": run, "files": files}
