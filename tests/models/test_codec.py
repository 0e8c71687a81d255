"""The codec: losses by the book, files that come back, the same bits wherever they are read."""

import os
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from math import log

import pytest
import torch
from torch.nn.functional import avg_pool2d

from sfumato import runs
from sfumato.errors import ConfigError, DataError
from sfumato.io.sfu import Header, pack, unpack
from sfumato.metrics.distortion import ms_ssim, ssim
from sfumato.models.codec import RECIPES, Config, ImageCodec
from sfumato.nn import tiles
from sfumato.schema import Schema
from sfumato.testing import one_step

SMALL = Config(latent=5, width=4, blocks=1, contexts=2, qualities=3)


def model(channels=3, side=16, config=SMALL):
    torch.manual_seed(1)
    found = ImageCodec(config, Schema(shape=(channels, side, side))).eval()
    with torch.no_grad():
        for net in (found.encoder[1][-1], found.decoder[1][-2]):  # they begin at nothing
            net.weight += torch.randn_like(net.weight) / 20
        found.prior.mixtures += torch.randn_like(found.prior.mixtures) / 4
    return found


def picture(channels=3, height=21, width=34):
    return avg_pool2d(torch.rand(1, channels, height + 4, width + 4) * 4 - 2, 5, 1)[0].clamp(-1, 1)


def count(net):
    return sum(weight.numel() for weight in net.parameters())


# ------------------------------------------------------------------ networks and losses


def test_parameter_count():
    """By hand, at w 24 and L 96: nine taps and a bias a map, and two matrices for the blocks."""
    found = ImageCodec(Config(), Schema(shape=(3, 32, 32)))

    def conv(inside, outside):
        return 9 * inside * outside + outside

    inner = 2 * conv(48, 48) + 2 * conv(72, 72)
    down = conv(12, 24) + conv(96, 48) + conv(192, 72) + conv(72, 96)
    up = conv(96, 72) + conv(72, 192) + conv(48, 96) + conv(24, 12)
    assert count(found.encoder) == inner + down + 192 * 96 + 96 == 384_480
    assert count(found.decoder) == inner + up + 192 * 96 + 192 == 384_708
    assert count(found.discriminator) == 16 * (3 * 24 + 24 * 48) + 24 + 48 + conv(48, 1) == 20_089
    rows = 2 * 8
    assert count(found.prior) == rows * 96 * 6 * 9
    assert found.gain.shape == found.ungain.shape == (rows, 96)
    assert found.tables.shape == (rows, 96, 6, 34)


def test_it_begins_as_a_cosine_transform():
    """With all its numbers kept it gives back what it is given, up to rounding."""
    config = Config(latent=192, width=4, qualities=1, rough=0.002)
    found = ImageCodec(config, Schema(shape=(3, 24, 32)))
    image = picture(3, 24, 32)
    read = found.decompress(found.compress(image))
    step = 17 * 0.002
    assert (read - image).square().mean().sqrt().item() == pytest.approx(step / 12**0.5, rel=0.1)
    codes = found.encode(image[None])
    torch.testing.assert_close(found.decode(codes)[0], image, atol=1e-4, rtol=0)


def test_prices_are_even_in_the_logarithm_and_the_same_for_grey():
    prices = model(config=Config(qualities=3, rough=0.09, fine=0.01))._prices()
    torch.testing.assert_close(prices, torch.tensor([0.09, 0.03, 0.01] * 2))


@pytest.mark.parametrize(
    ("structure", "scales", "side"), [(0.0, 1, 16), (0.3, 1, 24), (0.3, 2, 16), (0.3, 2, 24)]
)
def test_the_codecs_loss_by_its_formula(structure, scales, side):
    config = Config(
        width=4, latent=5, pixel=0.8, structure=structure, scales=scales, adversarial=0.2
    )
    found = model(config=config, side=side)
    real = torch.rand(4, 3, side, side) * 2 - 1
    fake = real + 0.3 * torch.randn(real.shape)
    bits, row = torch.rand(4) * 3, torch.tensor([0, 7, 8, 15])
    price = [0.1, 0.006, 0.1, 0.006]
    wanted = 0.8 * (real - fake).abs().mean() - 0.2 * found.judge(fake.clamp(-1, 1)).mean()
    wanted = wanted + sum(p * b for p, b in zip(price, bits, strict=True)) / 4
    both = scales == 2 and side == 24  # at 16 pixels the second scale has no room
    likeness = ms_ssim(fake, real, scales=2) if both else ssim(fake, real)
    wanted = wanted + structure * (1 - likeness.mean())
    torch.testing.assert_close(found._codec_loss(real, fake, bits, row), wanted)


