"""What is transparent: laid on a ground, continued, kept."""

import numpy as np
from PIL import Image

from sfumato.io.alpha import as_opaque, continued, laid, opaque_where
from sfumato.io.images import marks


def test_what_nobody_sees_has_the_colour_of_the_nearest_that_is_seen():
    pixels = np.zeros((3, 7, 3), np.uint8)
    pixels[:, 1], pixels[:, 6] = (200, 10, 10), (10, 10, 200)
    clear = np.zeros((3, 7), np.uint8)
    clear[:, 1], clear[:, 6] = 1, 255
    found = np.asarray(continued(Image.fromarray(pixels), Image.fromarray(clear)))
    assert (found[:, :4] == (200, 10, 10)).all()
    assert (found[:, 4:] == (10, 10, 200)).all()


def test_near_is_the_same_in_every_direction():
    pixels = np.zeros((9, 9, 3), np.uint8)
    pixels[0, 4], pixels[4, 8] = (200, 10, 10), (10, 10, 200)
    clear = pixels.max(2)
    found = np.asarray(continued(Image.fromarray(pixels), Image.fromarray(clear)))
    y, x = np.mgrid[:9, :9]
    red = (y**2 + (x - 4) ** 2) < ((y - 4) ** 2 + (x - 8) ** 2)
    blue = (y**2 + (x - 4) ** 2) > ((y - 4) ** 2 + (x - 8) ** 2)
    assert (found[red] == (200, 10, 10)).all()
    assert (found[blue] == (10, 10, 200)).all()


def test_a_picture_that_is_seen_or_that_is_not_stays_what_it_is():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8))
    for value in (0, 1, 255):
        assert continued(image, Image.new("L", (5, 4), value)) is image


def test_half_of_black_on_white_and_on_black():
    half = Image.new("RGBA", (1, 1), (0, 0, 0, 51))
    assert laid(half, "white").getpixel((0, 0)) == (204, 204, 204)
    assert laid(half, "black").getpixel((0, 0)) == (0, 0, 0)
    assert laid(Image.new("LA", (1, 1), (255, 51)), "black").getpixel((0, 0)) == 51


def test_opacity_comes_on_grey_and_on_colour():
    clear = Image.new("L", (2, 2), 7)
    for mode, wanted in (("L", "LA"), ("RGB", "RGBA")):
        found = as_opaque(Image.new(mode, (2, 2)), clear)
        assert (found.mode, found.getpixel((0, 0))[-1]) == (wanted, 7)


def test_what_was_painted_is_opaque_and_the_rest_as_it_was():
    image, under = Image.new("RGB", (2, 1), "red"), Image.new("RGB", (2, 1), "blue")
    painted = np.array([[True, False]])
    found = opaque_where(image, Image.new("L", (2, 1), 9), painted, under)
    assert [found.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0, 255), (0, 0, 255, 9)]
    assert image.getpixel((1, 0)) == (255, 0, 0), "the caller's picture is left alone"
    assert opaque_where(image, Image.new("L", (2, 1), 9), painted | True) is image


def test_a_mask_painted_on_a_clear_layer_marks_what_is_white_in_it():
    layer = Image.new("RGBA", (4, 1), (255, 255, 255, 0))
    layer.putpixel((1, 0), (255, 255, 255, 255))
    layer.putpixel((2, 0), (0, 0, 0, 255))
    assert list(marks(layer).get_flattened_data()) == [0, 255, 0, 0]
    assert list(marks(Image.new("L", (2, 1), 200)).get_flattened_data()) == [200, 200]


def test_a_mask_of_16_bits_is_scaled_before_it_is_looked_at():
    deep = Image.fromarray(np.array([[20_000, 40_000]], np.uint16))
    deep.info["transparency"] = 0
    assert list(marks(deep).get_flattened_data()) == [78, 156]
