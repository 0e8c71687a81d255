"""The verb demo: three minutes from nothing to one page of pictures, scores and a proof."""

import subprocess
import sys
import time
from argparse import Namespace, _SubParsersAction
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from sfumato.cli.places import free, say
from sfumato.errors import RunError
from sfumato.io.files import at_home

if TYPE_CHECKING:
    from PIL import Image

    from sfumato.metrics.score import Score
    from sfumato.runs import Run

SHIPPED = "dcgan-digits"
"""Zoo name of the weights that draw the first picture."""
MINUTES = 1.2
"""Time for the training; the rest of the demo takes about a minute on two cores."""

_METRICS = ("kid", "precision", "recall", "coverage", "recognisable")
_SAVED, _SEEN, _WHOLE = 40, 60, 120
_SHORT: dict[str, Any] = {"recipe": "demo", "every": 20, "device": "cpu", "progress": False}


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "train on real handwriting now, and leave one page of pictures (3 minutes)"
    verb = subparsers.add_parser("demo", help=about, description=_DESCRIPTION)
    verb.add_argument(
        "-o", "--out", metavar="FOLDER", help="a new folder (default ./sfumato-demo)"
    )
    verb.set_defaults(run=demo)


_DESCRIPTION = """\
Draw from shipped weights, train a DCGAN on the 1,500 handwritten digits that scikit-learn carries,
score it, kill a training and show that it resumes exactly; then open the page it leaves."""


@dataclass(frozen=True)
class Proof:
    """Two trainings of one recipe, one of them killed on its way."""

    never_stopped: str
    """SHA-256 of its weights."""
    killed: str
    """SHA-256 of the killed one's weights, after it was resumed."""
    after: int
    """Batches it had seen, at least, when SIGKILL came."""

    @property
    def equal(self) -> bool:
        """Whether every bit agrees."""
        return self.never_stopped == self.killed


def demo(args: Namespace) -> dict[str, Any]:
    """Do all of it, saying what is done."""
    from sfumato.data.prepare import cache_folder, make_cache

    began = time.monotonic()

    def note(text: str) -> None:
        say(f"[{time.monotonic() - began:4.0f} s] {text}")

    folder = _folder(args.out)
    make_cache(cache_folder())  # before what takes minutes
    shipped = _first(folder)
    note(f"first picture, from shipped weights: {folder / 'shipped.png'}")
    note(f"training a DCGAN on handwritten digits for {MINUTES * 60:.0f} seconds")
    run = _train(folder)
    if run.stopped:
        return {"model": "dcgan", "run": str(run.path), "stopped": run.stopped}
    note(f"trained: {run.recipe()[1].steps:,} batches in {run.path}")
    pictures = {"shipped": shipped, **_pictures(folder, run)}
    note("measuring")
    scores = _scores(run)
    note("killing a training with SIGKILL, and resuming it")
    proof = _proof(folder)
    note(f"resumed: the weights agree bit for bit (SHA-256 {proof.killed[:16]}…)")
    path = _write(folder, run, pictures, scores, proof, time.monotonic() - began)
    note(f"done; open {path.resolve().as_uri()}")
    return {
        "model": "dcgan",
        "run": str(run.path),
        "files": [str(path), *(str(file) for file in sorted(folder.glob("*.*")) if file != path)],
        "metrics": {name: score.to_json() for name, score in scores.items()},
        "resume": {"equal": proof.equal, "sha256": proof.killed, "killed_after": proof.after},
    }


def _folder(asked: str | None) -> Path:
    if asked is None:
        return free(Path("sfumato-demo"))
    path = at_home(asked)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise RunError(f"--out {asked} holds something already; name a new folder.")
    return path


def _first(folder: Path) -> "Image.Image":
    """Samples of the shipped weights."""
    from sfumato.io.images import grid, save
    from sfumato.model import Sampler
    from sfumato.runs import load

    model = load(SHIPPED)
    assert isinstance(model, Sampler)
    picture = grid(model.sample(64, seed=0), zoom=3)
    save(picture, folder / "shipped.png")
    return picture


def _train(folder: Path) -> "Run":
    from sfumato.training import train

    return train("dcgan", recipe="demo", out=folder / "run", minutes=MINUTES, device="cpu")


def _pictures(folder: Path, run: "Run") -> "dict[str, Image.Image | Path]":
    """Real digits, samples, and a walk through the codes."""
    import torch

    from sfumato import data as sources
    from sfumato.io.clips import save_gif
    from sfumato.io.images import grid, save
    from sfumato.model import Sampler
    from sfumato.runs import load
    from sfumato.sampling import animate, sample

    model = load(run.path)
    assert isinstance(model, Sampler)
    real = sources.open(run.recipe()[1].data).batch(torch.arange(64)).image
    sheets = {"real": grid(real, zoom=3), "trained": grid(sample(model, 64, seed=0), zoom=3)}
    for name, sheet in sheets.items():
        save(sheet, folder / f"{name}.png")
    save_gif(list(animate(model, 16, stops=4, frames=8, zoom=4)), folder / "walk.gif", fps=12)
    return {**sheets, "walk": folder / "walk.gif"}


def _scores(run: "Run") -> "dict[str, Score]":
    from sfumato.cli.measure import table
    from sfumato.evaluation import evaluate

    scores = evaluate(run.path, metrics=_METRICS)
    table({"this run": scores})
    return scores