def test_the_judges_loss_by_its_formula():
    """Wasserstein's game; the slope by a Jacobian, between real and painted."""
    found = model(config=Config(width=4, latent=5, penalty_weight=1.0))
    real, fake = torch.rand(3, 3, 16, 16) * 2 - 1, torch.rand(3, 3, 16, 16) * 2 - 1
    chance = torch.rand(3, 1 + 3 * 16 * 16)
    share = chance[:, :1, None, None]
    between = share * real + (1 - share) * fake
    slopes = torch.autograd.functional.jacobian(lambda x: found.judge(x).sum(), between)
    norms = slopes.square().sum((1, 2, 3)).sqrt()
    wanted = found.judge(fake).mean() - found.judge(real).mean() + (norms - 1).square().mean()
    torch.testing.assert_close(found._judge_loss(real, fake, chance), wanted)


def test_bits_in_training_are_those_of_the_file():
    """Where the noise is what rounding takes, the rate is what the range coder spends."""
    found, image = model(side=32), picture(3, 32, 32)
    row = torch.tensor([2])
    values = found._values(image[None], row)
    _, bits = found._coded(values, values.round() - values, row, (32, 32))
    spent = 8 * len(unpack(found.compress(image, 3))[1])
    # a table never says that a number cannot be, so its rare ones cost less
    assert spent == pytest.approx(bits.item() * 32 * 32, rel=0.05)


def test_noise_is_as_wide_as_a_step_and_rows_know_grey():
    found = model()
    rng = torch.Generator().manual_seed(0)
    noise = found._noise(400, rng)
    assert noise.shape == (400, 5, 2, 2)
    assert -0.5 <= noise.min() < -0.49 < 0.49 < noise.max() < 0.5
    row = found._rows(4000, rng)
    assert sorted(row.unique().tolist()) == list(range(6))
    assert (row >= 3).float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert model(1)._rows(100, rng).max() == 2
    images = torch.cat([torch.rand(2, 3, 16, 16), torch.rand(1, 1, 16, 16).expand(-1, 3, -1, -1)])
    seen, row = found._as_coded(images, torch.tensor([2, 3, 1]))
    assert row.tolist() == [2, 3, 4], "the last is grey, whatever was drawn"
    images[1] = images[1].mean(0, keepdim=True)
    torch.testing.assert_close(seen, images)


def test_one_step_moves_each_player_toward_its_own_goal():
    config = Config(latent=4, width=4, lr=2e-3, judge_lr=1e-2, adversarial=0.1, grey=0.0)
    found = ImageCodec(config, Schema(shape=(3, 16, 16)))
    old = deepcopy(found)
    real = torch.rand(32, 3, 16, 16) * 2 - 1
    one_step(found, image=real)
    rng = torch.Generator().manual_seed(5)
    row, noise, chance = old._rows(32, rng), old._noise(32, rng), torch.rand(32, 769)

    def coded(model):
        return model._coded(model._values(real, row), noise, row, (16, 16))

    def codec_loss(model):
        """With the judge that the codec met."""
        images, bits = coded(model)
        model.discriminator = found.discriminator
        return model._codec_loss(real, images, bits, row)

    fake = coded(old)[0].detach()
    assert found._judge_loss(real, fake, chance) < old._judge_loss(real, fake, chance)
    assert codec_loss(found) < codec_loss(deepcopy(old))


@pytest.mark.parametrize(("step", "share"), [(0, 1), (50, 0.5), (100, 0.01), (500, 0.01)])
def test_learning_rates_fall_and_the_prior_learns_ten_times_as_fast(step, share):
    found = model(config=Config(latent=4, width=4, lr=1e-3, judge_lr=2e-4, decay_steps=100))
    found.step = step
    one_step(found, image=torch.rand(2, 3, *found.schema.shape[1:]))
    sizes = [group["lr"] for player in found.players for group in player.param_groups]
    assert sizes == pytest.approx([2e-4 * share, 1e-3 * share, 1e-2 * share])


