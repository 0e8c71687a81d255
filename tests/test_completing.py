"""sfumato.complete: what is filled, what stays, every form of mask, and the words for bad ones."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

import sfumato
from sfumato import runs
from sfumato.cli.complete import METHODS as NAMED
from sfumato.completing import METHODS, complete, count, windows
from sfumato.errors import SfumatoError
from sfumato.imaging.latent import PRIOR, _loss, _reach, _weights, searched
from sfumato.models.cgan import CGAN
from sfumato.models.cgan import Config as CGANConfig
from sfumato.models.context_encoder import Config, ContextEncoder
from sfumato.models.dcgan import DCGAN
from sfumato.models.dcgan import Config as GANConfig
from sfumato.models.vae import VAE
from sfumato.models.vae import Config as VAEConfig
from sfumato.schema import Schema


def noise(width=40, height=30, mode="RGB"):
    shape = (height, width, len(mode)) if len(mode) > 1 else (height, width)
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8), mode)


def spot(width=40, height=30, box=(10, 8, 17, 15)):
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def network(kind, config, channels=3, side=16, **schema):
    torch.manual_seed(0)
    return kind(config, Schema(shape=(channels, side, side), **schema)).eval()


def painter(channels=3, **fields):
    return network(ContextEncoder, Config(width=4, latent=8, **fields), channels)


def gan(channels=1):
    model = network(DCGAN, GANConfig(width=4, latent=6), channels)
    for weights in model.parameters():  # at first all its pictures are one grey
        torch.nn.init.normal_(weights, std=0.1)
    return model


def filled(image, mask, way):
    search = {"steps": 3, "tries": 2} if isinstance(way, DCGAN) else {}
    return complete(image, mask, method=way, **search)


WAYS = {**{name: name for name in METHODS}, "network": painter(), "codes": gan()}


def test_the_command_line_names_every_method():
    assert tuple(METHODS) == NAMED


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_lies_outside_the_mask_is_left_bit_for_bit(way, mode):
    image, mask = noise(mode="RGBA").convert(mode), spot()
    found = filled(image, mask, way)
    assert (found.size, found.mode) == (image.size, mode)
    hidden = np.asarray(mask) > 127
    assert np.array_equal(np.asarray(found)[~hidden], np.asarray(image)[~hidden])
    assert not np.array_equal(np.asarray(found)[hidden], np.asarray(image)[hidden])
    if mode in ("RGBA", "LA"):
        assert (np.asarray(found)[hidden][:, -1] == 255).all()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_the_mask_hides_does_not_matter(way):
    image, mask = noise(), spot()
    other = image.copy()
    other.paste((0, 255, 0), mask=mask.point(lambda level: 255 * (level > 127)))
    one, two = (filled(x, mask, way) for x in (image, other))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("box", [(0, 0, 9, 9), (33, 0, 39, 29), (0, 20, 39, 29)])
def test_a_hole_may_touch_the_edge(way, box):
    mask = Image.new("L", (40, 30))
    ImageDraw.Draw(mask).rectangle(box, fill=255)
    assert filled(noise(), mask, way).size == (40, 30)


def test_a_plane_is_continued_and_a_flat_picture_stays_flat():
    ramp = np.linspace(40, 200, 40).round().astype(np.uint8)[None].repeat(30, 0)
    found = np.asarray(complete(Image.fromarray(ramp), spot())).astype(int)
    assert np.abs(found - ramp).max() <= 1
    flat = Image.new("RGB", (40, 30), (10, 90, 160))
    for way in METHODS:
        assert complete(flat, spot(), method=way).tobytes() == flat.tobytes()


def test_what_is_clear_serves_as_the_mask(tmp_path):
    image = noise()
    clear = image.copy()
    clear.putalpha(spot().point(lambda level: 255 - level))
    clear.save(tmp_path / "cut.png")
    found = sfumato.complete(tmp_path / "cut.png")
    assert found.tobytes() == complete(image, spot()).tobytes()


def test_files_of_16_bits_and_masks_in_colour(tmp_path):
    deep = np.random.default_rng(0).integers(0, 65536, (30, 40), dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    spot().convert("RGB").save(tmp_path / "mask.png")
    found = np.asarray(complete(tmp_path / "deep.png", tmp_path / "mask.png"))
    hidden = np.asarray(spot()) > 127
    assert np.array_equal(found[~hidden], np.rint(deep[~hidden] / 257).astype(np.uint8))


# ------------------------------------------------------------------ windows


def test_a_model_is_shown_the_largest_square_that_holds_the_holes():
    hidden = np.zeros((30, 50), bool)
    hidden[10:12, 20:22] = True
    assert windows(hidden) == [(slice(0, 30), slice(10, 40))]
    hidden[3:5, 44:48] = True  # 28 columns from first to last: the square moves to the right
    assert windows(hidden) == [(slice(0, 30), slice(18, 48))]
    hidden[3, 0] = True  # no square holds them
    assert windows(hidden) == [(slice(0, 30), slice(0, 50))]


def test_what_a_network_paints_too_bright_is_fitted_to_what_surrounds_it():
    model, flat = painter(), Image.new("RGB", (16, 16), (100, 100, 100))
    model.translate = lambda images, mask: images + 0.5 * mask
    found = complete(flat, spot(16, 16, (5, 5, 10, 10)), method=model)
    assert np.abs(np.asarray(found).astype(int) - 100).max() <= 1


def test_with_around_each_hole_has_a_window_and_near_ones_share_it():
    hidden = np.zeros((30, 50), bool)
    hidden[10:12, 5:7] = hidden[10:12, 11:13] = hidden[20:23, 40:44] = True
    assert windows(hidden, 3) == [
        (slice(7, 15), slice(2, 16)),
        (slice(17, 26), slice(37, 47)),
    ]
    assert windows(hidden, 10**12) == [(slice(0, 30), slice(0, 50))]
    mask = Image.fromarray((hidden * 255).astype(np.uint8))
    assert count(noise(50, 30), mask, 3) == 2
    found = complete(noise(50, 30), mask, method=painter(), around=3)
    assert found.size == (50, 30)


# ------------------------------------------------------------------ a search of codes


def test_weights_are_the_hidden_share_of_a_known_pixels_neighbourhood():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 6:10, 6:10] = 1
    found = _weights(mask)[0, 0]
    assert float(found[7, 7]) == 0
    assert float(found[7, 5]) == pytest.approx(4 * 3 / 49)
    assert float(found[0, 0]) == 0
    assert float(found[3, 3]) == pytest.approx(1 / 49)


def test_a_neighbourhood_ends_where_the_picture_does():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :2, :2] = 1
    assert float(_weights(mask)[0, 0, 0, 2]) == pytest.approx(4 / (4 * 6))


def test_the_search_goes_down_the_weighed_distance_and_the_judges_doubt():
    """W |G(z) - y| summed, and the prior's share of log(1 - sigmoid(D(G(z))))."""
    model, rng = gan(), torch.Generator().manual_seed(0)
    codes, weights = model.prior(3, rng), torch.rand(1, 1, 16, 16, generator=rng)
    painted = model.generate(codes).detach()
    doubt = PRIOR * (1 - model.judge(painted).sigmoid()).log().detach()
    found = [_loss(model, codes, {}, known, weights).detach() for known in (painted, painted[:1])]
    torch.testing.assert_close(found[0], doubt)
    apart = (weights * (painted - painted[:1]).abs()).sum((1, 2, 3))
    torch.testing.assert_close(found[1], apart + doubt)


