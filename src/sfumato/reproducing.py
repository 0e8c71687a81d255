"""Every system trained and measured again, by its own recipe, and the pages written from that.

What lies below the folder already, results and runs of the same recipe, is not done again: the
same call goes on where an earlier one stopped, and in an empty folder it does everything.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from sfumato import data as sources
from sfumato import registry, results
from sfumato.data.source import Source
from sfumato.errors import ConfigError, SfumatoError, UnknownName, nearest
from sfumato.evaluation import evaluate
from sfumato.evaluation.attributes import the_tagger
from sfumato.io.files import numbered
from sfumato.planning import plan
from sfumato.preset import Preset, choose
from sfumato.recipe import Recipe
from sfumato.runs import SAID, Run, digest, recipe_plain
from sfumato.settings import Count
from sfumato.training import train

LONG = 15.0
"""Minutes of one training above which a recipe is run with one seed."""
QUICK = 20
"""Batches of a quick run."""
FEW = 500
"""Images a quick run is measured with; it learns from four times as many."""
NOTE = (
    f"**A quick run: every recipe was cut to {QUICK} batches, to see that all of it works. "
    "These are not the systems' scores.**"
)


@dataclass(frozen=True)
class Trial:
    """One recipe under one seed."""

    model: str
    recipe: str = "laptop"
    seed: int = 0
    quick: bool = False
    """Cut to its first few batches, of few images."""

    @property
    def name(self) -> str:
        """What its result is called."""
        return f"quality-{self.model}-{self.recipe}-{self.seed}"

    @property
    def out(self) -> Path:
        """Its run folder, below the folder of all."""
        return Path("runs", self.name.removeprefix("quality-"))

    @cached_property
    def planned(self) -> Recipe:
        """The recipe with its seed, cut where it is quick."""
        whole = plan(self.model, recipe=self.recipe, seed=self.seed)
        if not self.quick:
            return whole
        count = min(whole.data.count or 4 * FEW, 4 * FEW)
        steps = min(QUICK, whole.steps)
        return replace(whole, data=replace(whole.data, count=count), steps=steps, every=steps)

    def known(self, folder: Path) -> dict[str, Any] | None:
        """What was measured of this very recipe, below `folder`."""
        path = folder / results.KEPT / f"{self.name}.json"
        if not path.exists():
            return None
        found = results.read(path)
        own = self.planned
        mine = {"settings": digest(own), "steps": own.steps, "batch": own.batch}
        # those kept before recipes had digests say less
        return (
            found if all(found.get(key, value) == value for key, value in mine.items()) else None
        )

    def measure(
        self,
        out: Path,
        *,
        precision: str | None = None,
        count: int | None = None,
        tagger: str | Path | None = None,
    ) -> dict[str, Any] | str:
        """Train in `out`, or go on there, and score; a signal's name where that ended it.

        `count` and `tagger` are those of `evaluate`. A run of another recipe that lies in `out` is
        left alone: this one is called `out-2`.
        """
        run = self._train(out, precision)
        if run.stopped:  # what a part of the recipe reaches is not what the recipe reaches
            return run.stopped
        card = run.read()
        clock = torch.load(run.checkpoint, weights_only=True, mmap=True)["callbacks"]["Clock"]
        start = time.perf_counter()
        few = {"data": self._few(), "count": FEW} if self.quick else {"count": count}
        scores = evaluate(run.path, seed=self.seed, tagger=tagger, **few)
        return {
            "model": self.model,
            "recipe": self.recipe,
            "settings": digest(self.planned),
            "data": card["recipe"]["data"]["name"],
            "seed": self.seed,
            "minutes": round(clock["elapsed"] / 60, 1),
            "minutes to score": round((time.perf_counter() - start) / 60, 1),
            "steps": card["recipe"]["steps"],
            "batch": card["recipe"]["batch"],
            "preset": card["preset"],
            **({"tagger": str(tagger)} if tagger else {}),
            "scores": {name: score.to_json() for name, score in scores.items()},
        }

    def _few(self) -> Source:
        """Some of the held-out images, half of them to compare with."""
        own = replace(self.planned.data, count=2 * FEW, labels=None, flip=False)
        held = replace(own, split="test")
        try:
            sources.open(held)
        except UnknownName:
            return own
        return held

    def _train(self, out: Path, precision: str | None) -> Run:
        place = next(place for place in numbered(out, ending="") if self._may_use(place))
        if Run(place).exists:
            return train(self.model, out=place, resume=True)
        own = {k: v for k, v in vars(self.planned).items() if k not in ("model", *SAID[:2])}
        return train(self.model, recipe=self.recipe, out=place, precision=precision, **own)

    def _may_use(self, place: Path) -> bool:
        """Whether nothing lies there, or a run of this very recipe."""
        if not Run(place).exists:
            return not place.exists()
        model, recipe = Run(place).recipe()
        same = {name: None for name in SAID}
        plain = (recipe_plain(one) | same for one in (recipe, self.planned))
        return model == self.model and next(plain) == next(plain)


@dataclass
class Reproduced:
    """What was done."""

    measured: list[str] = field(default_factory=list)
    """Names of results that are new."""
    found: list[str] = field(default_factory=list)
    """Names of results that were there already."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Model to the reason why it could not be run."""
    pages: list[Path] = field(default_factory=list)
    """What was written from all results."""
    stopped: str = ""
    """The signal that ended it; the same call goes on."""