# ------------------------------------------------------------------ files


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(1, 1), (1, 70), (8, 8), (37, 61)])
def test_any_size_comes_back(channels, size):
    found, image = model(), picture(channels, *size)
    for quality in (1, 3):
        data = found.compress(image, quality)
        read = found.decompress(data)
        assert read.shape == image.shape
        assert read.dtype == torch.float32
        assert read.abs().max() <= 1
        header = unpack(data)[0]
        assert (header.channels, header.quality) == (channels, quality)
        assert (header.height, header.width) == size


def test_the_file_holds_what_rounding_left():
    """Encoder, rounding, and the decoder in floats: the file's picture is within its grain."""
    found, image = model(side=24), picture(3, 24, 24)
    numbers = found._values(image[None], 2).round()
    wanted = found.decoder(numbers * found.ungain[2, :, None, None])[0].clamp(-1, 1)
    read = found.decompress(found.compress(image, 3))
    assert (read - wanted).abs().max() < 2e-3
    assert read.std() > 0.01


def test_the_code_of_images_is_that_of_the_best_quality():
    found, images = model(side=20), torch.rand(2, 3, 20, 20) * 2 - 1
    codes = found.encode(images)
    assert codes.shape == (2, 5 * 3 * 3)
    read = found.decompress(found.compress(images[0], 3))
    assert (found.decode(codes.round())[0] - read).abs().max() < 2e-3


def test_pieces_make_the_same_picture(monkeypatch):
    found, image = model(), picture(3, 150, 90)
    whole = found.compress(image, 3)
    numbers = found.numbers(image, 2)
    header, told = unpack(whole)[0], []
    monkeypatch.setattr(tiles, "PIECE", 4)
    assert (found.numbers(image, 2, told.append) - numbers).abs().max() == 0
    assert torch.equal(found.paint(numbers, header, told.append), found.decompress(whole))
    assert sum(told) == 2 * 150 * 90
    assert len(told) == 2 * 5 * 3


@pytest.mark.parametrize("channels", [3, 1])
def test_a_refined_code_costs_less_by_the_models_own_loss(channels):
    """Rounded, and by the terms of the loss taken from the files themselves."""
    found, image, told = model(config=replace(SMALL, structure=0.5)), picture(channels), []
    files = [found.compress(image, 2, refine=steps, tell=told.append) for steps in (0, 1, 25)]
    assert told == [21 * 34] * (1 + 2 + 26)
    assert found.compress(image, 2, refine=25) == files[2]

    def cost(file):
        read = found.decompress(file).expand(1, 3, -1, -1)
        real = image.expand(1, 3, -1, -1)
        bits = 8 * len(unpack(file)[1]) / (21 * 34)
        loss = (read - real).abs().mean() + 0.5 * (1 - ssim(read, real).mean())
        price = found._prices()[1]
        return (loss + price * bits).item()

    plain, _, best = map(cost, files)
    assert best < 0.98 * plain


def test_the_judge_has_no_say_in_a_refined_code():
    found, image = model(config=replace(SMALL, adversarial=5.0)), picture()
    file = found.compress(image, 3, refine=8)
    assert file != found.compress(image, 3)
    found.discriminator[-1].weight.data.neg_()
    assert found.compress(image, 3, refine=8) == file


def test_a_grey_model_codes_grey_and_says_so():
    found = model(1)
    assert found.decompress(found.compress(picture(1))).shape == (1, 21, 34)
    with pytest.raises(ConfigError, match="the picture is in colour, and this model codes grey"):
        found.compress(picture(3))


