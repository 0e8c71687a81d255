"""CycleGAN: published sizes, losses by hand, one step, pools, both ways, any size, bad input."""

from math import log10

import numpy as np
import pytest
import torch

from sfumato.data.dataset import Dataset
from sfumato.errors import DataError
from sfumato.loop import Loop
from sfumato.models.cyclegan import RECIPES, SIGNS, Config, CycleGAN
from sfumato.nn.pool import Pool
from sfumato.schema import Schema
from sfumato.testing import one_step

COLOUR = Schema(shape=(3, 16, 16))


def small(schema=COLOUR, **fields):
    torch.manual_seed(0)
    plain = {"width": 4, "blocks": 1, "patch": 16, "pool": 0}
    return CycleGAN(Config(**{**plain, **fields}), schema)


def count(part):
    return sum(weight.numel() for weight in part.parameters())


def four(seed=1):
    rng = torch.Generator().manual_seed(seed)
    return [torch.rand(3, 3, 16, 16, generator=rng) * 2 - 1 for _ in range(4)]


def test_the_paper_has_so_many_parameters():
    """By hand: c7s1-64, d128, d256, nine R256, u128, u64, c7s1-3; C64 to C512, a logit."""
    ends = 2 * 49 * 3 * 64 + 3
    middle = 2 * 9 * (64 * 128 + 128 * 256)
    blocks = 9 * 2 * 9 * 256 * 256
    judge = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 1
    with torch.device("meta"):
        model = CycleGAN(Config(), Schema(shape=(3, 256, 256)))
    assert count(model.painters["B"]) == ends + middle + blocks == 11_372_931
    assert count(model.judges["A"]) == judge == 2_763_841
    assert count(model.painters["A"]) == 11_372_931


def test_losses_are_the_published_ones():
    """Squares about 0 and 1 on the scale D = (1 + t) / 2; there, back, and staying."""
    model = small(cycle=3.0, identity=0.2).eval()
    a, b, like_a, like_b = four()

    def judged(kind, images):
        return (1 + model.judge(kind, images)) / 2

    def paint(to, images):
        return model.translate(images, to=to)

    fooled = (judged("A", like_a) - 1).square().mean() + (judged("B", like_b) - 1).square().mean()
    back = (paint("A", like_b) - a).abs().mean() + (paint("B", like_a) - b).abs().mean()
    kept = (paint("A", a) - a).abs().mean() + (paint("B", b) - b).abs().mean()
    want = fooled + 3 * back + 3 * 0.2 * kept
    torch.testing.assert_close(model._painters_loss(a, b, like_a, like_b), want)
    want = sum(
        ((judged(kind, real) - 1).square().mean() + judged(kind, painted).square().mean()) / 2
        for kind, real, painted in (("A", a, like_a), ("B", b, like_b))
    )
    points = torch.rand(3, 1 + 3 * 16 * 16)
    torch.testing.assert_close(model._judges_loss(a, b, like_a, like_b, points), want)


def test_wasserstein_with_its_penalty():
    model = small(game="wasserstein", penalty="wgan_gp", penalty_weight=7.0).eval()
    a, b, like_a, like_b = four()
    points = torch.rand(3, 1 + 3 * 16 * 16)
    want = 0
    for kind, real, painted in (("A", a, like_a), ("B", b, like_b)):
        share = points[:, :1, None, None]
        between = (share * real + (1 - share) * painted).requires_grad_()
        verdict = model.judges[kind](between).mean((1, 2, 3)).sum()
        (slope,) = torch.autograd.grad(verdict, between)
        steep = slope.square().sum((1, 2, 3)).sqrt()
        want += model.judge(kind, painted).mean() - model.judge(kind, real).mean()
        want += 7 * (steep - 1).square().mean()
    torch.testing.assert_close(model._judges_loss(a, b, like_a, like_b, points), want)


def test_after_a_step_each_player_is_closer_to_its_goal():
    model = small(lr=1e-3)
    a, b, *_ = four()
    points = torch.rand(3, 1 + 3 * 16 * 16)
    painted = {"B": model.translate(a).detach(), "A": model.translate(b, to="A").detach()}

    def judged():
        loss = model._judges_loss(a, b, painted["A"], painted["B"], points)
        return float(loss.detach())

    def far():
        there, back = model.translate(a), model.translate(b, to="A")
        returned = model.translate(there, to="A"), model.translate(back)
        return float(((returned[0] - a).abs().mean() + (returned[1] - b).abs().mean()).detach())

    before = judged(), far()
    one_step(model, image=a, target=b)
    assert judged() < before[0]
    assert far() < before[1]


def test_the_learning_rate_holds_and_falls_to_nothing():
    model = small(hold=10, fade=10)
    assert [model.pace(step) for step in (0, 10, 15, 20, 99)] == [1, 1, 0.5, 0, 0]


