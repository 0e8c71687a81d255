"""Images at their final size, and batches gathered from them as tensors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from sfumato.data.pairs import MADE
from sfumato.data.stock import NAMELESS
from sfumato.errors import ConfigError, DataError
from sfumato.io.images import from_bytes
from sfumato.schema import Schema
from sfumato.shapes import Attributes, Captions, Images, Labels, Masks

_ABSENT: Any = None


class Batch(NamedTuple):
    """What one training step sees; a source fills the fields it has and leaves the rest None.

    The types are those of a filled field: what a model `needs` is checked before it sees a batch.
    """

    image: Images
    """Float32 in [-1, 1], axes B C H W."""
    label: Labels = _ABSENT
    """Class numbers, axis B."""
    attributes: Attributes = _ABSENT
    """Measured properties in the schema's order and units, axes B A."""
    caption: Captions = _ABSENT
    """Tokens of the schema's vocabulary, 0 after the last word, axes B L."""
    mask: Masks = _ABSENT
    """1 where the thing is, 0 elsewhere; axes B 1 H W."""
    outline: Masks = _ABSENT
    """1 on the border of the thing, 0 elsewhere; axes B 1 H W."""
    target: Images = _ABSENT
    """What a translator should make of the image: float32 in [-1, 1], axes B C H W."""

    def to(self, device: torch.device | str) -> "Batch":
        """The same on `device`."""
        return Batch(*(part if part is None else part.to(device) for part in self))