def _proof(folder: Path) -> Proof:
    """Train without a stop, and again with a SIGKILL on the way; compare the weights."""
    from sfumato.training import train

    whole = train("dcgan", out=folder / "never-stopped", steps=_WHOLE, **_SHORT)
    cut = train("dcgan", out=folder / "killed", steps=_SAVED, **_SHORT)
    _kill(cut)
    cut = train("dcgan", out=cut.path, resume=True, steps=_WHOLE, progress=False)
    proof = Proof(_digest(whole), _digest(cut), _SEEN)
    if not proof.equal:
        raise RuntimeError(f"{cut.path} was resumed, and differs from {whole.path}")
    return proof


def _kill(run: "Run") -> None:
    """Continue `run` in a process of its own, and end that with SIGKILL at its work."""
    seen = run.path / "samples" / f"step-{_SEEN:06d}.png"
    words = ["train", "dcgan", "--out", str(run.path), "--resume", "--steps", "1000000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sfumato", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while process.poll() is None and not seen.exists():
            time.sleep(0.01)
    finally:
        process.kill()
        _, said = process.communicate()
    if not seen.exists():
        raise RuntimeError(f"the training to be killed ended by itself: {said.decode()[-500:]}")


def _digest(run: "Run") -> str:
    return sha256((run.bundle / "model.safetensors").read_bytes()).hexdigest()


def _write(
    folder: Path,
    run: "Run",
    pictures: "Mapping[str, Image.Image | Path]",
    scores: "Mapping[str, Score]",
    proof: Proof,
    seconds: float,
) -> Path:
    """The page."""
    from sfumato.cli import page
    from sfumato.io.files import atomic

    _, recipe = run.recipe()
    painted = page.figures(
        page.figure(pictures["real"], "Real: 64 of the 1,500 digits it learned from."),
        page.figure(pictures["trained"], f"Painted after {recipe.steps:,} batches, seed 0."),
        page.figure(pictures["shipped"], f"Painted by the shipped weights, {SHIPPED}."),
    )
    moving = page.figures(
        page.figure(run.path / "film.gif", "The same 64 codes while the painter learns."),
        page.figure(pictures["walk"], "A walk through the codes: each picture turns into others."),
    )
    curves = page.figure(
        run.path / "loss.png", "Above, the two losses; below, gradient norms.", pixels=False
    )
    text = page.page(
        "Sfumato learns to write",
        f"Two networks learned from real handwriting on this machine: {recipe.steps:,} batches of "
        f"{recipe.batch} in {MINUTES * 60:.0f} seconds, no GPU, no download.",
        page.section("What it paints", painted),
        page.section("How it got there", moving),
        page.section("The game", page.paragraph(_GAME), curves),
        page.section(
            "What the numbers say", page.paragraph(_SCORES), _table(scores), _small(scores)
        ),
        page.section("Killed, and none the wiser", *_told(proof)),
        page.section("Next", page.commands(*_next(run))),
        f"<footer>Made by <code>sfumato demo</code> in {seconds:.0f} seconds. This page holds its "
        "pictures itself and asks nothing of any network.</footer>",
    )
    path = folder / "index.html"
    with atomic(path) as temporary:
        temporary.write_text(text, "utf-8")
    return path


_GAME = """\
The painter turns noise into an image; the judge says whether an image is real. The judge is paid
for telling the two apart, the painter for being taken for real, so neither loss falls for long:
undecided, they would stand at 1.386 and 0.693."""
_SCORES = """\
Every number stands between what a trivial painter gets (Gaussian noise around the mean digit)
and what other real digits get, measured alike. <i>kid</i> is a distance to the real digits.
<i>precision</i> is the share of paintings that look like a real digit, <i>recall</i> and
<i>coverage</i> how much of the real variety is painted. <i>recognisable</i> asks for a sure
classifier and a real digit of that class nearby."""


def _table(scores: "Mapping[str, Score]") -> str:
    from sfumato.cli import page

    return f'<div class="scroll">{page.scores({"this run": scores})}</div>'


def _small(scores: "Mapping[str, Score]") -> str:
    from sfumato.cli import page

    score = scores["kid"]
    return page.paragraph(
        f"<small>{score.n} samples of seed {score.seed} against the digits it learned from; the "
        "real images are held-out digits of other writers; features of "
        f"{escape(score.features)} ({escape(score.resizer)}).</small>"
    )


def _told(proof: Proof) -> tuple[str, ...]:
    from sfumato.cli import page

    return (
        page.paragraph(
            f"A second training was ended by SIGKILL after batch {proof.after} of {_WHOLE}; its "
            f"last save was at {_SAVED}. It was resumed from there, and compared with one that "
            "was never stopped. The SHA-256 digests of their weights:"
        ),
        f'<p class="proof">never stopped<br><code>{proof.never_stopped}</code><br>'
        f"killed and resumed<br><code>{proof.killed}</code></p>",
        page.paragraph("Every bit agrees."),
    )


def _next(run: "Run") -> list[tuple[str, str]]:
    place = quote(str(run.path))
    return [
        (f"sfumato sample {place} -n 64 --seed 1", "more of them"),
        (f"sfumato animate {place}", "another film"),
        ("sfumato train dcgan --data mnist --recipe laptop", "the real thing, some seven minutes"),
        (
            "sfumato train dcgan --data path/to/pictures --data.side 64 --minutes 30",
            "your pictures",
        ),
        ("sfumato list", "what else there is"),
    ]
