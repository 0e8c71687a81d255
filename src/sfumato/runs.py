"""The run folder and the portable bundle.

    RUN/run.yaml            everything needed to repeat it
        checkpoints/        last.ckpt: weights, optimisers and counters, for --resume
        bundle/             config.json, schema.json, model.safetensors, card.md: what people share
        metrics.csv  samples/step-000400.png  film.gif  loss.png  card.md  events.out.tfevents.*

A bundle is read without unpickling anything, from a folder, a zip or a hub.
"""

import json
import os
import subprocess
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch
import yaml
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch.overrides import TorchFunctionMode

from sfumato import registry, settings
from sfumato.data.source import Source
from sfumato.errors import BundleError, RunError, SfumatoError, nearest
from sfumato.io.files import at_home, atomic, discard, named_on_hub, nearby, writable
from sfumato.model import Codec, Model
from sfumato.preset import innermost, pick_device
from sfumato.recipe import Recipe
from sfumato.schema import Attribute, Schema

FORMAT = 1
"""Version of the run folder and the bundle; a higher one in a file is refused."""
PARTS = ("config.json", "schema.json", "model.safetensors", "card.md")
LIMIT = 4 * 2**30
"""Largest bundle read from a zip, in bytes unpacked."""


@dataclass(frozen=True)
class Run:
    """A run folder."""

    path: Path
    stopped: str = ""
    """Why training ended before its last step; empty where it did not."""

    def __fspath__(self) -> str:
        return str(self.path)

    @property
    def checkpoint(self) -> Path:
        """The newest complete state of the training."""
        return self.path / "checkpoints" / "last.ckpt"

    @property
    def bundle(self) -> Path:
        """The shareable model, with the averaged weights where the recipe averages."""
        return self.path / "bundle"

    @property
    def exists(self) -> bool:
        """Whether a training was ever begun here."""
        return (self.path / "run.yaml").exists()

    @property
    def saved(self) -> bool:
        """Whether anything that was learned here is kept."""
        return self.checkpoint.exists() or self.bundle.exists()

    def foreign(self) -> str | None:
        """Something that lies here though this is no run; None where nothing does."""
        if self.exists or not self.path.is_dir():
            return None
        return next((one.name for one in sorted(self.path.iterdir()) if one.name[0] != "."), None)

    def read(self) -> dict[str, Any]:
        """What `run.yaml` says. Raises RunError where it is missing, foreign or too new."""
        try:
            card = yaml.safe_load((self.path / "run.yaml").read_text("utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.path} is not a run folder: it has no run.yaml.") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RunError(f"{self.path}/run.yaml cannot be read: {_first_line(error)}") from None
        if not isinstance(card, dict) or not isinstance(card.get("format"), int):
            raise RunError(f"{self.path}/run.yaml is not one of ours: it names no format.")
        if card["format"] > FORMAT:
            raise RunError(
                f"{self.path} was made by a newer Sfumato (format {card['format']}, this one "
                f"reads up to {FORMAT}); upgrade with pip install -U sfumato."
            )
        return card

    def recipe(self) -> tuple[str, Recipe]:
        """The model's name, and the recipe as it was run. Raises RunError as `read` does."""
        card = self.read()
        try:
            return card["model"], recipe_from(card["model"], card["recipe"])
        except (KeyError, TypeError) as error:
            if isinstance(error, SfumatoError):
                raise
            raise RunError(
                f"{self.path}/run.yaml is damaged: {_first_line(error)} is missing or misplaced."
            ) from None

    def write(self, card: Mapping[str, Any]) -> None:
        """Write `run.yaml`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with atomic(self.path / "run.yaml") as path:
            text = yaml.safe_dump({"format": FORMAT, **card}, sort_keys=False)
            path.write_text(text, "utf-8")

    def clear(self) -> None:
        """Delete what a training left behind that ended before it had saved anything."""
        for name in ("metrics.csv", "samples", "events.*"):
            for left in self.path.glob(name):
                discard(left)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one training; the lock goes with the process, however it ends."""
        if self.path.exists() and not self.path.is_dir():
            raise RunError(f"{self.path} is a file; name a folder with --out.")
        writable(self.path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # as in /proc, where everything looks writable
            raise RunError(
                f"{self.path} cannot be made ({error.strerror}); choose another --out."
            ) from None
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"another training is writing to {self.path}; "
                "wait for it, or choose another --out."
            ) from None
        try:
            yield
        finally:
            lock.release()


def recipe_from(model: str, plain: Mapping[str, Any]) -> Recipe:
    """A recipe from the plain values `run.yaml` holds; checked like any user's words."""
    config = settings.build(registry.module(model).Config, plain["model"], "model.")
    data = settings.build(Source, plain["data"], "data.")
    return settings.build(Recipe, {**plain, "model": config, "data": data})


def recipe_plain(recipe: Recipe) -> dict[str, Any]:
    """A recipe as YAML takes it, tuples as lists: what `recipe_from` reads."""
    return {
        k: {n: list(v) if isinstance(v, tuple) else v for n, v in part.items()}
        if isinstance(part, dict)
        else part
        for k, part in asdict(recipe).items()
    }


SAID = ("expects", "published", "every", "validate")
"""Fields of a recipe that change nothing of what it reaches."""


def digest(recipe: Recipe) -> str:
    """16 hex digits that differ where any setting that decides what a recipe reaches does."""
    plain = {k: v for k, v in recipe_plain(recipe).items() if k not in SAID}
    return blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=8).hexdigest()


