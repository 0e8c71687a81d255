"""Parts of fronts: their colours, the three shares by hand, floor and ceiling, the segmenter."""

import pytest
import torch

from sfumato.data import open as opened
from sfumato.data.source import Source
from sfumato.metrics.parts import (
    NAMES,
    SIDE,
    PartsTally,
    Segmenter,
    _at,
    confusion,
    drawn,
    named,
    palette,
    shares,
    shipped,
)


def test_maps_in_colours_are_read_back():
    parts = torch.arange(12).view(1, 3, 4)
    maps = palette()[parts].permute(0, 3, 1, 2)
    assert torch.equal(drawn(maps), parts)
    assert torch.equal(drawn((maps + 0.2).clamp(-1, 1)), parts)
    assert len(NAMES) == len(palette().unique(dim=0)) == 12


def test_the_shares_by_hand():
    """Four pixels of part 0, one named 1; two of part 1, both right; part 2 never asked for."""
    wanted = torch.tensor([[[0, 0, 0, 0, 1, 1]]])
    found = torch.tensor([[[0, 0, 0, 1, 1, 1]]])
    counts = confusion(found, wanted)
    assert counts[0, :2].tolist() == [3, 1]
    assert counts.sum() == 6
    want = {"pixel_accuracy": 5 / 6, "class_accuracy": (3 / 4 + 1) / 2}
    want["class_iou"] = (3 / 4 + 2 / 3) / 2
    assert shares(counts) == pytest.approx(want)


def test_a_map_made_smaller_has_the_pixels_in_the_middles():
    columns = torch.arange(6).expand(1, 6, 6)
    assert _at(columns, 2)[0].tolist() == [[1, 4], [1, 4]]
    assert _at(columns.mT, 2)[0].tolist() == [[1, 1], [4, 4]]


class Reader(Segmenter):
    """Sees a part where its colour is: a map is its own photograph."""

    def forward(self, images):
        return torch.nn.functional.one_hot(drawn(images), 12).permute(0, 3, 1, 2).float()


def test_floor_and_ceiling_are_what_trivial_answers_and_photographs_score():
    parts = torch.randint(0, 12, (2, 1, 1)).expand(2, 128, 128).clone()
    parts[:, 64:] = (parts[:, 64:] + 5) % 12
    maps = palette()[parts].permute(0, 3, 1, 2)
    half = maps.clone()
    half[:, :, 96:] = maps[:, :, :32]
    tally = PartsTally(Reader())
    tally.add({"ours": half, "mean": 0 * maps, "copy": maps.flip(2), "real": maps}, maps)
    scores = tally.scores("ours", "real", 2)
    assert scores["pixel_accuracy"].value == pytest.approx(0.75, abs=0.02)
    for score in scores.values():
        assert score.ceiling == 1
        assert score.floor < score.value
        assert "mean" in score.note
        assert "copy" in score.note


def test_the_shipped_segmenter_looks_where_the_pictures_are():
    here = torch.device("cpu")
    shipped.cache_clear()
    maps = torch.rand(1, 3, 32, 32) * 2 - 1
    tally = PartsTally()
    with torch.inference_mode():
        tally.add({"ours": maps}, maps)  # as a score asks for it
    assert tally.counts["ours"].sum() == SIDE**2
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    shipped(here)(images).sum().backward()
    assert images.grad.isfinite().all()
    there = shipped(torch.device("meta"))
    assert next(there.parameters()).device.type == "meta"
    assert next(shipped(here).parameters()).device == here


def test_the_shipped_segmenter_knows_real_fronts(real_data):
    pairs = opened(Source(name="facades", side=128, split="test")).batch(torch.arange(12))
    segmenter = shipped(torch.device("cpu"))
    found = shares(confusion(named(segmenter, pairs.target), drawn(pairs.image)))
    flat = shares(confusion(named(segmenter, 0 * pairs.target), drawn(pairs.image)))
    assert found["pixel_accuracy"] > flat["pixel_accuracy"] + 0.1
    assert found["class_iou"] > 3 * flat["class_iou"]
