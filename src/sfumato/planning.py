"""What is to be trained: a recipe with every change in its place, and the network it describes."""

import sys
from collections.abc import Mapping
from dataclasses import fields
from math import inf, prod
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sfumato import registry, settings
from sfumato.data.catalogue import identity
from sfumato.data.dataset import Dataset
from sfumato.data.labels import complete, named
from sfumato.data.source import Source
from sfumato.errors import ConfigError, UnknownName, nearest
from sfumato.evaluation.references import splits
from sfumato.io.images import LARGEST
from sfumato.loop import Rules
from sfumato.model import Classifier, Model
from sfumato.randomness import derive
from sfumato.recipe import Recipe

WORDS = ("data", "recipe", "out", "resume", "minutes", "device", "devices", "precision", "config")
"""What `sfumato.train` takes beside the fields of a recipe."""


def plan(
    model: str,
    *,
    data: str | Path | Mapping[str, Any] | Source | None = None,
    recipe: str | None = None,
    config: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Recipe:
    """The recipe of a run, with every change in its place; nothing is read or written.

    Another data set keeps of the recipe's own source only the side and the channels that its
    network was made for.
    """
    known: Mapping[str, Recipe] = registry.module(model).RECIPES
    name = recipe or ("laptop" if "laptop" in known else next(iter(known)))
    if name not in known:
        raise UnknownName(f"{model} has no recipe {name!r}; {nearest(name, known)}")
    base = known[name]
    changes = dict(_known(changes))
    config = settings.override(base.model, config or {}, "model.")
    return settings.override(base, {"model": config, "data": _source(base.data, data), **changes})


def _known(changes: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields of a Recipe. Raises for any other, with the nearest of all that `train` takes."""
    known = [field.name for field in fields(Recipe) if field.name not in ("model", "data")]
    for name in changes:
        if name not in known:
            hint = nearest(name, [*known, *WORDS])
            raise ConfigError(f"there is no setting --{name}; {hint}")
    return changes


def build(model: str, recipe: Recipe, data: Dataset) -> Model:
    """The untrained network of a recipe, its weights a function of the seed alone."""
    kind = registry.model_class(model)
    data.require(kind.needs, model)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(recipe.seed, "weights"))
        network = kind(recipe.model, data.schema)
    _suits(network, model, recipe, data)
    network.rules = Rules(clip=recipe.clip, accumulate=recipe.accumulate, every=recipe.every)
    return network


def _suits(network: Model, name: str, recipe: Recipe, data: Dataset) -> None:
    """Raise DataError where the labels are not all that the network needs."""
    if "label" not in network.needs:
        return
    if not network.unnamed:
        named(data, name, recipe.data)
    if isinstance(network, Classifier) and "Classifier" not in network.lacks:
        complete(data, name)


def enough(network: Model, name: str, recipe: Recipe, devices: int) -> None:
    """Raise where a batch holds too many images, the network sees too few, or none held out.

    And where a second source is asked for that the network would not look at.
    """
    if recipe.data.other and "target" not in network.needs:
        raise ConfigError(f"{name} learns from one source of pictures: leave out --data.other.")
    if recipe.validate:
        if type(network).measure is Model.measure:
            raise ConfigError(
                f"--validate is for models with numbers of their own, and {name} has none; leave "
                "it out, and measure its samples with sfumato evaluate."
            )
        splits(recipe.data, recipe.seed)  # so that what cannot be read leaves no folder behind
    if recipe.batch * prod(network.schema.shape) > LARGEST:
        most = LARGEST // prod(network.schema.shape)
        raise ConfigError(
            f"--batch {recipe.batch} holds more pixels than fit in memory; take at most {most:,}."
        )
    if devices < 1:
        raise ConfigError(f"--devices must be at least 1; got {devices}.")
    if devices > 1 and hasattr(sys, "ps1"):
        raise ConfigError(
            f"--devices {devices} runs the program once for each, which a notebook cannot; call "
            "sfumato train on the command line."
        )
    if recipe.batch % devices:
        raise ConfigError(
            f"--batch {recipe.batch} does not share out among --devices {devices}; "
            f"take {-(-recipe.batch // devices) * devices}."
        )
    rows = any(isinstance(layer, nn.BatchNorm1d) for layer in network.modules())
    parts = recipe.accumulate * devices
    least, at_once = max(network.least, 2 if rows else 1), recipe.batch // parts
    if at_once < least:
        times = f" in {parts} parts" if parts > 1 else ""
        raise ConfigError(
            f"{name} learns from at least {least} images at once, and --batch {recipe.batch}"
            f"{times} gives it {at_once}; take --batch {least * parts} or more."
        )


def _source(base: Source, given: str | Path | Mapping[str, Any] | Source | None) -> Source:
    if given is None or isinstance(given, Source):
        return given or base
    said = {"name": str(given)} if isinstance(given, str | Path) else dict(given)
    if said.get("name", base.name) != base.name:
        base = Source(name=said["name"], side=base.side, channels=base.channels)
    return settings.override(base, said, "data.")


def one_length(minutes: float | None, steps: Any) -> None:
    """Raise ConfigError for a time that is none, or beside a number of batches."""
    if minutes is not None and not 0 < minutes < inf:
        raise ConfigError(f"--minutes must be greater than 0, not {minutes}.")
    if minutes is not None and steps is not None:
        raise ConfigError("--steps and --minutes exclude each other; give one of them.")


def unlike(one: Any, other: Any, *without: str) -> list[tuple[str, Any, Any]]:
    """The fields in which two of one dataclass differ, with both values."""
    names = [field.name for field in fields(one) if field.name not in without]
    pairs = ((name, getattr(one, name), getattr(other, name)) for name in names)
    return [(name, was, then) for name, was, then in pairs if was != then]


def others(one: Source, other: Source) -> list[tuple[str, Any, Any]]:
    """In what two sources choose or cut other pictures, with both values."""
    apart = identity(one.name) != identity(other.name)
    return [
        *([("name", one.name, other.name)] if apart else []),
        *unlike(one, other, "name", "flip", "patch"),
    ]


def words_of(data: str | Path | Mapping[str, Any] | Source | None) -> dict[str, Any]:
    """What is said of the data, by field: a name alone, some fields, or all."""
    if isinstance(data, str | Path):
        return {"name": str(data)}
    return dict(vars(data) if isinstance(data, Source) else data or {})


def resumed(
    model: str,
    began: Recipe,
    recipe: str | None,
    data: str | Path | Mapping[str, Any] | Source | None,
    config: Mapping[str, Any],
    changes: Mapping[str, Any],
) -> Recipe:
    """The recipe that a run goes on with; of what it began with only its steps may change.

    What is said again must be as it was, so that the words that began a run continue it; a recipe
    that is named says all that it holds.
    """
    of_data = words_of(data)
    if "name" in of_data and identity(str(of_data["name"])) == identity(began.data.name):
        of_data["name"] = began.data.name  # however it is spelt now
    wished = (
        ("model.", began.model, config),
        ("data.", began.data, of_data),
        ("", began, {k: v for k, v in _known(changes).items() if k != "steps"}),
    )
    for prefix, now, said in wished:
        then = settings.override(now, said, prefix)
        for field in sorted(said):
            was, wish = getattr(now, field), getattr(then, field)
            if was != wish:
                option = "data" if (prefix, field) == ("data.", "name") else f"{prefix}{field}"
                raise ConfigError(
                    f"--{option} cannot change when a run is resumed: it is {was}, not {wish}; "
                    "start a new run."
                )
    if recipe is not None:
        rest = {name: value for name, value in changes.items() if name != "steps"}
        whole = plan(model, recipe=recipe, data=of_data, config=config, **rest)
        held = (
            ("model.", unlike(began.model, whole.model)),
            ("data.", unlike(began.data, whole.data)),
            ("", unlike(began, whole, "model", "data", "steps", "expects", "published")),
        )
        for prefix, differing in held:
            for field, was, then in differing:
                raise ConfigError(
                    f"--recipe {recipe} has {prefix}{field} {then}, and this run began with {was};"
                    " leave --recipe out, or start a new run."
                )
    return settings.override(began, {k: v for k, v in changes.items() if k == "steps"})
