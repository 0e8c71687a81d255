"""A recipe becomes a run folder.

`train("dcgan", data="mnist", recipe="laptop")` is all there is to it; the rest of this file keeps
the promises: the same seed gives the same weights, a run cut at any batch resumes exactly, nothing
is left half-written.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import asdict, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.utilities import rank_zero_only
from torch import Tensor

import sfumato
from sfumato import data as sources
from sfumato import parts, registry, settings
from sfumato.callbacks.average import Average
from sfumato.callbacks.bar import Bar
from sfumato.callbacks.card import Card
from sfumato.callbacks.checkpoints import Checkpoints, reached
from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health
from sfumato.callbacks.ledger import Events, Ledger, Recorder
from sfumato.callbacks.pictures import Pictures, film
from sfumato.callbacks.validation import Validation
from sfumato.data.catalogue import places
from sfumato.data.dataset import Dataset
from sfumato.data.glance import glance
from sfumato.data.source import Source
from sfumato.errors import ConfigError, RunError, Stopped
from sfumato.evaluation import learned_from
from sfumato.io.files import at_home, numbered
from sfumato.model import Model
from sfumato.module import Module
from sfumato.planning import build, enough, one_length, others, plan, resumed, words_of
from sfumato.preset import Preset, choose, pick_device, same_machine, settle, unsettled
from sfumato.recipe import Recipe
from sfumato.runs import FORMAT, Run, commit, load, recipe_plain
from sfumato.trainer import FOREVER, Stopwatch, Stream, build_trainer, quietly

LITTLE = 0.01
"""Share of a network's numbers below which weights to begin from are taken for a mistake."""
WORTH_MEASURING = 200
"""Batches below which timing the machine's presets costs more than it gains."""


