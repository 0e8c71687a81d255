"""Search by code: the pictures of a folder or a data set whose codes are nearest to a picture's.

An index keeps the code of every picture in one file of the cache, which is mapped, not read. It
belongs to one model's weights and one place. Brought up to date, it encodes only what is new:
a file that is unchanged by name, size and time is not opened, and one whose content was seen under
another name is not encoded. Searching is exact: every code is compared (`scikit-learn`).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from filelock import FileLock
from jaxtyping import Float, Int
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from sklearn.neighbors import NearestNeighbors

from sfumato import data as sources
from sfumato.data.ahead import Ahead
from sfumato.data.catalogue import identity, module
from sfumato.data.places import File, files
from sfumato.data.prepare import cache_folder, make_cache
from sfumato.data.source import Source
from sfumato.data.stock import Cut, decoded
from sfumato.encoding import PART, Shown, fitted, loaded
from sfumato.errors import ConfigError, DataError
from sfumato.io.files import at_home, atomic
from sfumato.io.images import from_bytes
from sfumato.model import Autoencoder, Classifier, Model, Tagger
from sfumato.settings import Count
from sfumato.shapes import Codes, Images, Pictures

VERSION = 2
"""Raised when what is stored changes, so that an old index is made anew."""
Content = tuple[str, Callable[[], np.ndarray]]
"""A digest, and what gives the uint8 pixels H W C that the model takes."""


@dataclass(frozen=True)
class Item:
    """One picture that can be found."""

    name: str
    """Path inside its folder or archive; of a data set, where in it."""
    stamp: str
    """Changes whenever the picture may have."""
    content: Callable[[], Content]
    """Read it; raises DataError, a bare reason, where that cannot be."""


@dataclass(frozen=True)
class Stored:
    """What the file of an index holds: a name, a stamp, a digest and a code for each row."""

    names: list[str]
    stamps: list[str]
    digests: list[str]
    skipped: dict[str, list[str]]
    """Name to stamp and reason of what cannot be read."""
    codes: Codes


@dataclass(frozen=True)
class Index:
    """Codes of pictures, and where the pictures are."""

    items: Sequence[Item]
    """The pictures, a row of `codes` each."""
    codes: Codes
    """Mapped from the file."""
    skipped: tuple[tuple[str, str], ...]
    """Name and reason of what could not be read."""
    encoded: int
    """Pictures that were encoded to bring it up to date."""
    dropped: int
    """Rows that were taken out because their pictures are gone or changed."""

    def nearest(
        self, codes: Codes, k: int = 12
    ) -> tuple[Int[np.ndarray, "Q K"], Float[np.ndarray, "Q K"]]:
        """Rows of the `k` nearest codes to each, nearest first, and their Euclidean distances.

        All rows, where there are fewer.
        """
        found = self._near.kneighbors(codes.numpy(), min(k, len(self.items)))
        return found[1], found[0].astype(np.float32)

    def images(self, rows: Sequence[int]) -> Images:
        """The pictures of some rows, as the model takes them."""
        pixels = [self.items[row].content()[1]() for row in rows]
        return from_bytes(np.stack(pixels))

    @cached_property
    def _near(self) -> NearestNeighbors:
        return NearestNeighbors(algorithm="brute").fit(self.codes.numpy())


@dataclass(frozen=True)
class Found:
    """What is like a picture, nearest first."""

    query: Images = field(repr=False)
    """The picture, as the model takes it; one row."""
    names: tuple[str, ...]
    """What it is like."""
    distances: tuple[float, ...]
    """Euclidean, between codes."""
    images: Pictures = field(repr=False)
    """Those pictures."""
    index: Index = field(repr=False)
    seconds: float
    """From the picture in memory to the names."""


def search(
    place: Model | str | Path,
    picture: Shown,
    within: str | Path | Source,
    k: Count = 12,
    *,
    device: str = "cpu",
) -> Found:
    """The `k` pictures of `within` whose codes are nearest to that of `picture`.

    `within` is a folder or archive, a known data set, or a source; `place` is a model, or a run,
    bundle or zoo name read to `device`. Raises SfumatoError, one line.
    """
    model = loaded(place, "search", device)
    query = fitted(model, picture)
    if len(query) != 1:
        raise ConfigError(f"search takes one picture at a time; got {len(query)}.")
    held = index(model, within)
    held.nearest(held.codes[:1], 1)  # maps the codes
    began = perf_counter()
    rows, distances = held.nearest(described(model, query), k)
    seconds = perf_counter() - began
    chosen = rows[0].tolist()
    names = tuple(held.items[row].name for row in chosen)
    return Found(query, names, tuple(distances[0].tolist()), held.images(chosen), held, seconds)


def index(place: Model | str | Path, within: str | Path | Source, *, device: str = "cpu") -> Index:
    """The index of a folder, an archive or a data set, brought up to date.

    `place` is as in `search`.
    Raises DataError where there is no picture that can be read.
    """
    model = loaded(place, "search", device)
    source = within if isinstance(within, Source) else Source(name=str(within))
    listed = {item.name: item for item in _items(model, source)}
    path = _path(model, source)
    make_cache(path.parent)
    with FileLock(path.with_suffix(".lock")):  # of two at once, the second finds it done
        old = _load(path)
        new, encoded = _updated(model, source, listed, old)
        if new is not old:
            _write(path, new)
    kept = set(zip(new.names, new.stamps, strict=True))
    return Index(
        items=[listed[name] for name in new.names],
        codes=new.codes,
        skipped=tuple((name, reason) for name, (_, reason) in new.skipped.items()),
        encoded=encoded,
        dropped=sum(row not in kept for row in zip(old.names, old.stamps, strict=True)),
    )


@torch.no_grad()
def described(model: Model, images: Images) -> Codes:
    """What pictures are compared by: their codes, or what a classifier or tagger sees in them."""
    assert isinstance(model, Autoencoder | Classifier | Tagger)
    see = model.encode if isinstance(model, Autoencoder) else model.features
    parts = images.split(PART)
    return torch.cat([see(part.to(model.device)).flatten(1).float().cpu() for part in parts])


def _items(model: Model, source: Source) -> Iterator[Item]:
    """Every picture of a place, by name; nothing is opened."""
    if module(source.name) == "folder":
        cut = Cut(side=model.schema.side, crop=source.crop, channels=model.schema.channels)
        for file in files(at_home(source.name)):
            if file.picture:
                stamp = f"{file.size}-{file.changed}"
                yield Item(file.name, stamp, partial(_of_file, file, cut))
        return
    schema = model.schema
    fit = replace(source, side=schema.side, channels=schema.channels, patch=None)
    data = sources.open(fit)
    pixels, label = data.columns["image"], data.columns.get("label")
    for row in range(len(data)):
        kind = "" if label is None or label[row] < 0 else f"{data.schema.classes[label[row]]}/"
        name = f"{source.name}/{source.split}/{kind}{row}"
        yield Item(name, data.fingerprint, partial(_of_row, pixels, row))


def _of_file(file: File, cut: Cut) -> Content:
    content = file.read()
    return _digest(content), lambda: cut.fit(decoded(content))


def _of_row(pixels: np.ndarray, row: int) -> Content:
    picture = np.ascontiguousarray(pixels[row])
    return _digest(picture.tobytes()), lambda: picture


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _updated(
    model: Model, source: Source, listed: Mapping[str, Item], old: Stored
) -> tuple[Stored, int]:
    """The index of what is `listed`, and how many pictures were encoded for it."""
    digests = {
        name: digest
        for name, stamp, digest in zip(old.names, old.stamps, old.digests, strict=True)
        if name in listed and listed[name].stamp == stamp
    }
    skipped = {
        name: said
        for name, said in old.skipped.items()
        if name in listed and listed[name].stamp == said[0]
    }
    todo = [item for name, item in listed.items() if name not in digests and name not in skipped]
    if digests and not todo and len(digests) == len(old.names) and skipped == old.skipped:
        return old, 0
    rows = {digest: row for row, digest in enumerate(old.digests)}
    pool, known = [old.codes], len(rows)
    for part in _read(todo, rows, len(old.digests), f"indexing {source.name}"):
        fresh = [pixels for _, _, pixels in part if pixels is not None]
        for item, digest, _ in part:
            if isinstance(digest, DataError):
                skipped[item.name] = [item.stamp, str(digest)]
            else:
                digests[item.name] = digest
        if fresh:
            pool.append(described(model, from_bytes(np.stack(fresh))))
    if not digests:
        raise DataError(_nothing(source, skipped))
    names = [name for name in listed if name in digests]
    chosen = [rows[digests[name]] for name in names]
    codes = torch.cat([part for part in pool if len(part)])[chosen]
    stamps = [listed[name].stamp for name in names]
    new = Stored(names, stamps, [digests[name] for name in names], skipped, codes)
    return new, len(rows) - known


def _read(
    todo: list[Item], rows: dict[str, int], row: int, title: str
) -> Iterator[list[tuple[Item, str | DataError, np.ndarray | None]]]:
    """Digest and pixels of pictures, a part at a time; pixels only of what is in no row yet.

    Each of those is given a number in `rows`, from `row` on.
    """

    def work(place: int) -> tuple[str, np.ndarray | None] | DataError:
        try:
            digest, pixels = todo[place].content()
            return digest, None if digest in rows else pixels()
        except DataError as error:
            return error

    part: list[tuple[Item, str | DataError, np.ndarray | None]] = []
    with Ahead(work, np.arange(len(todo)), len(todo), title) as results:
        for place, result in results:
            if isinstance(result, DataError):
                part.append((todo[place], result, None))
            else:
                digest, pixels = result
                first = digest not in rows
                if first:
                    rows[digest], row = row, row + 1
                part.append((todo[place], digest, pixels if first else None))
            if len(part) == PART:
                yield part
                part = []
    if part:
        yield part


def _path(model: Model, source: Source) -> Path:
    """Where the index of this place by these weights lies."""
    state = blake2b(digest_size=8)
    where = identity(source.name)
    about = [asdict(replace(source, name=where)), asdict(model.config), asdict(model.schema)]
    state.update(json.dumps([VERSION, type(model).__name__, about]).encode())
    for name, weights in model.state_dict().items():
        state.update(name.encode())
        state.update(weights.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    stem = re.sub(r"[^\w-]+", "-", Path(where).name) or "data"
    return cache_folder() / "search" / f"{stem}-{state.hexdigest()}.safetensors"


def _load(path: Path) -> Stored:
    """What is stored, the codes mapped; nothing where there is none or it is damaged."""
    try:
        with safe_open(path, "pt") as file:
            said = json.loads(file.get_tensor("table").numpy().tobytes())
            stored = Stored(**said, codes=file.get_tensor("codes"))
        lengths = {len(stored.names), len(stored.stamps), len(stored.digests), len(stored.codes)}
        if len(lengths) == 1:
            return stored
    except (OSError, ValueError, TypeError, SafetensorError):
        pass
    return Stored([], [], [], {}, torch.empty(0, 0))


def _write(path: Path, stored: Stored) -> None:
    said = {name: getattr(stored, name) for name in ("names", "stamps", "digests", "skipped")}
    table = torch.frombuffer(bytearray(json.dumps(said).encode()), dtype=torch.uint8)
    with atomic(path) as temporary:
        save_file({"table": table, "codes": stored.codes.contiguous()}, temporary)


def _nothing(source: Source, skipped: Mapping[str, list[str]]) -> str:
    if not skipped:
        return f"{source.name} holds no picture; give a folder, an archive or a known data set."
    name, (_, reason) = next(iter(skipped.items()))
    return (
        f"none of the {len(skipped)} files of {source.name} can be read as a picture; the first: "
        f"{name} {reason}."
    )
