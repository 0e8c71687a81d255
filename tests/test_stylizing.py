"""Pictures in, pictures out: any mode and size, colours kept, masks, clips, what cannot be."""

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.color import rgb2lab

import sfumato
from sfumato.errors import ConfigError, DataError
from sfumato.imaging import gatys
from sfumato.models.fast_style import Config, FastStyle
from sfumato.schema import Schema
from sfumato.stylizing import Eyes, Tell, clip, tensor

FEW = {"iterations": 2, "evaluations": 4}
WAYS = [{}, {"method": "pass"}, {"method": "gatys", "choices": FEW}]
NAMES = ["fast", "pass", "gatys"]
SLOW = {"method": "gatys", "choices": FEW}


def picture(wide=48, high=40, seed=0, mode="RGB"):
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(60, 200, (5, 6, 3), dtype=np.uint8))
    return small.resize((wide, high), Image.Resampling.BILINEAR).convert(mode)


def pixels(image):
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_pictures_of_every_mode_come_back_in_colour(mode, words):
    found = sfumato.stylize(picture(mode=mode), picture(seed=1, mode=mode), **words)
    assert (found.mode, found.size) == ("RGB", (48, 40))


@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_one_pixel_is_painted(words):
    assert sfumato.stylize(picture(1, 1), picture(1, 1), **words).size == (1, 1)


@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_a_style_of_one_colour_is_painted(words):
    found = pixels(sfumato.stylize(picture(), Image.new("RGB", (9, 9), (200, 10, 30)), **words))
    assert found.std() > 0, "NaN would be written as black"


def test_files_give_what_pictures_give(tmp_path):
    picture().save(tmp_path / "content.png")
    picture(seed=1).save(tmp_path / "style.png")
    want = sfumato.stylize(picture(), picture(seed=1))
    found = sfumato.stylize(tmp_path / "content.png", str(tmp_path / "style.png"))
    assert np.array_equal(pixels(want), pixels(found))


@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_the_contents_chroma_is_kept(words):
    content = picture()
    found = sfumato.stylize(content, picture(seed=1), colour="content", **words)
    chroma = [rgb2lab(np.asarray(x))[..., 1:] for x in (found, content)]
    assert np.linalg.norm(chroma[0] - chroma[1], axis=-1).mean() <= 3
    assert not np.array_equal(pixels(found), pixels(content))


@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_what_no_mask_covers_is_unchanged(words):
    content, mask = picture(), Image.new("L", (48, 40))
    mask.paste(255, (10, 8, 40, 30))
    found = sfumato.stylize(content, picture(seed=1), masks=[mask], soften=3, **words)
    outside = pixels(mask) == 0
    assert np.array_equal(pixels(found)[outside], pixels(content)[outside])
    assert np.abs(pixels(found) - pixels(content))[~outside].mean() > 1


def test_each_style_has_its_region_or_its_weight():
    once = {"method": "pass"}
    left = Image.new("L", (48, 40))
    left.paste(255, (0, 0, 24, 40))
    right = Image.fromarray(255 - np.asarray(left))
    one, other = picture(seed=1), picture(seed=2)
    found = pixels(sfumato.stylize(picture(), [one, other], **once, masks=[left, right]))
    alone = [pixels(sfumato.stylize(picture(), style, **once)) for style in (one, other)]
    assert np.array_equal(found[:, :24], alone[0][:, :24])
    assert np.array_equal(found[:, 24:], alone[1][:, 24:])
    all_of_one = sfumato.stylize(picture(), [one, other], weights=[1, 0], **SLOW)
    assert np.array_equal(pixels(all_of_one), pixels(sfumato.stylize(picture(), one, **SLOW)))


def test_without_a_style_gatys_rebuilds_the_content():
    told = []
    words = {"start": "noise", "iterations": 4, "evaluations": 15}
    tell = Tell(iteration=lambda p: told.append(p.losses[-1]))
    sfumato.stylize(picture(), method="gatys", choices=words, tell=tell)
    assert told == sorted(told, reverse=True)
    assert told[-1] < told[0]


def test_the_fast_way_ends_nearer_to_the_style_than_the_pass():
    content, style = picture(200, 160), picture(160, 160, seed=1)
    content = Image.blend(content, Image.effect_noise((200, 160), 60).convert("RGB"), 0.3)
    told = []
    tell = Tell(iteration=lambda p: told.append((p.losses[-1], p.images.shape[-2:])))
    painted = sfumato.stylize(content, style, tell=tell)
    assert [tuple(size) for _, size in told] == [(80, 100), (80, 100), (160, 200)]

    def loss(image):
        found = []
        words = {"start": image, "choices": {"iterations": 1, "evaluations": 2}}
        see = Tell(iteration=lambda p: found.append(p.losses[0]))
        sfumato.stylize(content, style, method="gatys", tell=see, **words)
        return found[0]

    assert loss(painted) < loss(sfumato.stylize(content, style, method="pass"))


def test_what_is_larger_than_the_descent_goes_is_enlarged_with_its_detail(monkeypatch):
    monkeypatch.setattr("sfumato.stylizing.FINE", 40)
    sizes = []
    tell = Tell(iteration=lambda p: sizes.append(max(p.images.shape[-2:])))
    found = sfumato.stylize(picture(96, 80), picture(seed=1), tell=tell)
    assert (found.size, max(sizes)) == ((96, 80), 40)


def test_textures_have_the_size_asked_for():
    assert sfumato.texture(picture(), size=(30, 20), choices=FEW).size == (30, 20)
    assert sfumato.texture([picture(), picture(seed=1)], choices=FEW).size == (48, 40)


