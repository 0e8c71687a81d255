"""German traffic signs: photographs in folders 00 to 42, several of each sign as a car drew near.

Photographs of one sign (a track) look alike, so whole tracks are held out: of each class every
third is in the part `test`, and `holdout` keeps whole ones aside. A file is called TRACK_FRAME, as
the set is handed out.

Stallkamp, Schlipsing, Salmen & Igel (2012), https://doi.org/10.1016/j.neunet.2012.02.016
"""

from pathlib import Path, PurePosixPath

import numpy as np

from sfumato.data.folder import Files
from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import drawn, pick
from sfumato.data.stock import Stock
from sfumato.errors import DataError

NAMES = (
    *("limit-20", "limit-30", "limit-50", "limit-60", "limit-70", "limit-80", "limit-80-ends"),
    *("limit-100", "limit-120", "no-passing", "no-passing-trucks", "crossing", "priority"),
    *("yield", "stop", "no-vehicles", "no-trucks", "no-entry", "caution", "curve-left"),
    *("curve-right", "curves", "bumps", "slippery", "narrows-right", "road-work"),
    *("traffic-lights", "pedestrians", "children", "bicycles", "ice", "animals", "limits-end"),
    *("right", "left", "ahead", "ahead-or-right", "ahead-or-left", "keep-right", "keep-left"),
    *("roundabout", "no-passing-ends", "no-passing-trucks-ends"),
)
"""What the 43 classes show, in their order."""
_EACH = 3


def read(source: Source, place: Path) -> Stock:
    """The signs of one part; classes go round, so that the first so many are a fair choice."""
    signs = [file for file in files(place) if file.picture and _class(file) is not None]
    if not signs:
        raise DataError(f"{place} holds no picture in folders 00 to 42.")
    held = _held_out(signs)
    parts = {
        "train": [file for file in signs if _track(file) not in held],
        "test": [file for file in signs if _track(file) in held],
    }
    chosen = sorted(pick(source, parts), key=lambda file: (_turns(file), _track(file)))
    number = {track: place for place, track in enumerate(sorted({*map(_track, chosen)}))}
    tracks = np.array([number[_track(file)] for file in chosen])
    return Stock(
        aside=drawn(tracks, source),
        pictures=Files(chosen, 3),
        label=np.array([_class(file) for file in chosen]),
        classes=NAMES,
        notes=("of each class every third track is held out for the part test",),
    )


def _class(file: File) -> int | None:
    """The number of its folder; None where that is no class."""
    name = PurePosixPath(file.name).parent.name
    return int(name) if name.isdigit() and int(name) < len(NAMES) else None


def _track(file: File) -> tuple[int, str]:
    """Its class and the sign that was photographed."""
    number = _class(file)
    assert number is not None
    return number, PurePosixPath(file.name).stem.partition("_")[0]


def _turns(file: File) -> str:
    """Its place in its track."""
    return PurePosixPath(file.name).stem.partition("_")[2]


def _held_out(signs: list[File]) -> set[tuple[int, str]]:
    """Every third track of each class."""
    tracks = sorted({_track(file) for file in signs})
    found = set()
    for number in range(len(NAMES)):
        own = [track for track in tracks if track[0] == number]
        found |= set(own[_EACH - 1 :: _EACH])
    return found
