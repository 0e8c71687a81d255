"""Freely licensed photographs of Debian's packages: python benchmarks/photographs.py FOLDER.

`srresnet-x4` learns from them. Packages are fetched by `apt-get download` (any of release 12), or
taken from `--packages`, a folder of .deb files; nothing is installed. Of each picture its own
licence is read in the package's copyright file, and written beside the pictures as `licences.csv`.
Of GCompris, whose pictures lie in Qt's resource files, only photographs are taken whose author
that file names, and whose licence is CC0, CC BY, CC BY-SA or none needed.
"""

import argparse
import csv
import io
import json
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from email import message_from_string
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from PIL import Image

LEAST = 192
"""Of the shorter side: what `sharp_squares.py` cuts for `srresnet-x4`."""
WALLPAPERS = {
    "lomiri-wallpapers-16.04": """
        Bridge_by_Sander_Klootwijk Dragonfly_by_Bolly Picture_0B_by_freespace
        Picture_1A_by_freespace Wine_by_Jakkub_Mede aitzgorri_by_Aitzol_Berasategi
        free_by_Peter_Nerlich friends_by_Aitzol_Berasategi greentock_by_Peter_Nerlich
        life_by_Aitzol_Berasategi picosdeeuropa_by_Aitzol_Berasategi
        seeding_by_Clements_Engelhardt sunset_by_Aitzol_Berasategi""",
    "lomiri-wallpapers-20.04": "Kleiber_by_Lukas_Baubkus",
    "mate-backgrounds": "Dune FreshFlower Garden GreenMeadow LadyBird RainDrops TwoWings "
    "YellowFlower",
    "plasma-workspace-wallpapers": "BytheWater ColorfulCups EveningGlow FallenLeaf Grey Kite "
    "OneStandsOut Path",
}
"""Packages to their photographs: what a file or the folder of a wallpaper is called."""
LESSONS = "gcompris-qt-data"
ACTIVITIES = ("categorization", "explore_world_animals")
"""Of GCompris, those that show photographs."""
FREE = ("CC0", "CC-BY", "public-domain")
Licence = tuple[str, str, str]
"""What it is said of, a pattern of paths; licence; authors."""
Found = tuple[str, bytes, Licence]
"""A picture's name, its file, and whose it is."""


def licences(unpacked: Path) -> list[Licence]:
    """All that a package's copyright file says, in its order: the last that fits holds."""
    (path,) = (unpacked / "usr/share/doc").glob("*/copyright")
    found = []
    for paragraph in path.read_text(encoding="utf-8").split("\n\n"):
        said = message_from_string(paragraph.strip("\n"))
        for pattern in (said["Files"] or "").split():
            licence, *_ = (said["License"] or "").splitlines() or [""]
            found.append((pattern, licence.strip(), " ".join((said["Copyright"] or "").split())))
    return found


def licence(said: list[Licence], path: str) -> Licence:
    """That of a path in the source, or of a file's name without its folder."""
    bare = PurePosixPath(path).with_suffix("")  # the format may have changed since
    for entry in reversed(said):
        pattern = PurePosixPath(entry[0]).with_suffix("")
        if bare in (pattern, PurePosixPath(pattern.name)) or fnmatchcase(path, entry[0]):
            return entry
    raise SystemExit(f"{path}: its package names no licence")


def resources(path: Path) -> Iterator[tuple[str, bytes]]:
    """Files of one of Qt's binary resource files, which are trees of names before their data."""
    whole = path.read_bytes()
    magic, version, tree, data, names = struct.unpack_from(">4s4I", whole)
    if magic != b"qres":
        raise SystemExit(f"{path}: not a resource file of Qt")
    size = 14 if version < 2 else 22

    def walk(number: int, above: PurePosixPath) -> Iterator[tuple[str, bytes]]:
        at = tree + number * size
        name, flags = struct.unpack_from(">IH", whole, at)
        (length,) = struct.unpack_from(">H", whole, names + name)
        start = names + name + 6
        here = above / whole[start : start + 2 * length].decode("utf-16-be") if number else above
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">II", whole, at + 6)
            for child in range(first, first + count):
                yield from walk(child, here)
        elif not flags & 4:  # not by Zstandard
            (place,) = struct.unpack_from(">I", whole, at + 10)
            (length,) = struct.unpack_from(">I", whole, data + place)
            held = whole[data + place + 4 : data + place + 4 + length]
            yield str(here), zlib.decompress(held[4:]) if flags & 1 else held

    return walk(0, PurePosixPath())


def wallpapers(unpacked: Path, named: list[str]) -> Iterator[Found]:
    """A package's chosen pictures, each in its largest size."""
    said = licences(unpacked)
    for name in named:
        paths = [
            path
            for path in unpacked.rglob("*.jpg")
            if path.stem == name or (name in path.parts and path.parent.name == "images")
        ]
        held = max((path.read_bytes() for path in paths), key=len)
        about = paths[0].parents[2] / "metadata.json"  # of a wallpaper that is a folder
        if about.exists():
            plugin = json.loads(about.read_text(encoding="utf-8"))["KPlugin"]
            authors = ", ".join(author["Name"] for author in plugin["Authors"])
            yield name, held, (str(about.parent.name), plugin["License"], authors)
        else:
            yield name, held, licence(said, f"{name}.jpg")


def lessons(unpacked: Path) -> Iterator[Found]:
    """Those pictures of GCompris's chosen activities that are free and say of whom they are."""
    said = licences(unpacked)
    for activity in ACTIVITIES:
        (path,) = unpacked.rglob(f"{activity}.rcc")
        for inside, held in resources(path):
            if inside.endswith((".webp", ".jpg", ".png")):
                terms = licence(said, inside.removeprefix("gcompris/"))
                if "*" not in terms[0] and terms[1].startswith(FREE):
                    yield PurePosixPath(inside).stem, held, terms


def main() -> None:
    """Fetch, unpack, choose, write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=Path, help="folder of .deb files, fetched already")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    rows = [("file", "of", "licence", "authors")]
    with tempfile.TemporaryDirectory() as scratch:
        packages = args.packages or Path(scratch)
        if not args.packages:
            subprocess.run(["apt-get", "download", *WALLPAPERS, LESSONS], cwd=packages, check=True)
        for package in (*WALLPAPERS, LESSONS):
            (archive,) = packages.glob(f"{package}_*.deb")
            unpacked = Path(scratch) / package
            subprocess.run(["dpkg-deb", "-x", archive, unpacked], check=True)
            named = WALLPAPERS.get(package, "").split()
            found = wallpapers(unpacked, named) if named else lessons(unpacked)
            for name, held, terms in found:
                with Image.open(io.BytesIO(held)) as image:
                    if min(image.size) < LEAST:
                        continue
                    file = args.folder / f"{package}-{name}.{str(image.format).lower()}"
                file.write_bytes(held)
                rows.append((file.name, *terms))
    with (args.folder / "licences.csv").open("w", newline="", encoding="utf-8") as table:
        csv.writer(table).writerows(rows)
    print(f"{len(rows) - 1} photographs in {args.folder}")


if __name__ == "__main__":
    main()