@unsettled()
def train(
    model: str,
    *,
    data: str | Path | Mapping[str, Any] | Source | None = None,
    recipe: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    minutes: float | None = None,
    device: str = "auto",
    devices: int | None = None,
    precision: str | None = None,
    progress: bool = True,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Run:
    """Train `model` and return its run folder.

    `recipe` is one of the model's (`laptop` unless named); `data`, `config` (fields of the model's
    Config) and `changes` (fields of a Recipe: steps, batch, seed ...) replace parts of it. With
    `resume` the run in `out` goes on as it began: the words that began it may be said again, and
    only `steps` and `minutes` may change.
    Raises SfumatoError with one line on a user's mistake.
    """
    one_length(minutes, changes.get("steps"))
    if resume:
        if out is None:
            raise ConfigError("--resume needs --out, the folder of the run to continue.")
        machine = {"device": device, "devices": devices, "precision": precision}
        said = {"recipe": recipe, "data": data, "config": config or {}, "changes": changes}
        return _resume(model, at_home(out), said, machine, minutes, progress)
    planned = plan(model, data=data, recipe=recipe, config=config, **changes)
    devices = 1 if devices is None else devices
    run = Run(at_home(out) if out is not None else _free(f"runs/{model}-{_called(planned.data)}"))
    if _first():
        vacant(run, planned.data)
    plain = Preset(
        device=pick_device(device),
        devices=devices,
        threads=max(1, torch.get_num_threads() // max(1, devices)),
    )
    stream = sources.open(planned.data)
    network = build(model, planned, stream)
    enough(network, model, planned, devices)
    network.prepare()
    _begin_from(network, model, planned)
    preset = _preset(network, stream, planned, plain, precision)
    card = _card(model, planned, stream, preset, minutes)
    with _owned(run):  # only now: a mistake above leaves no folder behind
        if _first():
            vacant(run, planned.data)  # somebody may have been quicker
            run.clear()
            run.write(card)
        return _fit(run, card, network, planned, stream, preset, minutes, progress)


def _called(source: Source) -> str:
    """A source in a run's name: a set's, or its folder's."""
    return Path(source.name).resolve().name


def vacant(run: Run, source: Source) -> None:
    """Raise where a new run would go on in an old one, or mix with what is not its own."""
    if run.exists:
        run.read()  # refuses another program's
    if run.saved:
        raise RunError(
            f"{run.path} holds a run already; --resume continues it, or choose another --out."
        )
    if found := run.foreign():
        raise RunError(
            f"{run.path} is no run folder and holds {found}; choose another --out, new or empty."
        )
    for option, name in (("--data", source.name), ("--data.other", source.other)):
        held = at_home(name) if name else run.path / "nothing"
        if held.is_dir() and run.path.resolve().is_relative_to(held.resolve()):
            raise ConfigError(
                f"--out {run.path} lies inside {option} {name}, and its pictures would be learned "
                "from; name an --out elsewhere."
            )


def _resume(
    model: str,
    path: Path,
    said: Mapping[str, Any],
    machine: Mapping[str, Any],
    minutes: float | None,
    progress: bool,
) -> Run:
    """Go on with a run as it began; of what is `said` the steps alone may differ."""
    run = Run(path)
    (name, began), card = run.recipe(), run.read()
    if model != name:
        raise ConfigError(f"{path} trains {name}, not {model}; name another --out.")
    for part in ("preset", "data"):
        if not isinstance(card.get(part), dict):
            raise RunError(f"{path}/run.yaml is damaged: {part!r} is missing or misplaced.")
    called = words_of(said["data"]).get("name")
    source = learned_from(run, called)
    if called is not None and source.name == str(called):  # the pictures have moved there
        began = replace(began, data=source)
        card["data"]["places"] = places(source)
    recipe = resumed(model, began, **said)
    if recipe.steps != began.steps and (done := reached(run).visited) > recipe.steps:
        raise ConfigError(
            f"--steps {recipe.steps:,} is below the {done:,} that {path} has done; name more."
        )
    at = reached(run).elapsed / 60
    if minutes is not None and minutes != card.get("minutes") and at > minutes:
        raise ConfigError(
            f"--minutes {minutes:g} is below the {at:.3g} that {path} has done; name more."
        )
    preset = settings.build(Preset, card["preset"], "preset.")
    same_machine(preset, **machine)
    pick_device(preset.device)
    asked = "steps" in said["changes"]
    with _owned(run):
        here = replace(recipe, data=source)
        stream = sources.open(here.data)
        if stream.fingerprint != card["data"].get("fingerprint"):
            raise RunError(
                f"{path} cannot be resumed: {here.data.name} is not the data it began with."
            )
        network = build(name, here, stream)
        enough(network, name, here, preset.devices)
        if not run.checkpoint.exists():  # cut before its first save: it begins again
            _begin_from(network, name, recipe)
        minutes = minutes if minutes is not None or asked else card.get("minutes")
        card = {**card, "recipe": recipe_plain(recipe), "minutes": minutes}
        return _fit(run, card, network, here, stream, preset, minutes, progress)


def _fit(
    run: Run,
    card: Mapping[str, Any],
    model: Model,
    recipe: Recipe,
    data: Dataset,
    preset: Preset,
    minutes: float | None,
    progress: bool,
) -> Run:
    """Train from the last checkpoint, or from the beginning, to the end."""
    settle(preset)
    network, before = Module(model, preset.channels_last), reached(run, model)
    start, over = before.visited, minutes is not None and before.elapsed >= 60 * minutes
    clock = Clock(recipe.seed, minutes)
    average = [Average(recipe.ema, clock)] if recipe.ema else []

    def sampler(model: Model) -> Model:
        return average[0].model if average else model

    checkpoints = Checkpoints(run, sampler)
    health = Health(checkpoints)
    pictures = Pictures(run, clock, health, sampler, recipe.every, data)
    report = Card(run, card, clock, health)
    # the clock counts first, and what is saved comes last, when all others have seen the batch
    recorder = Recorder(clock, recipe.every)
    validation = [Validation(clock, sampler, recipe)] if recipe.validate else []
    callbacks = [clock, *average, health, recorder, *validation, pictures, checkpoints, report]
    callbacks += [Bar(clock, health)] if progress else []
    steps = FOREVER if minutes is not None else recipe.steps
    left = start < steps and not over
    if left:
        loggers = [Ledger(run.path / "metrics.csv", start, recipe.every), Events(run)]
        stream, path = Stream(data, recipe, steps, start), run.checkpoint if start else None
        with quietly():
            trainer = build_trainer(preset, callbacks, loggers, steps - start)
            try:
                trainer.fit(network, stream, ckpt_path=path, weights_only=True)
            except SystemExit:  # how Lightning takes the second ^C
                raise KeyboardInterrupt from None
            except RuntimeError as error:
                if preset.devices == 1 or "onnection" not in str(error):
                    raise
                raise RunError(
                    "another process of this training has ended, killed perhaps for want of "
                    "memory; --resume goes on from what was saved last."
                ) from error
    stopped = checkpoints.asked.name if checkpoints.asked else ""
    if _first() and left:
        finished = {} if stopped else {"steps": clock.visited}
        run.write({**card, "recipe": {**card["recipe"], **finished}})
        film(run)
        report.write()
    return replace(run, stopped=stopped)


def _preset(
    model: Model, data: Dataset, recipe: Recipe, plain: Preset, precision: str | None
) -> Preset:
    """Time a few steps of each preset on copies of the model, where the run is long enough."""

    def seconds(candidate: Preset) -> float:
        settle(candidate)
        network, watch = Module(deepcopy(model), candidate.channels_last), Stopwatch()
        with quietly():
            trainer = build_trainer(candidate, [watch], [], 5)
            trainer.fit(network, Stream(data, recipe, 5, 0))
        return watch.least

    # several processes would each find their own answer
    worth = recipe.steps >= WORTH_MEASURING and plain.devices == 1
    convolves = any(weight.ndim == 4 for weight in model.parameters())
    return choose(
        plain, precision=precision, convolves=convolves, seconds=seconds if worth else None
    )


def _begin_from(network: Model, model: str, recipe: Recipe) -> None:
    """Copy the weights `recipe.start` names, where they fit."""
    if recipe.start is None:
        return
    given = _weights(recipe.start, model, network, recipe.data)
    shared = _shared(recipe.start, given, network)
    network.load_state_dict(shared, strict=False)


def _shared(start: str, given: Mapping[str, Tensor], network: Model) -> dict[str, Tensor]:
    """What fits of a state. Raises ConfigError where that is next to nothing."""
    own = network.state_dict()
    shared = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
    whole, fits = (sum(w.numel() for w in state.values()) for state in (own, shared))
    if fits < LITTLE * whole:
        raise ConfigError(
            f"--start {start} shares {fits:,} of {whole:,} numbers with this model: next "
            "to nothing; name one of the same shape."
        )
    return shared


def _weights(start: str, model: str, network: Model, data: Source) -> Mapping[str, Tensor]:
    """A state by name: what the model's own file calls so, a recipe, a run or a bundle.

    A recipe is trained to its end first where it was not, on the pictures of the run that begins
    from it. Raises Stopped where that is cut off, and ConfigError where it learned from others.
    """
    published = getattr(registry.module(model), "STARTS", {})
    if start in published:
        return published[start](network)
    if (named := _of_recipe(start)) is None:
        return load(start).state_dict()
    name, label = named
    wanted = plan(name, recipe=label, data=data)
    run = Run(Path(f"runs/{name}-{label}-{_called(data)}"))
    if run.saved and (other := others(run.recipe()[1].data, wanted.data)):
        field, was, asked = other[0]
        raise ConfigError(
            f"--start {start} is {run.path} here, which learned with --data.{field} {was}, not "
            f"{asked}; name another run, or move it away."
        )
    cut = run.checkpoint.exists() and reached(run).visited < run.recipe()[1].steps
    if cut or not run.saved:
        # what would not fit is not trained in vain
        _shared(start, build(name, wanted, sources.open(wanted.data)).state_dict(), network)
        again = {"resume": True} if run.saved else {"recipe": label, "data": data}
        made = train(name, out=run.path, **again)
        if made.stopped:
            raise Stopped(
                f"stopped by {made.stopped} while training {start}, which is saved in {run.path}; "
                "the same command goes on with it.",
                made.stopped,
            )
    return load(run.path).state_dict()


def _of_recipe(start: str) -> tuple[str, str] | None:
    """The model and the recipe that a start names; None for a place."""
    name, _, label = start.partition(":")
    return (name, label) if label and name in registry.available() else None


def foresee(network: Model, model: str, recipe: Recipe) -> None:
    """Raise what `_begin_from` would for a start that names nothing, or nothing that fits.

    Nothing is trained for it.
    """
    start = recipe.start
    if start is None or start in getattr(registry.module(model), "STARTS", {}):
        return
    if named := _of_recipe(start):
        wanted = plan(named[0], recipe=named[1], data=recipe.data)
        given = parts.outline(named[0], wanted, glance(wanted.data)[0])
    else:
        given = load(start)
    _shared(start, given.state_dict(), network)


def _card(
    model: str, recipe: Recipe, data: Dataset, preset: Preset, minutes: float | None
) -> dict[str, Any]:
    """What `run.yaml` holds."""
    return {
        "format": FORMAT,
        "model": model,
        "recipe": recipe_plain(recipe),
        "minutes": minutes,
        "preset": asdict(preset),
        "data": {
            "images": len(data),
            "fingerprint": data.fingerprint,
            "places": places(recipe.data),
        },
        "schema": {"shape": list(data.schema.shape), "classes": list(data.schema.classes)},
        "versions": {
            "sfumato": sfumato.__version__,
            "torch": str(torch.__version__),
            "lightning": L.__version__,
        },
        "commit": commit(),
    }


def _first() -> bool:
    """Whether this is the first of the processes of a run."""
    return getattr(rank_zero_only, "rank", 0) == 0


def _owned(run: Run) -> AbstractContextManager[None]:
    """The folder's lock, held by the first of several processes for all of them."""
    return run.locked() if _first() else nullcontext()


def _free(name: str) -> Path:
    """`name`, or `name-2` and so on where that is taken.

    The first of several processes has taken its place before it starts the others: they join it.
    """
    places = partial(numbered, Path(name), ending="")
    taken = list(takewhile(Path.exists, places()))
    if taken and not _first():
        return taken[-1]
    return next(place for place in places() if not place.exists())
