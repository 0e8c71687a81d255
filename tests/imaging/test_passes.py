"""One pass in tiles is one pass over the whole; styles side by side; motion between frames."""

import pytest
import torch
from torch.nn.functional import interpolate, pad

from sfumato.errors import ConfigError
from sfumato.imaging.motion import moved
from sfumato.imaging.objective import bounded
from sfumato.imaging.passes import LOOK, collage, count, translated
from sfumato.models.adain import AdaIN
from sfumato.models.adain import Config as AdaINConfig
from sfumato.models.fast_style import Config as FastConfig
from sfumato.models.fast_style import FastStyle
from sfumato.models.wct import WCT
from sfumato.models.wct import Config as WCTConfig
from sfumato.nn.statistics import held
from sfumato.schema import Schema
from sfumato.stylizing import translator

SCHEMA = Schema(shape=(3, 32, 32))
SOURCE = interpolate(torch.rand(1, 3, 20, 30), (480, 656), mode="bilinear") * 2 - 1


def seams(model, **given):
    """Largest difference between tiles and the whole with the same statistics."""
    with torch.no_grad(), held(model, lambda: model.translate(bounded(SOURCE, LOOK), **given)):
        whole = model.translate(SOURCE, **given)
    told = []
    tiled = translated(model, SOURCE, tile=320, tell=told.append, **given)
    assert sum(told) == count((480, 656), 320) == 6
    return float((whole - tiled).abs().max())


def test_tiles_have_no_seams():
    """Of [-1, 1] a byte is 0.008; processors round pieces of another size otherwise."""
    torch.manual_seed(0)
    style = {"reference": SOURCE[..., :99]}
    assert seams(AdaIN(AdaINConfig(width=4), SCHEMA).eval(), **style) < 1e-4
    assert seams(WCT(WCTConfig(width=4), SCHEMA).eval(), **style) < 1e-4
    assert seams(AdaIN(AdaINConfig(width=4), SCHEMA).eval(), **style, strength=0.5) < 1e-4
    assert seams(WCT(WCTConfig(width=4), SCHEMA).eval(), **style, strength=0.5) < 1e-4
    assert seams(translator("wct"), **style) < 0.02  # in half precision, where that is quick
    assert seams(FastStyle(FastConfig(width=4, blocks=2), SCHEMA).eval()) < 1e-4


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_sides_that_do_not_divide_have_no_seams_either(cut):
    torch.manual_seed(0)
    model = FastStyle(FastConfig(width=4, blocks=2), SCHEMA).eval()
    filled = pad(SOURCE[..., :-cut, :-cut], (0, cut, 0, cut), mode="replicate")
    whole, tiled = (translated(model, x, tile=320) for x in (filled, SOURCE[..., :-cut, :-cut]))
    assert (whole[..., :-cut, :-cut] - tiled).abs().max() < 0.02
    assert whole.std() > 0.1


def test_each_side_is_filled_up_by_what_it_lacks():
    model, seen = FastStyle(FastConfig(width=2, blocks=1), SCHEMA).eval(), []
    model.translate = lambda images: seen.append(tuple(images.shape)) or images
    found = translated(model, SOURCE[..., :63, :57])
    assert seen == [(1, 3, 64, 60)]
    assert torch.equal(found, SOURCE[..., :63, :57])


def test_who_goes_all_the_way_says_so():
    model = FastStyle(FastConfig(width=2, blocks=1), SCHEMA).eval()
    with pytest.raises(ConfigError, match=r"^FastStyle knows no --strength; leave it out\.$"):
        translated(model, SOURCE[..., :64, :64], strength=0.5)


def test_small_pictures_are_not_cut():
    model = FastStyle(FastConfig(width=2, blocks=1), SCHEMA).eval()
    with torch.no_grad():
        want = model.translate(SOURCE[..., :64, :64])
    assert torch.equal(translated(model, SOURCE[..., :64, :64]), want)


def test_a_collage_is_as_wide_for_each_as_its_weight():
    found = collage([torch.zeros(1, 3, 20, 40), torch.ones(1, 3, 40, 80)], [1.0, 3.0])
    assert found.shape[2] == 20
    assert abs(float(found.mean()) - 0.75) < 0.02


def test_a_collage_shows_the_middle_of_what_it_cuts():
    ramp = torch.linspace(-1, 1, 40).expand(1, 3, 8, 40)
    found = collage([ramp, ramp], [1.0, 3.0])
    assert found.shape[3] == 13 + 40
    assert abs(float(found[..., :13].mean())) < 0.05


def test_a_clip_that_stands_still_is_left_alone():
    still = torch.rand(1, 3, 300, 640) * 2 - 1
    torch.testing.assert_close(moved(still, still, still), still, atol=1e-4, rtol=0)


def test_what_the_frame_before_does_not_show_is_left_as_it_is():
    """Half of the picture is new: there nothing is moved, and elsewhere the painting stays."""
    rng = torch.Generator().manual_seed(0)
    before = interpolate(torch.rand(1, 3, 8, 8, generator=rng) * 2 - 1, (64, 64), mode="bicubic")
    before, painting = before.clamp(-1, 1), torch.ones(1, 3, 64, 64)
    now = before.clone()
    now[..., 32:] = -before[..., 32:].sign()
    found = moved(painting, before, now)
    assert (found - now)[..., 44:].abs().mean() < 0.1
    assert (found - painting)[..., :20].abs().mean() < 0.1


def test_a_painting_moves_along_with_what_is_seen():
    rng = torch.Generator().manual_seed(1)
    scene = interpolate(torch.rand(1, 3, 30, 40, generator=rng), (120, 160), mode="bicubic")
    before, now = scene[..., :100, :120], scene[..., 3:103, 5:125]
    found = moved(-before, before, now)
    apart = (found + now).abs()[..., 10:-10, 10:-10].mean()
    assert apart < (before - now).abs().mean() / 10


@pytest.mark.parametrize("side", [300, 513])
def test_tiles_are_one_pass_over_the_whole(side):
    """With statistics of the picture itself, as long as it is not too large to be looked at."""
    torch.manual_seed(0)
    model, source = AdaIN(AdaINConfig(width=4), SCHEMA).eval(), SOURCE[..., :side, :side]
    given = {"reference": SOURCE[..., :99]}
    with torch.no_grad():
        plain = translated(model, source, tile=1024, **given)
        tiled = translated(model, source, tile=160, **given)
    assert (plain - tiled).abs().max() < (1e-4 if side <= LOOK else 0.02)
