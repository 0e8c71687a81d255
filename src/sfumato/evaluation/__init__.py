"""Scores of a trained system: samples against real images, or the system's own numbers.

Every score carries its floor (Gaussian noise with each pixel's mean and deviation) and its ceiling
(held-out real images), both measured on the same protocol: same n, features, resizer and seed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sfumato import data as sources
from sfumato.data.catalogue import identity
from sfumato.data.labels import labelled
from sfumato.data.source import Source
from sfumato.encoding import called, loaded, paint
from sfumato.errors import ConfigError, DataError, SfumatoError, nearest
from sfumato.evaluation import protocol
from sfumato.evaluation.attributes import attribute_accuracy, tagger_of
from sfumato.evaluation.editing import edit_accuracy
from sfumato.evaluation.features import ENOUGH, FeatureNet, default_features, feature_net
from sfumato.evaluation.protocol import METRICS
from sfumato.evaluation.references import LEAST, Split, examined, references_of, splits
from sfumato.evaluation.translation import translation
from sfumato.io.bars import bar
from sfumato.io.files import at_home
from sfumato.metrics.score import Score
from sfumato.model import Editor, Model, Sampler, Translator
from sfumato.nn.attributes import columns
from sfumato.randomness import generator
from sfumato.runs import Run
from sfumato.schema import Schema
from sfumato.shapes import Images, Labels

LEARNED = "of images that were learned from: train with --data.holdout 0.1 to keep some aside"
"""What is said of a model's own scores where there are no others."""
__all__ = [
    "METRICS",
    "FeatureNet",
    "compare",
    "evaluate",
    "feature_net",
    "held_out",
    "learned_from",
    "source_of",
]


def evaluate(
    place: str | Path | Model,
    data: str | Path | Source | None = None,
    *,
    model: Model | None = None,
    count: int | None = None,
    features: str | None = None,
    seed: int = 0,
    batch: int = 250,
    metrics: Sequence[str] = tuple(METRICS),
    tagger: str | Path | None = None,
    probe: bool = False,
    device: str = "cpu",
) -> dict[str, Score]:
    """Scores by name, each with floor and ceiling.

    `place` is a run folder, a bundle, a zoo name, or a model; `model` is what it holds, where that
    is read already, else it is read to `device`. `data` is what it learned from, and may be left
    out for a run folder. A `Sampler` gets those of `metrics` that the feature network allows, on
    `count` samples (unless given 10,000, or 2,000 where Inception looks at them) or as many as the
    data hold out; a `Translator` that is told what is wanted stands beside trivial answers
    (`evaluation.translation`); every model adds its own numbers on held-out data. `features` is a
    name of `feature_net`; unless given, the data's name chooses. Samples that take attributes, and
    pictures that are edited, are also read by `tagger`, a run, bundle or zoo name: the shipped one
    unless given, where the data have one (`evaluation.attributes`, `evaluation.editing`).
    With `probe` the scores are those of a linear probe of a `Judge` instead (`evaluation.probe`).
    Raises SfumatoError with one line on a user's mistake.
    """
    for name, value, least in (("-n", count, LEAST), ("batch", batch, 1)):
        if value is not None and value < least:
            raise ConfigError(f"{name} {value} is too small; give at least {least}.")
    many = count or ENOUGH
    model = loaded(place if model is None else model, "evaluate", device)
    source = _fitted(source_of(place, data), model.schema)
    if probe:
        from sfumato.evaluation import probe as probing  # slow to import

        return probing.probe(model, source, n=many, seed=seed, batch=batch)
    reference, held_out = splits(source, seed)  # held, as all that follows looks at them too
    found: dict[str, Score] = {}
    if isinstance(model, Sampler):
        net = feature_net(features or default_features(source.name), device)
        n = count or net.enough
        found = _sampled(model, source, net, n, seed, batch, metrics)
        if named := tagger_of(model, source, tagger):
            found |= attribute_accuracy(model, named, source, n, seed, batch)
    own: dict[str, Score] = {}
    if isinstance(model, Translator):
        own |= translation(model, source, reference, held_out, many)
    elif isinstance(model, Editor) and (named := tagger_of(model, source, tagger)):
        own |= edit_accuracy(model, named, held_out, many, seed, batch)
    with torch.inference_mode():
        shown = unseen_by(place, model, source, seed).told()
        rng = generator(seed, "measure", device=model.device)
        own |= model.measure(shown.alone(count), rng)
    said = LEARNED if shown.learned else ""
    return found | {
        name: replace(score, seed=seed, note="; ".join(filter(None, (score.note, said))))
        for name, score in own.items()
    }


