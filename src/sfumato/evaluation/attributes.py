"""Whether samples have the attributes they were asked for, as a tagger names them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from sfumato import runs
from sfumato.data.source import Source
from sfumato.encoding import paint
from sfumato.errors import ConfigError
from sfumato.evaluation.features import fitted
from sfumato.evaluation.references import splits
from sfumato.io.bars import bar
from sfumato.metrics.attributes import accuracies, hits
from sfumato.metrics.score import Score
from sfumato.model import Model, Sampler, Tagger
from sfumato.nn.attributes import columns, decode
from sfumato.randomness import generator
from sfumato.schema import Schema
from sfumato.shapes import Attributes, Images

Seen = tuple[Images, Attributes]
TAGGERS = {"glyphs": "tagger-glyphs"}
"""Data set to the tagger of the zoo that knows it."""


def attribute_accuracy(
    model: Sampler, place: str | Path, source: Source, n: int, seed: int, batch: int
) -> dict[str, Score]:
    """`attribute_accuracy` of `n` samples, and each attribute's own, as the tagger `place` says.

    Floor: the same samples against requests that were exchanged at random. Ceiling: held-out real
    images against their own attributes. Only attributes that the tagger knows count; ConfigError
    where it knows none.
    """
    tagger = the_tagger(place, str(model.device))
    shared = shared_attributes(model.schema, tagger.schema, place)
    held_out = splits(source, seed)[1]
    rows = held_out.rows[:n]

    def real() -> Iterator[Seen]:
        for part in rows.split(batch):
            given = held_out.data.batch(part)
            yield given.image, given.attributes

    with bar() as progress:
        task = progress.add_task(f"attributes ({place})", total=n + len(rows))

        def read(pairs: Iterator[Seen], schema: Schema) -> tuple[Attributes, Attributes]:
            return _read(tagger, shared, pairs, schema, lambda size: progress.advance(task, size))

        named, asked = read(_samples(model, n, batch, seed), model.schema)
        seen, true = read(real(), held_out.data.schema)
    order = torch.randperm(n, generator=generator(seed, "wishes"))
    value, floor, ceiling = (
        hits(said, wanted, shared)
        for said, wanted in ((named, asked), (named, asked[order]), (seen, true))
    )
    scores = accuracies(value, floor, ceiling, shared)
    few = f"only {len(rows):,} images are held out" if len(rows) < n else ""
    return {
        name: replace(score, features=str(place), seed=seed, note=few)
        for name, score in scores.items()
    }


def tagger_of(model: Model, source: Source, given: str | Path | None) -> str | Path | None:
    """The tagger to ask of samples: as given, else the zoo's where it knows an attribute of them.

    None where there is none to ask. Raises ConfigError where one is given for a model that takes
    no attributes.
    """
    takes, shipped = "attributes" in model.conditions, TAGGERS.get(source.name)
    if given and not takes:
        raise ConfigError(
            f"--tagger {given} was given for {type(model).__name__}, which takes no attributes."
        )
    if given or not (takes and shipped):
        return given
    known = runs.load(shipped).schema.attributes
    return shipped if set(known) & set(model.schema.attributes) else None


def the_tagger(place: str | Path, device: str) -> Tagger:
    """The tagger at a place. Raises ConfigError where something else is there."""
    tagger = runs.load(place, device)
    if not isinstance(tagger, Tagger):
        raise ConfigError(
            f"--tagger {place} holds a {type(tagger).__name__}, which names no attributes; "
            "train one: sfumato train tagger."
        )
    return tagger


def shared_attributes(model: Schema, tagger: Schema, place: str | Path) -> Schema:
    """The attributes, in the model's order, that both know by the same name and values."""
    both = tuple(attribute for attribute in model.attributes if attribute in tagger.attributes)
    if not both:
        asked, known = (
            ", ".join(attribute.name for attribute in schema.attributes)
            for schema in (model, tagger)
        )
        raise ConfigError(
            f"--tagger {place} names {known}, and the samples are asked for {asked}; "
            "train one on the same data: sfumato train tagger."
        )
    return replace(tagger, attributes=both)


@torch.no_grad()
def _samples(model: Sampler, count: int, batch: int, seed: int) -> Iterator[Seen]:
    """Samples and what each was asked for; labels and values alike are drawn."""
    for start in range(0, count, batch):
        rng = generator(seed, "attributes", start, device=model.device)
        size = min(batch, count - start)
        codes, given = model.prior(size, rng), model.condition(size, rng)
        yield paint(model, codes, given), given["attributes"].cpu()


def reading(tagger: Tagger, shared: Schema, images: Images) -> Attributes:
    """What the tagger names of images, in the order of the attributes it shares, on the CPU."""
    said = tagger.tags(fitted(images, tagger.schema).to(tagger.device)).float()
    return decode(said, tagger.schema).cpu()[:, columns(shared, tagger.schema)]


@torch.no_grad()
def _read(
    tagger: Tagger,
    shared: Schema,
    pairs: Iterator[Seen],
    schema: Schema,
    advance: Callable[[int], None],
) -> tuple[Attributes, Attributes]:
    """What the tagger names, and what `schema`'s attributes of the same images are, N A each."""
    named, true = [], []
    for images, attributes in pairs:
        named.append(reading(tagger, shared, images))
        true.append(attributes[:, columns(shared, schema)])
        advance(len(images))
    return torch.cat(named), torch.cat(true)