def commit() -> str | None:
    """The commit of the source tree this runs from; None for an installed package, or without git.

    A package that is installed below somebody else's repository is no part of it.
    """
    here = Path(__file__)

    def git(*words: str) -> str:
        line = ["git", "-C", str(here.parent), *words]
        return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") if git("ls-files", here.name) else None
    except OSError:  # there is no git here
        return None


def save_bundle(model: Model, folder: Path, card: str = "") -> None:
    """Write `model` as a bundle into `folder`, each file whole or not at all.

    Raises RunError where nothing can be written there.
    """
    if isinstance(model, Codec):
        model.tabulate()
    weights = {
        name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()
    }
    config = {
        "format": FORMAT,
        "model": type(model).__module__.rpartition(".")[2],
        "config": asdict(model.config),
    }
    with atomic(folder / "model.safetensors") as path:
        path.write_bytes(save(weights, metadata={"format": "pt"}))
    for name, plain in (("config.json", config), ("schema.json", asdict(model.schema))):
        with atomic(folder / name) as path:
            path.write_text(json.dumps(plain, indent=2) + "\n", "utf-8")
    with atomic(folder / "card.md") as path:
        path.write_text(card or f"# {config['model']}\n", "utf-8")


def load(place: str | Path, device: str = "cpu") -> Model:
    """The model a place holds, ready to use.

    A place is a run folder, a bundle (folder or .zip), a name in the zoo, or a hub repository; a
    folder that is neither run nor bundle does not hide what the zoo has under its name.
    Returned in eval mode on `device`: cpu, cuda, mps, a GPU by number such as cuda:1, or auto.
    Raises RunError, BundleError or DeviceError with one line that says what is wrong.
    """
    found = pick_device(device)
    with bundle_folder(place) as folder:
        return innermost(_read(folder).to(found).eval())


@contextmanager
def bundle_folder(place: str | Path) -> Iterator[Path]:
    """The folder that holds the bundle `place` stands for; a zip is unpacked for the while."""
    if not str(place):
        raise BundleError("the place is empty: name a run folder, a bundle or one of the zoo.")
    path = at_home(place)
    trained = (path / "run.yaml").exists()
    if str(place) in registry.shipped() and not trained and not (path / PARTS[0]).exists():
        yield registry.ZOO / str(place)
    elif path.is_dir():
        yield Run(path).bundle if trained else path
    elif path.is_file():
        if not zipfile.is_zipfile(path):
            raise BundleError(
                f"{path} is no bundle: give a run folder, a bundle folder or a .zip."
            )
        with tempfile.TemporaryDirectory() as folder:
            yield _unzip(path, Path(folder))
    elif named_on_hub(place):
        yield _fetch(str(place))
    else:
        raise RunError(
            f"{place} is no run folder, no bundle and no name in the zoo; {_instead(path)}"
        )


def _instead(path: Path) -> str:
    """What could have been meant by a path that does not exist."""
    if near := nearby(path):
        return f"did you mean {str(near)!r}?"
    shipped = registry.shipped()
    hint = nearest(path.name, shipped)
    return hint if hint.startswith("did") else f"the zoo has {', '.join(shipped)}."