def reproduce(
    only: Sequence[str] = (),
    *,
    recipe: str = "laptop",
    seeds: Count = 3,
    quick: bool = False,
    precision: str | None = None,
    tagger: str | Path | None = None,
    folder: str | Path = ".",
    tell: Callable[[str], None] = lambda line: None,
) -> Reproduced:
    """Train and score each of `only`, or every model, and rewrite the pages below `folder`.

    Seeds are 0 to `seeds` - 1, and 0 alone where a training takes more than `LONG` minutes. With
    `quick` every recipe is cut to `QUICK` batches, and all is written below `FOLDER/runs/quick`.
    `tagger` is that of `evaluate`, for data that no shipped one knows.
    A model whose data are not here is skipped. Raises UnknownName for a model, ConfigError where
    none of them has the recipe.
    """
    choose(Preset(device="cpu"), precision=precision, convolves=False, seconds=None)
    if tagger is not None:
        the_tagger(tagger, "cpu")  # what was said wrongly is no reason to skip a system
    place, done = Path(folder), Reproduced()
    if quick:
        place, seeds = place / "runs" / "quick", 1
    title = NOTE if quick else ""
    for name in _names(only, recipe):
        for seed in range(seeds):
            trial = Trial(name, recipe, seed, quick)
            if (numbers := trial.known(place)) is not None:
                done.found.append(trial.name)
            else:
                tell(f"{name}, {recipe}, seed {seed}: {trial.planned.steps:,} batches")
                try:
                    made = trial.measure(place / trial.out, precision=precision, tagger=tagger)
                except SfumatoError as error:  # its data are not here, or too few
                    done.skipped[name] = " ".join(str(error).split())
                    tell(f"  skipped: {done.skipped[name]}")
                    break
                if isinstance(made, str):
                    done.stopped = made
                    return done
                numbers = made
                results.keep(trial.name, numbers, place / results.KEPT)
                done.measured.append(trial.name)
                results.write(place, title)  # so that what was measured is seen if this is cut
            if numbers["minutes"] > LONG:
                break
    done.pages = results.write(place, title)
    return done


def _names(only: Sequence[str], recipe: str) -> list[str]:
    """The models to run: those of `only`, or all, that have the recipe."""
    every = registry.available()
    for name in only:
        if name not in every:
            raise UnknownName(f"--only {name!r} is no model; {nearest(name, every)}")
        if recipe not in (known := registry.module(name).RECIPES):
            raise UnknownName(f"{name} has no recipe {recipe!r}; {nearest(recipe, known)}")
    names = [name for name in only or every if recipe in registry.module(name).RECIPES]
    if not names:
        raise ConfigError(f"--recipe {recipe}: no model has one; sfumato show MODEL lists them.")
    return names
