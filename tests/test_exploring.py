"""Traversals change one thing at a time; arithmetic adds up mean codes."""

import pytest
import torch

import sfumato
from sfumato import load
from sfumato.errors import ConfigError
from sfumato.exploring import ROWS, arithmetic, exemplars, parse, traverse
from sfumato.models.vae import VAE, Config
from sfumato.sampling import sample
from sfumato.schema import Axis, Schema


class Plain(VAE):
    """Codes that can be read off the picture: each coordinate is one pixel."""

    def __init__(self, latent=4):
        super().__init__(Config(latent=latent, width=4), Schema(shape=(1, 8, 8)))

    def generate(self, latents):
        wide = torch.nn.functional.pad(latents / 10, (0, 64 - latents.shape[1]))
        return wide.unflatten(1, (1, 8, 8))


class Coded(Plain):
    """Knows what its codes are: noise, one of three, and a number from -1 to 1."""

    normal = slice(0, 2)

    @property
    def axes(self):
        return (Axis("kind", 2, width=3), Axis("slant", 5, low=-1, high=1))

    def __init__(self):
        super().__init__(latent=6)


def codes(images):
    return 10 * images.flatten(1)


# ------------------------------------------------------------------ traverse


def test_each_row_changes_its_own_coordinate_from_low_to_high():
    model = Plain()
    base = codes(model.sample(1, seed=7))[0]
    rows = traverse(model, steps=5, seed=7)
    assert [row.name for row in rows] == ["z0", "z1", "z2", "z3"]
    for column, row in enumerate(rows):
        assert row.values == ("-2", "-1", "0", "1", "2")
        found = codes(row.images)
        torch.testing.assert_close(found[:, column], torch.tensor([-2.0, -1, 0, 1, 2]))
        rest = [c for c in range(64) if c != column]
        torch.testing.assert_close(found[:, rest], base[rest].expand(5, -1))


def test_a_model_names_its_own_axes_and_a_choice_takes_every_value():
    kind, slant = traverse(Coded(), steps=3)
    assert (kind.name, kind.values) == ("kind", ("0", "1", "2"))
    torch.testing.assert_close(codes(kind.images)[:, 2:5], torch.eye(3))
    assert (slant.name, slant.values) == ("slant", ("-1", "0", "1"))
    torch.testing.assert_close(codes(slant.images)[:, 5], torch.tensor([-1.0, 0, 1]))


def test_axes_that_are_not_normal_reach_to_one():
    model = Plain()
    model.normal = slice(0, 2)
    assert [(axis.low, axis.high) for axis in model.axes] == [(-2, 2)] * 2 + [(-1, 1)] * 2


def test_axes_are_chosen_by_name_in_the_order_asked_for():
    assert [row.name for row in traverse(Plain(), ["z3", "z0"])] == ["z3", "z0"]
    with pytest.raises(ConfigError, match=r"^there is no axis 'z'; did you mean 'z\d'\?"):
        traverse(Plain(), ["z"])
    with pytest.raises(ConfigError, match=r"^there is no axis 'slnat'; did you mean 'slant'\?"):
        traverse(Coded(), ["slnat"])


def test_of_many_axes_those_that_change_most_are_shown():
    class Loud(Plain):
        def generate(self, latents):
            return super().generate(latents * torch.arange(40))

    rows = traverse(Loud(latent=40), steps=2)
    assert [row.name for row in rows] == [f"z{c}" for c in range(39, 39 - ROWS, -1)]


def test_conditions_are_axes_too_and_come_first(stencil, plugins):
    model = load(stencil)
    rows = {row.name: row for row in sfumato.traverse(stencil, steps=3, seed=2)}
    assert list(rows) == ["label", "slant", "bold", "style", "z0", "z1", "z2"]
    assert rows["label"].values == model.schema.classes
    assert rows["bold"].values == ("no", "yes")
    assert rows["slant"].values == ("-20", "0", "20")
    same = {"slant": 0, "bold": "yes", "style": "serif"}
    asked = model.sample(1, seed=2, label="C", attributes=same)
    row = traverse(model, ["slant"], steps=3, seed=2, label="C", attributes=same)[0]
    torch.testing.assert_close(row.images[1], asked[0])
    row = traverse(model, ["label"], seed=2, label="A", attributes=same)[0]
    torch.testing.assert_close(row.images[2], asked[0])