def _read(folder: Path) -> Model:
    if not folder.exists() and Run(folder.parent).exists:
        raise RunError(
            f"{folder.parent} has not saved its model: it has just begun, or ended before that."
        )
    # of what is no bundle only the top: it may be anything, and large
    inside = folder.rglob("*") if (folder / "config.json").is_file() else folder.glob("*")
    _refuse_foreign(folder, [str(path.relative_to(folder)) for path in inside])
    card, schema = _json(folder / "config.json"), _json(folder / "schema.json")
    if not isinstance(card.get("format", 0), int):
        raise BundleError(f"{folder}/config.json is not one of ours: its format is no number.")
    if not isinstance(card.get("config", {}), dict):
        raise BundleError(f"{folder}/config.json is damaged: its config names no settings.")
    if card.get("format", 0) > FORMAT:
        raise BundleError(
            f"{folder} was made by a newer Sfumato (format {card['format']}, this one reads up to "
            f"{FORMAT}); upgrade with pip install -U sfumato."
        )
    try:
        kind = registry.kept(card["model"])
        config = settings.build(registry.module(card["model"]).Config, card["config"], "model.")
        attributes = tuple(settings.build(Attribute, a) for a in schema["attributes"])
        data = settings.build(Schema, {**schema, "attributes": attributes})
        with torch.device("meta"), _Undrawn():
            shapes = {name: tuple(w.shape) for name, w in kind(config, data).state_dict().items()}
    except SfumatoError:
        raise
    except RuntimeError as error:
        raise BundleError(f"{folder} describes no network: {_first_line(error)}.") from None
    except (KeyError, TypeError) as error:
        raise BundleError(
            f"{folder} is no bundle: {_first_line(error)} is missing or misplaced."
        ) from None
    # the file's own header must agree before memory is asked for: a config cannot order more than
    # it brings
    _compare(folder, shapes)
    with _Undrawn():  # all of it comes from the file, and the caller's random numbers stay his
        model = kind(config, data)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    return model


class _Undrawn(TorchFunctionMode):
    """Weights that are shapes alone are not drawn.

    To draw them PyTorch would import its compiler, which takes a second.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _compare(folder: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raise BundleError where the weights in the file are not those the config describes."""
    try:
        with safe_open(folder / "model.safetensors", framework="pt") as file:
            held = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise BundleError(f"{folder} is no bundle: model.safetensors is missing.") from None
    except SafetensorError as error:
        raise BundleError(
            f"{folder}/model.safetensors is damaged: {_first_line(error)}."
        ) from None
    for name in sorted(shapes.keys() | held.keys()):
        if shapes.get(name) != held.get(name):
            raise BundleError(
                f"{folder}/model.safetensors does not fit config.json: {name} should be "
                f"{shapes.get(name, 'absent')}, not {held.get(name, 'absent')}."
            )


def _json(path: Path) -> dict[str, Any]:
    try:
        plain = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BundleError(f"{path.parent} is no bundle: {path.name} is missing.") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BundleError(f"{path} is not JSON: {_first_line(error)}.") from None
    if not isinstance(plain, dict):
        raise BundleError(f"{path} holds no object.")
    return plain


def _refuse_foreign(place: Path, names: list[str]) -> None:
    for name in names:
        if name.lower().endswith((".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".bin", ".joblib")):
            raise BundleError(
                f"{place} holds {name}, which can run code when it is read; "
                f"a bundle is {', '.join(PARTS)}."
            )


def _unzip(path: Path, folder: Path) -> Path:
    """Unpack the four parts of a bundle, wherever they lie in the zip, and nothing else."""
    try:
        with zipfile.ZipFile(path) as file:
            _refuse_foreign(path, file.namelist())
            parts = [info for info in file.infolist() if Path(info.filename).name in PARTS]
            if sum(info.file_size for info in parts) > LIMIT:
                raise BundleError(f"{path} unpacks to more than {LIMIT >> 30} GiB and is refused.")
            for info in parts:
                name = Path(info.filename).name
                with file.open(info) as packed, (folder / name).open("wb") as out:
                    while block := packed.read(1 << 20):
                        out.write(block)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        # a RuntimeError where it is encrypted, or packed in a way that Python does not know
        raise BundleError(f"{path} cannot be unpacked: {_first_line(error)}.") from None
    return folder


def _fetch(repository: str) -> Path:
    """The bundle in a hub repository, downloaded once; only the four parts are asked for."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, allow_patterns=list(PARTS)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        offline = " (offline: $HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
        raise BundleError(
            f"{repository} is no file here and could not be fetched from the hub{offline}: "
            f"{_first_line(error)}"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