def compare(
    places: Sequence[str | Path | Model],
    data: str | Path | Source | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    """One row per place: `place`, `model`, `data` and `scores`; `settings` are `evaluate`'s.

    All places are read before anything is measured. Raises SfumatoError as `evaluate` does.
    """
    known = signature(evaluate).parameters.keys() - {"place", "data", "model"}
    for name in settings:
        if name not in known:
            raise ConfigError(f"compare takes no {name}; {nearest(name, known)}")
    if isinstance(data, str | Path):  # the same images for all, however each of them took these
        data = Source(name=str(data))
    device = settings.get("device", "cpu")
    models = [loaded(place, "compare", device) for place in places]
    pairs = zip(places, models, strict=True)
    return [row(place, model, data, **settings) for place, model in pairs]


def row(
    place: str | Path | Model, model: Model, data: Source | None, **settings: Any
) -> dict[str, Any]:
    """What `compare` says of one place, which holds `model`."""
    source = _fitted(source_of(place, data), model.schema)
    return {
        "place": called(place),
        "model": type(model).__module__.rpartition(".")[2],
        "data": source.name,
        "scores": evaluate(place, source, model=model, **settings),
    }


def held_out(model: Model, source: Source, *, seed: int = 0) -> Split:
    """Images of `source` that nobody learned from, in the model's shape, in a random order.

    Where the label of some is known, they are those.
    """
    return splits(_fitted(source, model.schema), seed)[1].told()


def unseen_by(place: str | Path | Model, model: Model, source: Source, seed: int = 0) -> Split:
    """Images of `source` that the model at a place is tested on, in its shape.

    What a run learned from has parts that it did not see; of any other source all is taken, or the
    part that is named.
    """
    known = _learned_from(place)
    named = known is None or known.split != source.split
    named = named or known is None or identity(known.name) != identity(source.name)
    return examined(_fitted(source, model.schema), seed, named=named)


def _sampled(
    model: Sampler,
    source: Source,
    net: FeatureNet,
    n: int,
    seed: int,
    batch: int,
    metrics: Sequence[str],
) -> dict[str, Score]:
    """Scores of samples against the real images of `source`, with the references of the same."""
    wanted = protocol.supported(net, metrics)
    held = references_of(source, net, n, seed, batch)
    asked = _asked(model, splits(source, seed)[1], held.count)
    with bar() as progress:
        task = progress.add_task(f"samples ({net.name})", total=held.count)
        seen = protocol.observe(
            net,
            _samples(model, held.count, batch, seed, asked),
            lambda size: progress.advance(task, size),
        )
    scores = protocol.measure(seen, held.real, wanted, seed, _wishes(model, net, asked))
    few = f"only {held.count:,} images are held out" if held.count < n else ""
    return {
        name: replace(
            score,
            floor=_end(held.floor, name) if score.floor is None else score.floor,
            ceiling=_end(held.ceiling, name),
            n=seen.count if name == "fid" else min(seen.count, protocol.KEEP),
            better=METRICS[name],
            features=net.name,
            resizer=net.resizer,
            seed=seed,
            note="; ".join(filter(None, (score.note, few))),
        )
        for name, score in scores.items()
    }


def _asked(model: Sampler, real: Split, count: int) -> dict[str, Tensor]:
    """What `count` samples are asked for: what so many real images show, one after the other.

    So the mix is that of the data, and no distance counts it against the painter. Where the data
    do not say what it takes, labels go round the classes, and attributes are left to be drawn.
    """
    data, rows, schema = real.data, real.rows[:count].numpy(), model.schema
    found: dict[str, Tensor] = {}
    if "label" in model.conditions:
        found["label"] = torch.arange(count) % len(schema.classes)
        if labelled(data) and set(data.schema.classes) <= set(schema.classes):
            label = torch.from_numpy(data.columns["label"][rows])
            found["label"] = schema.renumbered(label, data.schema, data.name)
    known = set(data.schema.attributes) >= set(schema.attributes)
    if "attributes" in model.conditions and known:
        values = torch.from_numpy(data.columns["attributes"][rows])
        found["attributes"] = values[:, columns(schema, data.schema)]
    return found


def _samples(
    model: Sampler, count: int, batch: int, seed: int, asked: Mapping[str, Tensor]
) -> Iterator[Images]:
    """`count` samples in batches, of what is `asked`; else they depend on seed and batch alone."""
    for start in range(0, count, batch):
        rng = generator(seed, "evaluate", start, device=model.device)
        size = min(batch, count - start)
        codes = model.prior(size, rng)
        given = model.condition(size, rng)
        given |= {k: rows[start : start + size].to(model.device) for k, rows in asked.items()}
        yield paint(model, codes, given)


def _wishes(model: Sampler, net: FeatureNet, asked: Mapping[str, Tensor]) -> Labels | None:
    """The label each sample was asked for in the network's numbers; None where there is none."""
    number = protocol.numbered(net, model.schema.classes)
    return None if number is None or "label" not in asked else number[asked["label"]]


def _end(scores: Mapping[str, Score], name: str) -> float | None:
    """One end of a metric's scale; None where real images or noise have no such score."""
    return scores[name].value if name in scores else None


def source_of(place: str | Path | Model, data: str | Path | Source | None) -> Source:
    """Real images: as given, else what the run learned from. Raises ConfigError without either.

    The name of what it learned from, however it is spelt, means that as the run took it.
    """
    if isinstance(data, Source):
        return data
    known = _learned_from(place)
    if data is not None:
        alike = known is not None and identity(known.name) == identity(str(data))
        return known if known is not None and alike else Source(name=str(data))
    if known is not None:
        return known
    raise ConfigError(
        f"what {called(place)} learned from is not written there; name it with --data."
    )


def _learned_from(place: str | Path | Model) -> Source | None:
    """What the run at a place learned from; None where there is no run."""
    run = None if isinstance(place, Model) else Run(at_home(place))
    return None if run is None or not run.exists else learned_from(run)


def learned_from(run: Run, called: str | Path | None = None) -> Source:
    """What a run learned from, where it is now.

    A folder is sought by what it is `called` now, by the name it was given, then where it lay: the
    first that holds the pictures that were learned from, or else the first that holds any.
    """
    source, held = run.recipe()[1].data, run.read().get("data")
    held = held if isinstance(held, dict) else {}
    lay = held.get("places") or {}
    moved = replace(source, **{name: lay[name] for name in ("name", "other") if name in lay})
    elsewhere = called is not None and at_home(called).exists()
    now = replace(source, name=str(called)) if elsewhere else source
    now = source if identity(now.name) == identity(source.name) else now
    if identity(moved.name) == identity(source.name) == identity(now.name):
        return source
    prints = {one: _fingerprint(one) for one in (now, source, moved)}
    same = [one for one, fingerprint in prints.items() if fingerprint == held.get("fingerprint")]
    there = [one for one, fingerprint in prints.items() if fingerprint]
    return [*same, *there, source][0]


def _fingerprint(source: Source) -> str:
    """Of its pictures; empty where there are none that can be read."""
    try:
        return sources.open(source).fingerprint
    except (SfumatoError, OSError):
        return ""


def _fitted(source: Source, schema: Schema) -> Source:
    """The source cut to the model's shape, where it says nothing itself."""
    try:
        if sources.open(source).schema.shape == schema.shape:
            return source
    except DataError:  # pictures of several sizes have one only when they are scaled
        if source.side is not None:
            raise
    return replace(source, side=source.side or schema.side, channels=schema.channels)