def test_its_numbers_are_of_the_way_there_and_back():
    """To A doubles and adds 0.2, to B halves: off by 0.2 there and back from A, by 0.1 from B."""
    model, pixels = small().eval(), np.full((4, 16, 16, 3), 128, np.uint8)
    data = Dataset(name="grey", schema=model.schema, columns={"image": pixels, "target": pixels})
    model.translate = lambda images, to: 2 * images + 0.2 if to == "A" else images / 2
    found = model.measure(data, torch.Generator())
    want = {"cycle_A": 20, "cycle_B": 20 + 20 * log10(2)}
    assert {name: score.value for name, score in found.items()} == pytest.approx(want, abs=1e-3)


def test_painters_rest_between_turns():
    model = small(turns=2)
    model.step = 0
    before = [weight.clone() for weight in model.painters.parameters()]
    a, b, *_ = four()
    one_step(model, image=a, target=b)
    assert all(torch.equal(x, y) for x, y in zip(before, model.painters.parameters(), strict=True))
    model.step = 1
    one_step(model, image=a, target=b)
    assert "loss/painters" in model.told


def test_a_pool_fills_and_then_gives_back_old_pictures():
    pool, rng = Pool(4), torch.Generator().manual_seed(0)
    numbered = torch.arange(200.0)[:, None, None, None]
    first = pool.exchange(numbered[:4], rng)
    assert torch.equal(first, numbered[:4])
    shown = torch.cat([pool.exchange(one[None], rng) for one in numbered[4:]]).flatten()
    fresh = shown == numbered[4:].flatten()
    assert 0.4 < float(fresh.double().mean()) < 0.6
    assert len(pool.kept) == 4
    seen = [int(number) for number in shown]
    assert len(set(seen)) == len(seen), "what was given back is no longer kept"


def test_what_a_pool_keeps_is_its_own():
    pool, images = Pool(2), torch.zeros(20, 1, 2, 2)
    pool.exchange(images, torch.Generator().manual_seed(0))
    images.fill_(9)
    assert not any(one.any() for one in pool.kept)


def test_a_pool_of_none_gives_back_what_it_is_given():
    pool = Pool(0)
    images = torch.rand(3, 1, 2, 2)
    assert torch.equal(pool.exchange(images), images)
    assert not pool.kept


def test_pools_are_part_of_a_run_and_not_of_a_bundle():
    model, twin = small(pool=4), small(pool=4)
    model.pools["A"].exchange(torch.rand(3, 3, 16, 16))
    twin.recall(model.memory())
    assert all(map(torch.equal, model.pools["A"].kept, twin.pools["A"].kept))
    assert not [name for name in model.state_dict() if "pool" in name]


def test_all_processes_keep_one_pool():
    """Together two see what one sees with the whole, and any of them can save it."""
    whole, rng = torch.rand(9, 4, 3, 16, 16), torch.Generator()
    alone, halves = small(pool=3), [small(pool=3), small(pool=3)]
    for step, images in enumerate(whole):
        alone.rng = rng.manual_seed(step)
        wanted = alone._older("A", images)
        for rank, half in enumerate(halves):
            told = {"rank": rank, "world": 2, "gather": lambda self, rows, all_of=images: all_of}
            half.loop, half.rng = type("Half", (Loop,), told)(), rng.manual_seed(step)
            assert torch.equal(half._older("A", images[rank::2]), wanted[rank::2])
            assert all(map(torch.equal, half.pools["A"].kept, alone.pools["A"].kept))
    assert not torch.equal(wanted, images)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 43), (33, 17)])
@pytest.mark.parametrize("to", ["A", "B"])
def test_any_size_is_translated(size, to):
    found = small().eval().translate(torch.zeros(1, 3, *size), to=to)
    assert found.shape == (1, 3, *size)
    assert float(found.detach().abs().max()) <= 1


@pytest.mark.parametrize(("shape", "fits"), [((3, 30, 30), 28), ((3, 4, 4), 8)])
def test_sides_that_cannot_be_halved(shape, fits):
    words = rf"multiples of 4 from 8 on, not {shape[2]}x{shape[1]}; try --data.side {fits}\."
    with pytest.raises(DataError, match=words):
        small(Schema(shape=shape))


def test_what_stands_opposite_is_needed(tmp_path):
    import sfumato

    with pytest.raises(DataError, match=r"cyclegan needs target .* --data.other sets another"):
        sfumato.train("cyclegan", recipe="smoke", data="digits", out=tmp_path / "run")


def test_the_drawn_kinds_are_those_there_are():
    from sfumato.data.signs import KINDS

    assert set(SIGNS) == set(KINDS)
    assert RECIPES["laptop"].data.classes == SIGNS