def test_codes_stay_within_what_the_prior_reaches(monkeypatch):
    monkeypatch.setattr("sfumato.imaging.latent.LR", 10.0)
    model, seen, mask = gan(), [], torch.zeros(1, 1, 16, 16)
    (low, high), generate = _reach(model), model.generate
    mask[..., 4:12, 4:12] = 1
    model.generate = lambda codes: seen.append(codes.detach().clone()) or generate(codes)
    searched(model, torch.ones(1, 1, 16, 16), mask, steps=3, tries=2)
    assert len(seen) == 4
    assert all(bool(((low <= codes) & (codes <= high)).all()) for codes in seen)


def test_the_best_code_that_was_seen_is_painted(monkeypatch):
    """With steps that long the last codes are not it."""
    monkeypatch.setattr("sfumato.imaging.latent.LR", 10.0)
    model, seen, mask = gan(), [], torch.zeros(1, 1, 16, 16)
    generate, wanted = model.generate, torch.ones(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    model.generate = lambda codes: seen.append(codes.detach().clone()) or generate(codes)
    found = searched(model, wanted, mask, steps=5, tries=1)
    codes = torch.cat(seen[:5])
    losses = _loss(model, codes, {}, wanted, _weights(mask)).detach()
    assert losses.argmin() < 4
    torch.testing.assert_close(found, generate(codes[losses.argmin()][None]).detach())


def test_the_search_finds_a_picture_the_painter_made():
    """Nearer to it in the hole than any code it began with."""
    model = gan()
    with torch.no_grad():
        want = model.sample(1, seed=5)
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., 4:12, 4:12] = 1
    told = []
    near = searched(model, want * (1 - mask), mask, steps=150, tries=4, tell=told.append)
    begun = searched(model, want * (1 - mask), mask, steps=1, tries=4)
    far = [float(((x - want) * mask).square().mean()) for x in (near, begun)]
    assert far[0] < 0.3 * far[1]
    assert sum(told) == 150