# ------------------------------------------------------------------ arithmetic


def test_the_sum_is_that_of_the_mean_codes():
    model = Plain()
    seeds = {seed: codes(model.sample(1, seed=seed))[0] for seed in (3, 7, 12, 4, 8, 9)}
    found = arithmetic(model, "3,7,12 - 4,8 + 9")
    assert found.groups == (("+", (3, 7, 12)), ("-", (4, 8)), ("+", (9,)))
    means = [
        (seeds[3] + seeds[7] + seeds[12]) / 3,
        (seeds[4] + seeds[8]) / 2,
        seeds[9],
    ]
    torch.testing.assert_close(codes(found.means), torch.stack(means))
    total = means[0] - means[1] + means[2]
    torch.testing.assert_close(codes(found.result)[0], total)
    torch.testing.assert_close(codes(found.exemplars[1]), torch.stack([seeds[4], seeds[8]]))


def test_codes_that_are_drawn_may_be_truncated(stencil, plugins):
    """To those that `sample` draws, also where conditions are drawn between them."""
    for model, held in ((Plain(), {}), (load(stencil), {"slant": 0, "bold": "no"})):
        asked = {"attributes": {**held, "style": "sans"}, "label": "A"} if held else {}
        want = torch.cat([sample(model, 1, seed=s, truncation=0.5, **asked) for s in (3, 7)])
        for found in (
            arithmetic(model, "3,7", truncation=0.5, **asked).exemplars[0],
            exemplars(model, (3, 7), truncation=0.5, **asked),
        ):
            torch.testing.assert_close(found, want)
        axis = model.axes[0].name
        rows = traverse(model, [axis], seed=7, truncation=0.5, **asked)
        free = traverse(model, [axis], seed=7, **asked)
        assert not torch.equal(rows[0].images, free[0].images)
    base = codes(sample(Plain(), 1, seed=7, truncation=0.5))[0]
    found = codes(traverse(Plain(), ["z1"], seed=7, truncation=0.5)[0].images)
    torch.testing.assert_close(found[:, 2:], base[2:].expand(9, -1))


def test_codes_of_pictures_are_not_truncated():
    with pytest.raises(ConfigError, match=r"^truncation is of codes that are drawn; pictures hav"):
        traverse(Plain(), picture=torch.zeros(1, 1, 8, 8), truncation=0.5)


def test_around_the_sum_lies_uniform_noise():
    found = arithmetic(Plain(), "1+2", near=2000, noise=0.5)
    shifts = codes(found.near - found.result)[:, :4]
    assert shifts.abs().max() <= 0.5 + 1e-5
    assert shifts.std() == pytest.approx(0.5 / 3**0.5, rel=0.05)
    assert torch.equal(
        arithmetic(Plain(), "1+2", near=4).near, arithmetic(Plain(), "1+2", near=4).near
    )


def test_one_condition_holds_for_every_picture(stencil, plugins):
    model = load(stencil)
    found = arithmetic(model, "1,2 - 3", label="K", attributes={"bold": "yes"})
    images = exemplars(model, (1, 2), label="K", attributes={"bold": "yes"})
    assert torch.equal(found.exemplars[0], images)
    condition = model.condition(1, None, label="K", attributes={"bold": "yes"})
    assert condition["label"].tolist() == [10]


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("5", [("+", (5,))]),
        ("-5 + 6,7", [("-", (5,)), ("+", (6, 7))]),
        (" 1 , 2-3 ", [("+", (1, 2)), ("-", (3,))]),
    ],
)
def test_expressions(text, groups):
    assert parse(text) == tuple(groups)


@pytest.mark.parametrize("text", ["", "a + b", "1 +", "1,,2", "1 * 2", "+", "1 - - 2"])
def test_what_is_no_expression_is_refused(text):
    said = r"must be groups of seeds with \+ or - between: '3,7,12 - 4,8 \+ 9'\.$"
    with pytest.raises(ConfigError, match=said):
        parse(text)
