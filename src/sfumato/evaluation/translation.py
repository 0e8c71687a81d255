"""What a translator makes of held-out pictures, beside what was wanted and trivial answers."""

import torch
from torch import Generator, Tensor

from sfumato.data.dataset import Batch
from sfumato.data.source import Source
from sfumato.evaluation.references import Split
from sfumato.io.bars import bar
from sfumato.metrics.pairs import Tally, Trivial
from sfumato.metrics.parts import PartsTally
from sfumato.metrics.score import Score
from sfumato.model import Translator
from sfumato.randomness import generator
from sfumato.shapes import Images, Others

HELD = 256
"""Held-out pictures that are translated."""
PAIRS = 1000
"""Pairs that the linear guess learns from, at most."""
ROOM = 64_000_000
"""Numbers in the larger side of those pairs, at most."""


def translation(
    model: Translator, source: Source, reference: Split, held_out: Split, n: int, batch: int = 16
) -> dict[str, Score]:
    """`metrics.pairs.measures` of at most `HELD` pictures; nothing where none are wanted.

    Luma of what is enlarged loses a border of `scale` pixels. Trivial answers learn from
    `reference`, and everything is measured on `held_out`. Painted fronts of `facades` also get an
    FCN score (`metrics.parts`).
    """
    if model.takes or model.wanted(_batch(model, held_out, held_out.rows[:1])) is None:
        return {}
    rows = held_out.rows[: min(n, HELD)]
    # one that runs on, so that no two pictures are harmed alike
    rng = generator(0, "harmed", device=model.device)
    trivial = _trivial(model, reference)
    tally = Tally(border=model.scale if model.scale > 1 else 0)
    parts = PartsTally() if _fronts(source) else None
    with bar() as progress, torch.inference_mode():
        task = progress.add_task("translations", total=len(rows))
        for chosen in rows.split(batch):
            given, wanted = _pair(model, held_out, chosen, rng)
            made = model.translate(given.to(model.device)).cpu()
            all_made = {"ours": made, **trivial(given)}
            tally.add(all_made, wanted)
            if parts:
                parts.add(all_made | {"real": wanted}, given)
            progress.advance(task, len(chosen))
    found = tally.scores("ours")
    return found | parts.scores("ours", "real", len(rows)) if parts else found


def _fronts(source: Source) -> bool:
    """Whether photographs of fronts are painted from maps of their parts."""
    return source.name == "facades" and source.pair in (None, "label/photo")


def _trivial(model: Translator, reference: Split) -> Trivial:
    """What can be learned without a network from as many pairs as there is room for."""
    rng = generator(0, "learned from", device=model.device)
    numbers = _pair(model, reference, reference.rows[:1], rng)[1].numel()
    rows = reference.rows[: max(3, min(PAIRS, ROOM // numbers))]
    parts = [_pair(model, reference, chosen, rng) for chosen in rows.split(64)]
    given, wanted = (torch.cat(side) for side in zip(*parts, strict=True))
    return Trivial(given, wanted)


def _pair(model: Translator, split: Split, rows: Tensor, rng: Generator) -> tuple[Images, Others]:
    """What is given and what is wanted."""
    batch = _batch(model, split, rows)
    wanted = model.wanted(batch)
    assert wanted is not None
    return model.given(batch, rng).cpu(), wanted.cpu()


def _batch(model: Translator, split: Split, rows: Tensor) -> Batch:
    found = split.data.batch(rows)
    return found._replace(image=found.image.to(model.device))
