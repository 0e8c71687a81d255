"""Fader: published sizes, losses by hand, one step, strengths, what it reads, bad input."""

from itertools import pairwise

import pytest
import torch
from torch.nn.functional import cross_entropy

from sfumato import data
from sfumato.errors import DataError
from sfumato.metrics.distortion import psnr
from sfumato.models.fader import RECIPES, Config, Fader
from sfumato.nn.attributes import encode
from sfumato.schema import Attribute, Schema
from sfumato.testing import one_step

GLASSES = Attribute(name="glasses", low=-1, high=1, values=("no", "yes"))
HAIR = Attribute(name="hair", low=0, high=2, values=("black", "blond", "red"))
BOTH = Schema(shape=(3, 16, 16), attributes=(GLASSES, HAIR))
OWN = torch.tensor([[-1.0, 0.0], [1.0, 2.0], [1.0, 1.0], [-1.0, 2.0]])


def small(schema=BOTH, **fields):
    torch.manual_seed(0)
    plain = {"width": 4, "depth": 2, "hidden": 8, "dropout": 0.0, "reader": 2, "ramp": 10}
    return Fader(Config(**{**plain, **fields}), schema)


def count(part):
    return sum(weight.numel() for weight in part.parameters())


def test_the_paper_has_so_many_parameters():
    """By hand: C16 to C512 in seven halvings, back with two channels of one attribute at each."""
    maps = [3, 16, 32, 64, 128, 256, 512, 512]
    with torch.device("meta"):
        model = Fader(Config(), Schema(shape=(3, 256, 256), attributes=(GLASSES,)))
    down = sum(16 * a * b + 2 * b for a, b in pairwise(maps))
    assert count(model.encoder) == down == 6_991_584
    up = sum(16 * (a + 2) * b for a, b in pairwise(maps[::-1])) + 2 * sum(maps[1:7]) + 3
    assert count(model.decoder) == up == 7_022_915
    judge = 16 * 512 * 512 + 2 * 512 + (512 + 1) * 512 + (512 + 1) * 2
    assert count(model.judge) == judge
    images = torch.zeros(1, 3, 256, 256, device="meta")
    assert model.encode(images).shape == (1, 512 * 2 * 2)


def test_losses_are_the_published_ones():
    """Squared error, and cross-entropy of the true and of another value of each attribute."""
    model = small(adversarial=0.5).eval()
    images, other = torch.rand(4, 3, 16, 16) * 2 - 1, OWN.flip(0) * torch.tensor([-1.0, 1.0])
    codes = model.encoder(images)
    said = model.judge(codes)

    def wrong(values):
        glasses = cross_entropy(said[:, :2], (values[:, 0] > 0).long())
        return glasses + cross_entropy(said[:, 2:], values[:, 1].long())

    torch.testing.assert_close(model._judge_loss(codes, OWN), wrong(OWN))
    model.step = 4
    painted = model.decode(model.encode(images), OWN)
    want = (painted - images).square().mean() + 0.5 * 4 / 10 * wrong(other)
    torch.testing.assert_close(model._painters_loss(codes, images, OWN, other), want)


def test_the_weight_grows_and_stays():
    model = small(adversarial=0.5)
    assert [model._weight(step) for step in (0, 5, 10, 1000)] == [0, 0.25, 0.5, 0.5]


def test_who_reads_learns_at_the_pace_of_who_judges():
    """Adam's first step moves each number by its rate, all but those without a slope."""
    model = small(lr=1e-3, judge_lr=3e-3)
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    one_step(model, image=torch.rand(4, 3, 16, 16) * 2 - 1, attributes=OWN)
    moved = {
        name: max(
            float((weight.detach() - before[key]).abs().max())
            for key, weight in model.named_parameters()
            if key.startswith(name)
        )
        for name in ("judge", "encoder", "decoder", "reader")
    }
    want = {"judge": 3e-3, "encoder": 1e-3, "decoder": 1e-3, "reader": 3e-3}
    assert moved == pytest.approx(want, rel=0.01)


def test_after_a_step_each_player_is_closer_to_its_goal():
    model = small(lr=1e-3, judge_lr=1e-3, adversarial=0.0)
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    codes = model.encoder(images).detach()

    def losses():
        far = (model.decoder(model.encoder(images), encode(OWN, BOTH)) - images).square().mean()
        judged = model._judge_loss(codes, OWN), far, model._reader_loss(images, OWN)
        return [float(loss.detach()) for loss in judged]

    before = losses()
    one_step(model, image=images, attributes=OWN)
    assert all(now < then for now, then in zip(losses(), before, strict=True))


def test_the_encoder_learns_to_mislead_the_judge():
    """With the picture left out of its loss, a step makes another value likelier to the judge."""
    model = small(adversarial=1.0, lr=1e-3, judge_lr=1e-12)
    model.decoder = torch.nn.Module()
    model.decoder.forward = lambda maps, tags: torch.zeros(4, 3, 16, 16)
    images, other = torch.rand(4, 3, 16, 16) * 2 - 1, OWN.flip(0)
    model.step = 10
    before = model._painters_loss(model.encoder(images), images, OWN, other)
    before.backward()
    with torch.no_grad():
        for weight in model.encoder.parameters():
            weight -= 1e-3 * weight.grad
    after = model._painters_loss(model.encoder(images), images, OWN, other)
    assert float(after.detach()) < float(before.detach())


def test_editing_to_its_own_attributes_is_painting_the_code():
    model = small().eval()
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    edited = model.edit(images, encode(OWN, BOTH))
    torch.testing.assert_close(edited, model.decode(model.encode(images), OWN))
    assert not torch.equal(edited, model.edit(images, 2 * encode(OWN, BOTH)))


def test_measure_knows_a_picture_and_a_leak():
    """A code that says nothing leaves the judge with the commonest value."""
    from sfumato import data
    from sfumato.randomness import generator

    stream = data.open(RECIPES["smoke"].data)
    found = small(stream.schema).eval().measure(stream, generator(0))
    assert set(found) == {"psnr", "code_accuracy"}
    assert found["psnr"].n == 64
    assert found["code_accuracy"].better == "lower"
    assert 0.3 < found["code_accuracy"].ceiling < 0.7
    images = stream.batch(torch.arange(64)).image
    rest = (images.sum(0) - images) / 63
    assert found["psnr"].floor == pytest.approx(float(psnr(rest, images).mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ((), "fader needs attributes, and this data has none"),
        (
            (GLASSES, Attribute(name="slant", low=-20, high=20)),
            r"fader learns attributes with named values, and slant is a number; keep "
            r"--data.attributes glasses\.",
        ),
    ],
)
def test_attributes_that_cannot_be_learned(attributes, words):
    with pytest.raises(DataError, match=words):
        small(Schema(shape=(3, 16, 16), attributes=attributes))


def test_sides_that_cannot_be_halved():
    schema = Schema(shape=(3, 20, 20), attributes=(GLASSES,))
    with pytest.raises(DataError, match=r"multiples of 8, not 20x20; try --data.side 16 or a"):
        small(schema, depth=3)


def test_measure_reads_its_own_attributes_of_data_that_have_more():
    few, whole = (
        data.open(data.Source(name="glyphs", side=16, count=40, attributes=names))
        for names in (("bold", "colour"), ("slant", "colour", "paper", "bold"))
    )
    model = small(few.schema).eval()
    one, other = (model.measure(seen, torch.Generator().manual_seed(0)) for seen in (few, whole))
    assert one["psnr"].value == pytest.approx(other["psnr"].value, rel=1e-5)