def test_a_conditional_painter_is_asked():
    model = network(CGAN, CGANConfig(latent=4), 1, classes=("0", "1", "2"))
    image = noise(16, 16, "L")
    mask = spot(16, 16, (5, 5, 10, 10))
    assert complete(image, mask, method=model, label="2", steps=2, tries=2).size == (16, 16)
    with pytest.raises(SfumatoError, match="7"):
        complete(image, mask, method=model, label=7, steps=2, tries=2)


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (None, "--mask is missing, and the picture has no transparency to serve as one; give"),
        (Image.new("L", (40, 30)), "the mask marks nothing; paint white what is to be filled."),
        (Image.new("L", (40, 30), 255), "the mask covers the whole picture; leave some of it"),
        (Image.new("L", (30, 40), 255), "the mask is 30x40 pixels, and the picture 40x30; give"),
    ],
)
def test_masks_that_will_not_do(mask, words):
    with pytest.raises(SfumatoError) as caught:
        complete(noise(), mask)
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "asked", "words"),
    [
        ("biharmonic", {"around": 3}, "--around is of a model, and biharmonic fills holes from"),
        ("membrane", {"seed": 0}, "--seed is of a model whose codes are sought, and membrane"),
        ("biharmonic", {"attributes": {"a": ["b"]}}, "--attribute is of a model whose codes"),
        (painter, {"tries": 3}, "--tries is of a model whose codes are sought, and ContextEnc"),
        (painter, {"label": ["7"]}, "--label is of a model whose codes are sought, and Context"),
    ],
)
def test_what_a_way_would_not_look_at_is_refused(method, asked, words):
    method = method if isinstance(method, str) else method()
    with pytest.raises(SfumatoError) as caught:
        complete(noise(), spot(), method=method, **asked)
    assert str(caught.value).startswith(words)
    assert str(caught.value).endswith("; leave it out.")


@pytest.mark.parametrize("method", METHODS)
def test_what_is_stored_where_a_picture_is_clear_does_not_come_into_a_hole(method):
    image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (0, 0, 20, 30))
    found = np.asarray(complete(image, spot(box=(14, 8, 26, 20)), method=method))
    hole = np.asarray(spot(box=(14, 8, 26, 20))) > 0
    assert np.abs(found[hole].astype(int) - (200, 30, 30, 255)).max() <= 1
    assert (found[~hole] == np.asarray(image)[~hole]).all()


def test_a_mask_on_a_clear_layer_is_that_mask():
    layer = Image.new("RGBA", noise().size, (255, 255, 255, 0))
    layer.putalpha(spot())
    assert complete(noise(), layer).tobytes() == complete(noise(), spot()).tobytes()


def test_opaque_pictures_and_models_that_cannot(tmp_path):
    with pytest.raises(SfumatoError, match="marks nothing; give one with --mask"):
        complete(noise(mode="RGBA").convert("RGB").convert("RGBA"))
    vae = network(VAE, VAEConfig(latent=4), 1)
    runs.save_bundle(vae, tmp_path / "vae")
    words = f"complete needs a Judge or a Translator, and {tmp_path / 'vae'} holds a VAE"
    with pytest.raises(SfumatoError, match=words):
        complete(noise(), spot(), method=str(tmp_path / "vae"))
    mask = Image.new("L", (400, 300), 255)
    mask.putpixel((0, 0), 0)
    with pytest.raises(SfumatoError, match="the mask leaves nothing that ContextEncoder could"):
        complete(noise(400, 300), mask, method=painter())
