"""CelebA: faces of celebrities, aligned, with 40 attributes that are -1 (no) or 1 (yes).

Parts are those of list_eval_partition where it is there, else of the published numbering (test
from 182638); where no picture of the test part is here, the last tenth of the pictures is the
test part instead. Liu, Luo, Wang & Tang (2015), https://arxiv.org/abs/1411.7766; for research
that is not commercial.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sfumato.data.folder import Files
from sfumato.data.places import File, files
from sfumato.data.source import Source
from sfumato.data.splits import pick
from sfumato.data.stock import Stock
from sfumato.errors import DataError
from sfumato.schema import Attribute

NAMES = (
    *("5_o_Clock_Shadow", "Arched_Eyebrows", "Attractive", "Bags_Under_Eyes", "Bald", "Bangs"),
    *("Big_Lips", "Big_Nose", "Black_Hair", "Blond_Hair", "Blurry", "Brown_Hair"),
    *("Bushy_Eyebrows", "Chubby", "Double_Chin", "Eyeglasses", "Goatee", "Gray_Hair"),
    *("Heavy_Makeup", "High_Cheekbones", "Male", "Mouth_Slightly_Open", "Mustache"),
    *("Narrow_Eyes", "No_Beard", "Oval_Face", "Pale_Skin", "Pointy_Nose", "Receding_Hairline"),
    *("Rosy_Cheeks", "Sideburns", "Smiling", "Straight_Hair", "Wavy_Hair", "Wearing_Earrings"),
    *("Wearing_Hat", "Wearing_Lipstick", "Wearing_Necklace", "Wearing_Necktie", "Young"),
)
"""The published attributes, in their order."""

_PARTS = ("train", "validation", "test")
_STARTS = (1, 162771, 182638)

Table = dict[str, list[float]]


def read(source: Source, place: Path) -> Stock:
    """The faces of one split, as stored; attributes where the list is there."""
    everything = files(place)
    faces = [file for file in everything if file.picture]
    if not faces:
        raise DataError(f"{place} holds no picture; put img_align_celeba.zip there.")
    names, rows = _table(everything, "list_attr_celeba")
    known = [file for file in faces if not rows or file.base in rows]
    parts, notes = _parts(known, _table(everything, "list_eval_partition")[1])
    if len(known) < len(faces):
        notes += (f"{len(faces) - len(known)} pictures have no attributes and were left out",)
    chosen = pick(source, parts)
    values = [rows[file.base] for file in chosen] if rows else None
    return Stock(
        pictures=Files(chosen, 3),
        values=None if values is None else np.array(values, np.float32),
        attributes=yes_no(names),
        notes=notes,
    )


def yes_no(names: Iterable[str]) -> tuple[Attribute, ...]:
    """An attribute of each name that is -1 (no) or 1 (yes)."""
    return tuple(Attribute(name=name, low=-1.0, high=1.0, values=("no", "yes")) for name in names)


def _parts(faces: list[File], partition: Table) -> tuple[dict[str, list[File]], tuple[str, ...]]:
    """The three parts, and a note where they are not the published ones."""
    parts: dict[str, list[File]] = {name: [] for name in _PARTS}
    for file in faces:
        name = file.base
        if name in partition:
            number = int(partition[name][0])
            if number not in range(len(_PARTS)):
                raise DataError(f"list_eval_partition puts {name} in {number}, not in 0, 1 or 2.")
        else:
            position = int(re.sub(r"\D", "", name) or 1)
            number = sum(position >= start for start in _STARTS[1:])
        parts[_PARTS[number]].append(file)
    if parts["test"]:
        return parts, ()
    held = max(1, len(faces) // 10)
    note = f"no picture of the published test part is here: the last {held} are held out for it"
    return {"train": faces[:-held], "test": faces[-held:]}, (note,)


def _table(everything: list[File], stem: str) -> tuple[list[str], Table]:
    """Column names and rows by picture, from the published .txt or a .csv; empty if absent."""
    for file in everything:
        if file.base.startswith(stem) and file.base.endswith((".txt", ".csv")):
            lines = [re.split(r"[,\s]+", line.strip()) for line in _text(file) if line.strip()]
            heads = [line for line in lines if not re.search(r"\.\w{3,4}$", line[0])]
            names = [name for name in (heads[-1] if heads else []) if name != "image_id"]
            said = {line[0]: line[1:] for line in lines if re.search(r"\.\w{3,4}$", line[0])}
            try:
                rows = {name: [float(value) for value in values] for name, values in said.items()}
            except ValueError as error:
                raise DataError(f"{file.name} must hold numbers beside names ({error}).") from None
            if names and any(len(row) != len(names) for row in rows.values()):
                raise DataError(f"{file.name} has rows without a value for each of its columns.")
            return names, rows
    return [], {}


def _text(file: File) -> list[str]:
    return file.read().decode("utf-8", errors="replace").splitlines()