class Changes(NamedTuple):
    """How each image of a batch is changed, drawn anew for every batch; None where it is not."""

    mirrored: Tensor | None = None
    """Whether left and right are exchanged; axis B."""
    corners: Tensor | None = None
    """Row and column at which the patch begins; axes B 2."""

    def share(self, of: slice) -> "Changes":
        """Those of some images of the batch."""
        return Changes(*(drawn if drawn is None else drawn[of] for drawn in self))


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a source kept, what it skipped and why."""

    kept: int = 0
    """Images in the data set."""
    skipped: tuple[tuple[str, str], ...] = ()
    """Name and reason of every file left out."""
    notes: tuple[str, ...] = ()
    """Anything a reader should know: a checksum that differs, a split made here."""

    def line(self) -> str:
        """One line, for people."""
        text = f"{self.kept} images"
        if self.skipped:
            name, reason = self.skipped[0]
            text += f", {len(self.skipped)} skipped (the first: {name} {reason})"
        return text + "".join(f"; {note}" for note in self.notes)

    def json(self) -> dict[str, Any]:
        """The same for machines."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """Columns of equal length, the first of them pictures, in memory or mapped from a file."""

    name: str
    """The source's name, for messages."""
    schema: Schema
    """Shape and labels."""
    columns: Mapping[str, np.ndarray]
    """Field of `Batch` to array.

    Uint8: image and target N H W C; mask and outline N H W, 0 and 1. Int64: label N, caption N L.
    Float32: attributes N A.
    """
    made: str | None = None
    """How the image is made of what becomes the target: a name in `pairs.MADE`."""
    other: "Dataset | None" = None
    """Whose images are the targets, without pairs."""
    flip: bool = False
    """Mirror half of the images of a batch that is given a generator."""
    patch: int | None = None
    """Side of the square that a batch has of each image; the schema's, where there is one."""
    report: Report = field(default_factory=Report)
    """What was kept and skipped."""
    digest: str = ""
    """Digest of the columns where it is known already."""
    names: np.ndarray | None = None
    """What the source calls its pictures, N, such as paths inside a folder; None if nothing."""

    def __len__(self) -> int:
        return len(self.columns["image"])

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of its batches that are not None."""
        held = {*self.columns, *(("target",) if self.made or self.other else ())}
        return tuple(name for name in Batch._fields if name in held)

    @property
    def changing(self) -> bool:
        """Whether images are augmented."""
        return self.flip or self.patch is not None

    @cached_property
    def fingerprint(self) -> str:
        """32 hex digits that differ where any pixel, label, name or setting differs."""
        content = self.digest or digest(self.columns)
        if self.other is not None:
            content += self.other.fingerprint
        return blake2b(
            f"{content}|{self.schema}|{self.flip}{self.made or ''}".encode(), digest_size=16
        ).hexdigest()

    def require(self, fields: tuple[str, ...], who: str) -> None:
        """Raise DataError unless batches have all of `fields`, which `who` needs."""
        for name in fields:
            if name not in self.fields:
                why = [note for note in self.report.notes if note.startswith(NAMELESS)]
                remedy = f"; {why[0]}." if why and name == "label" else _remedy(name)
                raise DataError(
                    f"{who} needs {name} of every image, and {self.name} has only "
                    f"{', '.join(self.fields)}{remedy}"
                )

    def take(self, rows: np.ndarray) -> "Dataset":
        """Some of its images, in the order of `rows`."""
        if np.array_equal(rows, np.arange(len(self))):
            return self  # as it lies: what is mapped from a file stays there
        columns = {name: column[rows] for name, column in self.columns.items()}
        names = None if self.names is None else self.names[rows]
        return replace(self, columns=columns, names=names, digest="")

    def only(self, fields: tuple[str, ...]) -> "Dataset":
        """The same images with no other columns than `fields`: nothing is read in vain."""
        held = {name: self.columns[name] for name in self.columns if name in ("image", *fields)}
        return replace(self, columns=held, other=self.other and self.other.only(()))

    def batch(self, index: Tensor, rng: Generator | None = None) -> Batch:
        """The images at `index` (whole numbers, axis B), augmented where `rng` is given."""
        return self.gather(index, self.changes(len(index), rng))

    def changes(self, count: int, rng: Generator | None) -> Changes:
        """How `count` images are augmented; not at all without `rng`."""
        if rng is None:
            return Changes()
        mirrored = torch.rand(count, generator=rng) < 0.5 if self.flip else None
        corners = None
        if self.patch:
            room = torch.tensor(self._size) - self.patch + 1
            corners = (torch.rand(count, 2, generator=rng) * room).long()
        return Changes(mirrored, corners)

    def gather(
        self, index: Tensor, changes: Changes | None = None, others: Tensor | None = None
    ) -> Batch:
        """The images at `index`, changed as `changes` says; where it does not, central patches.

        Opposite stand the other source's at `others`, or as many from its beginning on.
        """
        changes = changes or Changes()
        rows = index.numpy()
        found: dict[str, Tensor] = {}
        for name, column in self.columns.items():
            drawn = name in ("image", "target", "mask", "outline")
            taken = self._cut(column, rows, changes) if drawn else np.take(column, rows, axis=0)
            if name in ("image", "target"):
                found[name] = from_bytes(taken)
            elif drawn:
                found[name] = torch.from_numpy(taken[:, None].astype(np.float32))
            else:
                found[name] = torch.from_numpy(taken)
            if drawn and changes.mirrored is not None:
                found[name][changes.mirrored] = found[name][changes.mirrored].flip(-1)
        if self.made:
            found["target"] = found["image"]
            found["image"] = MADE[self.made](found["target"])
        if self.other is not None:
            opposite = index % len(self.other) if others is None else others
            found["target"] = self.other.gather(opposite, changes).image
        return Batch(**found)

    @property
    def _size(self) -> tuple[int, int]:
        """Height and width of the stored images."""
        height, width = self.columns["image"].shape[1:3]
        return height, width

    def _cut(self, column: np.ndarray, rows: np.ndarray, changes: Changes) -> np.ndarray:
        """The rows of a column of pictures, or of each the patch."""
        if not self.patch:
            return np.take(column, rows, axis=0)
        height, width = self._size
        middle = np.array([(height - self.patch) // 2, (width - self.patch) // 2])
        corners = np.broadcast_to(middle, (len(rows), 2))
        if changes.corners is not None:
            corners = changes.corners.numpy()
        cuts = [(slice(y, y + self.patch), slice(x, x + self.patch)) for y, x in corners]
        return np.stack([column[row][cut] for row, cut in zip(rows, cuts, strict=True)])


def patched(dataset: Dataset, side: int | None) -> Dataset:
    """The same images, of which a batch sees squares of that side. Raises ConfigError."""
    if side is None:
        return dataset
    schema = in_patches(dataset.schema, side, dataset.name)
    other = dataset.other and patched(dataset.other, side)
    return replace(dataset, schema=schema, patch=side, other=other)


def in_patches(schema: Schema, side: int | None, name: str) -> Schema:
    """The schema of such squares of the images of a source. Raises ConfigError."""
    if side is None:
        return schema
    channels, height, width = schema.shape
    if side > min(height, width):
        raise ConfigError(
            f"--data.patch {side} is larger than the images of {name}, which have "
            f"{width}x{height} pixels."
        )
    return replace(schema, shape=(channels, side, side))


def digest(columns: Mapping[str, np.ndarray]) -> str:
    """32 hex digits of names, shapes, types and bytes of all columns."""
    state = blake2b(digest_size=16)
    for name in sorted(columns):
        column = columns[name]
        state.update(f"{name}{column.shape}{column.dtype.str}".encode())
        for start in range(0, len(column), 4096):  # a mapped file is never read whole
            state.update(np.ascontiguousarray(column[start : start + 4096]).data)
    return state.hexdigest()


def _remedy(name: str) -> str:
    if name == "label":
        return "; sub-folders named after classes would give labels."
    if name in ("caption", "attributes"):
        return "; a metadata.csv beside the images would give them."
    if name == "target":
        return (
            "; --data.pair grey or edges would make pairs, a folder of pairs may have them, "
            "and --data.other sets another source opposite."
        )
    return "; --data glyphs has it." if name in ("mask", "outline") else "."
