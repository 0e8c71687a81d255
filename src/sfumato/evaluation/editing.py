"""Whether edited pictures have what was asked for and keep the rest, as a tagger reads them."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from sfumato.evaluation.attributes import reading, shared_attributes, the_tagger
from sfumato.evaluation.references import Split
from sfumato.io.bars import bar
from sfumato.metrics.attributes import averaged, hits
from sfumato.metrics.score import Score
from sfumato.model import Editor
from sfumato.nn.attributes import another, columns, encode
from sfumato.randomness import generator
from sfumato.schema import Schema
from sfumato.shapes import Attributes, Images


@torch.no_grad()
def edit_accuracy(
    model: Editor, place: str | Path, held: Split, n: int, seed: int, batch: int
) -> dict[str, Score]:
    """`flips` and `stays` of the pictures of a split, and `NAME_flips` of each attribute.

    Each of up to `n` of them is asked for another value of one attribute after the
    other, at strength 1 and with its own values of the rest. `flips` is the share of which the
    tagger at `place` then reads the value asked for; floor: of the picture as it was; ceiling: of
    real pictures, their own value. `stays` is the share of the other attributes that it reads as
    of the picture itself; floor: as of a picture taken at random; ceiling: of the picture painted
    with its own attributes. Only attributes count that the tagger knows; ConfigError where it
    knows none.
    """
    tagger = the_tagger(place, str(model.device))
    shared = shared_attributes(model.schema, tagger.schema, place)
    rows = held.rows[:n]
    given = columns(model.schema, held.data.schema)
    known = columns(shared, model.schema)
    rng = generator(seed, "edits")
    seen, plain, true, wanted = [], [], [], []
    made: list[list[Tensor]] = [[] for _ in known]
    with bar() as progress:
        task = progress.add_task(f"edits ({place})", total=len(rows))
        for part in rows.split(batch):
            real = held.data.batch(part)
            own = real.attributes[:, given]
            other = another(own, torch.rand(own.shape, generator=rng), model.schema)
            seen.append(reading(tagger, shared, real.image))
            plain.append(reading(tagger, shared, painted(model, real.image, own)))
            for place_, column in enumerate(known):
                asked = own.clone()
                asked[:, column] = other[:, column]
                made[place_].append(reading(tagger, shared, painted(model, real.image, asked)))
            true.append(own[:, known])
            wanted.append(other[:, known])
            progress.advance(task, len(part))
    order = torch.randperm(len(rows), generator=generator(seed, "wishes"))
    edited = [torch.cat(parts) for parts in made]
    read = torch.cat(seen), torch.cat(plain), torch.cat(true), torch.cat(wanted)
    found = _scores(edited, *read, order, shared)
    return {name: _signed(score, place, seed) for name, score in found.items()}


def painted(model: Editor, images: Images, attributes: Attributes) -> Images:
    """The pictures with these attributes, on the CPU."""
    device = model.device
    tags = encode(attributes, model.schema)
    return model.edit(images.to(device), tags.to(device)).float().cpu()


def _scores(
    edited: list[Attributes],
    seen: Attributes,
    plain: Attributes,
    true: Attributes,
    wanted: Attributes,
    order: Tensor,
    shared: Schema,
) -> dict[str, Score]:
    """From what the tagger read of edited, real and merely repainted pictures."""
    flips = [hits(said, wanted, shared)[:, k] for k, said in enumerate(edited)]
    before, able = hits(seen, wanted, shared), hits(seen, true, shared)
    ends = before.double().mean(1), able.double().mean(1)
    found = {"flips": averaged(torch.stack(flips, 1).double().mean(1), *ends)}
    if len(edited) > 1:
        others = [[j for j in range(len(edited)) if j != k] for k in range(len(edited))]

        def kept(reads: list[Attributes], like: Attributes) -> Tensor:
            """Per picture, the share of attributes nobody asked for that are read alike."""
            alike = [hits(r, like, shared)[:, rest] for r, rest in zip(reads, others, strict=True)]
            return torch.stack([one.double().mean(1) for one in alike], 1).mean(1)

        many = [plain] * len(edited)
        found["stays"] = averaged(kept(edited, seen), kept(edited, seen[order]), kept(many, seen))
    for k, attribute in enumerate(shared.attributes):
        ends = before[:, k].double(), able[:, k].double()
        found[f"{attribute.name}_flips"] = averaged(flips[k].double(), *ends)
    return found


def _signed(score: Score, place: str | Path, seed: int) -> Score:
    return replace(score, features=str(place), seed=seed)
