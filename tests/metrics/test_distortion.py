"""PSNR, SSIM and multi-scale SSIM, against published values, kornia and scipy."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import avg_pool2d

from sfumato.errors import ConfigError
from sfumato.io.images import from_bytes, read, rounded
from sfumato.metrics.distortion import ms_ssim, psnr, psnr_y, ssim, ssim_y
from sfumato.nn.resize import enlarge


def picture(folder, name, mode):
    with Image.open(folder / "metric_oracles" / "piq" / name) as file:
        pixels = np.array(file.convert(mode), dtype=np.float32)
    return (
        torch.from_numpy(pixels).reshape(1, *pixels.shape[:2], -1).permute(0, 3, 1, 2) / 127.5 - 1
    )


def pair(size=(2, 3, 40, 48), seed=0):
    rng = torch.Generator().manual_seed(seed)
    original = torch.rand(size, generator=rng) * 2 - 1
    return (original + 0.3 * torch.randn(size, generator=rng)).clamp(-1, 1), original


def test_ssim_has_the_published_values(real_data):
    goldhill = (
        picture(real_data, "goldhill_jpeg.gif", "L"),
        picture(real_data, "goldhill.gif", "L"),
    )
    assert float(ssim(*goldhill, shrink=True)) == pytest.approx(0.8202, abs=1e-4)
    colour = picture(real_data, "i01_01_5.bmp", "RGB"), picture(real_data, "I01.BMP", "RGB")
    assert float(ssim(*colour, shrink=True)) == pytest.approx(0.7820, abs=1e-4)


def test_multi_scale_ssim_agrees_with_torchmetrics_up_to_its_padding(real_data):
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure as theirs,
    )

    goldhill = [
        (p + 1) / 2
        for p in (
            picture(real_data, "goldhill_jpeg.gif", "L"),
            picture(real_data, "goldhill.gif", "L"),
        )
    ]
    ours = ms_ssim(*(2 * p - 1 for p in goldhill))
    assert float(ours) == pytest.approx(float(theirs(*goldhill, data_range=1.0)), abs=1e-3)


def test_ssim_is_kornias():
    from kornia.metrics import ssim as theirs

    images, originals = pair()
    maps = theirs((images + 1) / 2, (originals + 1) / 2, 11, eps=0.0, padding="valid")
    torch.testing.assert_close(ssim(images, originals), maps.mean((1, 2, 3)))


def test_multi_scale_ssim_by_the_definition():
    """Contrast at the first four scales, everything at the fifth, from scipy's blur."""
    from scipy.ndimage import gaussian_filter

    images, originals = pair((1, 1, 176, 180))
    x, y = (((v + 1) / 2).double().numpy()[0, 0] for v in (images, originals))

    def blur(v):
        return gaussian_filter(v, 1.5, truncate=5 / 1.5, mode="reflect")[5:-5, 5:-5]

    expected = 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mx, my = blur(x), blur(y)
        cs = (2 * (blur(x * y) - mx * my) + 9e-4) / (
            blur(x * x) - mx**2 + blur(y * y) - my**2 + 9e-4
        )
        luminance = (2 * mx * my + 1e-4) / (mx**2 + my**2 + 1e-4)
        expected *= float((cs * luminance if scale == 4 else cs).mean()) ** weight
        x, y = (
            v[: v.shape[0] // 2 * 2, : v.shape[1] // 2 * 2]
            .reshape(v.shape[0] // 2, 2, v.shape[1] // 2, 2)
            .mean((1, 3))
            for v in (x, y)
        )
    assert float(ms_ssim(images, originals)) == pytest.approx(expected, abs=1e-4)


def test_psnr_by_hand():
    originals = torch.zeros(2, 1, 4, 4)
    images = torch.stack([torch.full((1, 4, 4), 0.2), torch.zeros(1, 4, 4)])
    # a range of 2 and an error of 0.2: 20 log10(10) = 20 dB
    found = psnr(images, originals)
    assert float(found[0]) == pytest.approx(20, abs=1e-5)
    assert found[1] == torch.inf


@pytest.mark.parametrize(("side", "boxes"), [(300, 1), (400, 2)])
def test_shrinking_brings_the_shorter_side_near_256(side, boxes):
    images, originals = pair((1, 1, side, 420))
    small = (avg_pool2d(image, boxes) for image in (images, originals))
    torch.testing.assert_close(ssim(images, originals, shrink=True), ssim(*small))


def test_a_border_of_luma_is_left_out_on_every_side():
    images, originals = pair((2, 1, 20, 24))
    want = psnr(rounded(images[..., 3:-3, 3:-3]), rounded(originals[..., 3:-3, 3:-3]))
    found = psnr_y(images, originals, border=3)
    torch.testing.assert_close(found.float(), want, rtol=1e-5, atol=0)
    images[..., 3:-3, 3:-3] = originals[..., 3:-3, 3:-3]
    assert (ssim_y(images, originals, border=3) > 1 - 1e-6).all()


def test_equal_images_are_perfect_even_black_ones():
    black = -torch.ones(1, 3, 176, 176)
    for measure in (ssim, ms_ssim):
        assert float(measure(black, black)) == 1
    images, _ = pair()
    torch.testing.assert_close(ssim(images, images), torch.ones(2))


def test_an_image_of_the_opposite_has_a_slope_all_the_same():
    """Of its negative structure nothing, and of the other images what they have."""
    originals = torch.rand(2, 1, 176, 176, generator=torch.Generator().manual_seed(0)) * 2 - 1
    images = torch.stack([-originals[0], 0.5 * originals[1]]).requires_grad_()
    found = ms_ssim(images, originals)
    assert float(found[0].detach()) == 0 < float(found[1].detach())
    found.sum().backward()
    assert images.grad.isfinite().all()
    assert images.grad[1].abs().sum() > 0


def test_each_image_is_measured_alone():
    images, originals = pair()
    together = ssim(images, originals)
    alone = torch.cat([ssim(images[i : i + 1], originals[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone)


@pytest.mark.parametrize(("measure", "side"), [(ssim, 10), (ms_ssim, 175)])
def test_small_images_are_refused(measure, side):
    small = torch.zeros(1, 1, side, 200)
    with pytest.raises(ConfigError, match=rf"200x{side} pixels.*sides of at least {side + 1}"):
        measure(small, small)
    assert float(measure(*[torch.zeros(1, 1, side + 1, 200)] * 2)) == 1


def test_different_shapes_are_refused():
    with pytest.raises(ConfigError, match="cannot be compared with originals of shape"):
        psnr(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))


@pytest.mark.parametrize(("name", "mean"), [("Set5", 0.8101), ("Set14", 0.7023)])
def test_luma_of_the_published_bicubic_pictures(real_data, name, mean):
    """Their tables hold SSIM of luma without the border; the small pictures are as published."""
    found = []
    for path in sorted((real_data / "super_resolution" / name / "HR_mod4").iterdir()):
        sharp = from_bytes(np.asarray(read(path, channels=3))[None])
        (small,) = (real_data / "super_resolution" / name / "LR_x4").glob(f"{path.stem[:7]}*")
        made = enlarge(from_bytes(np.asarray(read(small, channels=3))[None]), 4)
        found.append(float(ssim_y(rounded(made.clamp(-1, 1)), sharp, border=4)))
    assert np.mean(found) == pytest.approx(mean, abs=0.004)


def test_half_precision_around_it_changes_nothing():
    images, originals = pair()
    with torch.autocast("cpu", torch.bfloat16):
        found = ssim(images, originals)
    assert torch.equal(found, ssim(images, originals))


def test_luma_of_colour_is_itu_r_bt_601s():
    """Written as skimage writes it, 16 to 235; grey is its own luma."""
    from skimage.color import rgb2ycbcr

    images, originals = pair((1, 3, 24, 24))
    pictures = (
        (rounded(x.double())[0].permute(1, 2, 0).numpy() + 1) / 2 for x in (images, originals)
    )
    grey = (torch.from_numpy(rgb2ycbcr(picture)[None, None, ..., 0]) for picture in pictures)
    ours, theirs = (luma / 127.5 - 1 for luma in grey)
    torch.testing.assert_close(ssim_y(images, originals), ssim(ours, theirs), atol=1e-5, rtol=0)