def test_a_network_of_one_style_paints_without_being_given_one():
    model = FastStyle(Config(width=2, blocks=1), Schema(shape=(3, 32, 32)))
    assert sfumato.stylize(picture(), model=model, side=24).size == (24, 20)
    with pytest.raises(ConfigError, match="FastStyle has learnt its one style"):
        sfumato.stylize(picture(), picture(), model=model)


def test_every_iteration_is_kept_and_gone_on_with(tmp_path):
    words = {"method": "gatys", "keep": tmp_path}
    args = picture(), picture(seed=1)
    whole = sfumato.stylize(*args, choices={**FEW, "iterations": 3}, **words)
    names = [f"iteration-{n:03d}.png" for n in (1, 2, 3)]
    assert sorted(p.name for p in tmp_path.glob("*.png")) == names
    again = sfumato.stylize(*args, choices={**FEW, "iterations": 3}, resume=True, **words)
    assert np.array_equal(pixels(whole), pixels(again))


@pytest.mark.parametrize("words", WAYS, ids=NAMES)
def test_a_clip_is_painted_frame_by_frame(words):
    frames = [picture(seed=0), picture(seed=0), picture(seed=3)]
    painted = list(clip(frames, picture(seed=1), **words))
    assert [frame.size for frame in painted] == [(48, 40)] * 3


def test_each_frame_begins_as_the_last_one_moved_along(monkeypatch):
    frames, seen, told = [picture(seed=n) for n in (0, 3, 5)], [], []
    monkeypatch.setattr("sfumato.stylizing.moved", lambda *given: seen.append(given) or given[0])
    words = {"method": "gatys", "tell": Tell(started=told.append)}
    few = {"iterations": 6, "evaluations": 2}
    painted = list(clip(frames, picture(seed=1), choices=few, **words))
    assert told == [6, 2, 2]
    for n, given in enumerate(seen):
        wanted = tensor(painted[n]), tensor(frames[n]), tensor(frames[n + 1])
        assert all(map(torch.equal, given, wanted))


def test_no_frame_of_a_clip_descends_finer_than_the_first(monkeypatch):
    monkeypatch.setattr("sfumato.stylizing.FINE", 40)
    seen, paint = [], gatys.paint

    def noted(*given, size, **words):
        seen.append(size)
        return paint(*given, size=size, **words)

    monkeypatch.setattr(gatys, "paint", noted)
    frames = [picture(64, 48, seed=n) for n in range(2)]
    painted = list(clip(frames, picture(seed=1), choices={"iterations": 1, "scales": 1}))
    assert seen == [(30, 40)] * 2
    assert [frame.size for frame in painted] == [(64, 48)] * 2


@pytest.mark.parametrize(("choices", "longer"), [({}, 512), ({"style_size": 0.25}, 128)])
def test_one_pass_sees_a_style_as_large_as_its_strokes_shall_be(monkeypatch, choices, longer):
    seen = []

    def passed(model, content, reference, **words):
        seen.append(tuple(reference.shape[-2:]))
        return content

    monkeypatch.setattr("sfumato.imaging.passes.translated", passed)
    sfumato.stylize(picture(), picture(600, 450, seed=1), method="pass", choices=choices)
    assert seen == [(longer * 3 // 4, longer)]


def test_half_precision_paints_alike():
    one, other = (
        pixels(sfumato.stylize(picture(), picture(seed=1), eyes=Eyes(fast=fast), **SLOW))
        for fast in (False, True)
    )
    assert np.abs(one - other).mean() < 10


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"method": "slow"}, "there is no --method 'slow'"),
        ({"colour": "contents"}, "did you mean 'content'"),
        ({"weights": [1, 2]}, "1 styles need as many --weights; got 2"),
        ({"weights": [float("nan")]}, "--weights must be 0 or more, and not all of them 0"),
        ({"weights": [float("inf")]}, "--weights must be 0 or more, and not all of them 0"),
        ({"masks": [picture(), picture()]}, "1 styles need as many --mask; got 2"),
        ({"masks": [picture(40, 48)]}, "a mask is 40x48 and the content 48x40"),
        ({"style_masks": [picture()]}, "--style-mask is of --method gatys"),
        ({"start": picture()}, "--keep, --resume and --start are of --method gatys"),
        ({"choices": {"strength": 0.5}}, "--strength is of --method pass; leave it out"),
        ({"method": "pass", "choices": {"start": "noise"}}, "--start is of --method gatys; leave"),
        (
            {"method": "pass", "eyes": Eyes(pooling="max")},
            "--network, --network-weights and",
        ),
        ({"method": "pass", "choices": {"smooth": 1}}, "--smooth is of --method gatys and fast;"),
        ({"method": "pass", "choices": {"strength": 2}}, "--strength must be less than or equal"),
        ({"side": 0}, "--side must be at least 1"),
        ({"choices": {"iteration": 3}}, "did you mean 'iterations'"),
        ({"choices": {"scales": 0}}, "--scales must be greater than or equal to 1"),
        ({"model": "dcgan-digits"}, "stylize needs a Translator"),
    ],
)
def test_what_cannot_be_is_one_line(words, said):
    with pytest.raises(ConfigError) as caught:
        sfumato.stylize(picture(), picture(seed=1), **words)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_named():
    with pytest.raises(DataError, match=r"nowhere.png does not exist"):
        sfumato.stylize("nowhere.png", picture())
    with pytest.raises(ConfigError, match="WCT needs a style"):
        sfumato.stylize(picture())
    assert torch.is_tensor(tensor(picture()))


def test_a_model_that_is_given_stays_as_it_is():
    model = FastStyle(Config(width=4, blocks=1), Schema(shape=(3, 32, 32)))
    sfumato.stylize(picture(), method="pass", model=model)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