def test_a_file_is_read_alike_by_another_process_with_other_threads(tmp_path):
    found = model()
    runs.save_bundle(found, tmp_path / "bundle")
    image = picture(3, 133, 75)
    data = found.compress(image, 3)
    (tmp_path / "picture.sfu").write_bytes(data)
    code = (
        "import sys, torch; from sfumato import load\n"
        "torch.set_num_threads(int(sys.argv[1])); torch.set_float32_matmul_precision('medium')\n"
        "read = load('bundle').decompress(open('picture.sfu', 'rb').read())\n"
        "open(f'{sys.argv[1]}.raw', 'wb').write(read.numpy().tobytes())\n"
    )
    threads = str(torch.get_num_threads() + 3)
    done = subprocess.run(
        [sys.executable, "-c", code, threads],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    here = found.paint(found.numbers(image, 2), unpack(data)[0])
    assert torch.equal(runs.load(tmp_path / "bundle").decompress(data), here)
    assert (tmp_path / f"{threads}.raw").read_bytes() == here.numpy().tobytes()


# ------------------------------------------------------------------ tables


def test_tables_are_made_once_and_travel_with_the_bundle(tmp_path, monkeypatch):
    found = model()
    assert found.tables.abs().sum() == 0
    runs.save_bundle(found, tmp_path / "bundle")
    assert (found.tables[..., -1] == 2**16).all()
    data, twin = found.compress(picture(), 2), runs.load(tmp_path / "bundle")
    monkeypatch.setattr(type(found.prior), "tables", None)  # another machine's floats
    assert torch.equal(twin.decompress(data), found.decompress(data))
    runs.save_bundle(twin, tmp_path / "again")
    first, second = (tmp_path / name / "model.safetensors" for name in ("bundle", "again"))
    assert first.read_bytes() == second.read_bytes()


def test_tables_follow_what_is_learned():
    found = model()
    found.tabulate()
    before, name = found.tables.clone(), found._name()
    with torch.no_grad():
        found.prior.mixtures += 0.5
    found.tabulate()
    assert not torch.equal(found.tables, before)
    assert found._name() != name


def test_likely_numbers_cost_less():
    """A code of zeros under a prior that expects zeros."""
    found = model()
    with torch.no_grad():
        found.prior.mixtures.unflatten(-1, (2, 3, 3))[..., 1:, :] = torch.tensor([[0.0], [-6.0]])
        found.gain.zero_()
    assert len(found.compress(picture(3, 64, 64), 1)) < 16 + 20


# ------------------------------------------------------------------ bad inputs


def test_any_changed_byte_and_any_cut_are_found():
    found = model()
    data = found.compress(picture(), 2)
    for place in range(len(data)):
        broken = bytearray(data)
        broken[place] ^= 0x55
        with pytest.raises(DataError, match=r"no \.sfu file|damaged or cut short"):
            found.decompress(bytes(broken))
        with pytest.raises(DataError, match=r"no \.sfu file|damaged or cut short"):
            found.decompress(data[:place])


def test_another_models_file_is_refused():
    one, other = model(), model()
    with torch.no_grad():
        other.decoder[0][0].bias[0] += 1e-6
    data = one.compress(picture(), 2)
    one_name, other_name = one._name().hex(), other._name().hex()
    other.tabulate()
    other_name = other._name().hex()
    words = f"it was made by the model {one_name}, and this is the model {other_name}"
    with pytest.raises(DataError, match=words):
        other.decompress(data)


def test_a_few_bytes_cannot_order_an_hours_work():
    found = model()
    found.tabulate()
    forged = pack(Header(found._name(), 3, 1, 8000, 8000), bytes(50))
    with pytest.raises(DataError, match="50 bytes cannot hold the picture it speaks of"):
        found.decompress(forged)


def test_forged_numbers_are_a_picture_or_one_line():
    found = model()
    found.tabulate()
    for seed in range(30):
        payload = torch.randint(256, (80,), generator=torch.Generator().manual_seed(seed))
        forged = pack(Header(found._name(), 3, 1, 30, 30), bytes(payload.tolist()))
        with suppress(DataError):
            assert found.decompress(forged).shape == (3, 30, 30)


@pytest.mark.parametrize("quality", [0, 4, -1])
def test_a_quality_there_is_not(quality):
    with pytest.raises(ConfigError, match=f"--quality {quality} is not there; .* 1 to 3"):
        model().compress(picture(), quality)


def test_a_picture_in_black_or_white_or_past_the_ends():
    found = model()
    for value in (-1.0, 1.0, 0.0):
        image = torch.full((3, 9, 9), value)
        assert found.decompress(found.compress(image)).shape == image.shape


# ------------------------------------------------------------------ measured


def test_measures_of_every_quality(tmp_path):
    from sfumato import data

    found = model(side=20)
    scores = found.measure(data.open(RECIPES["smoke"].data), torch.Generator())
    assert set(scores) == {f"{n}_{q}" for n in ("bpp", "psnr", "ms_ssim") for q in (1, 2, 3)}
    assert scores["bpp_1"].floor == 24
    assert scores["psnr_1"].n == 64
    assert 0 < scores["bpp_1"].value < scores["bpp_3"].value


def test_gains_begin_where_prices_say():
    found = ImageCodec(Config(rough=0.08, fine=0.005), Schema(shape=(1, 8, 8)))
    ratio = found.gain[-1, 0] / found.gain[0, 0]
    assert log(ratio.item()) == pytest.approx(log(16), rel=1e-5)
    torch.testing.assert_close(found.gain * found.ungain, torch.ones_like(found.gain))
