"""Pictures go in and out right, and bad ones are refused in one line."""

import re
import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato.errors import ConfigError, DataError
from sfumato.io.alpha import laid
from sfumato.io.images import (
    colours,
    from_bytes,
    grid,
    levels,
    marks,
    opacity,
    read,
    room,
    rounded,
    save,
    save_grid,
    stored_channels,
    to_bytes,
)


def encoded(image, kind="PNG", **options):
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def every_level(channels):
    """All 256 values in each channel, N 16 16 C."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    return np.concatenate([np.roll(ramp, c, axis=1) for c in range(channels)], axis=3)


# ------------------------------------------------------------------ numbers


@pytest.mark.parametrize("channels", [1, 3])
def test_bytes_survive_the_round_trip(channels):
    pixels = every_level(channels)
    images = from_bytes(pixels)
    assert images.shape == (1, channels, 16, 16)
    assert images.dtype == torch.float32
    assert images.is_contiguous()
    assert (to_bytes(images) == pixels).all()


def test_black_is_minus_one_and_white_is_one_exactly():
    images = from_bytes(np.array([0, 255], np.uint8).reshape(1, 1, 2, 1))
    assert images.flatten().tolist() == [-1.0, 1.0]
    assert from_bytes(every_level(1)).abs().max() == 1.0


def test_what_lies_outside_is_clamped_and_nan_is_black():
    images = torch.tensor([-9.0, 9.0, float("nan"), float("inf"), 0.0]).reshape(1, 1, 1, 5)
    assert to_bytes(images).flatten().tolist() == [0, 255, 0, 255, 128]


def test_levels_round_to_the_nearest():
    assert levels(np.array([-1, 0, 0.4 / 255, 0.6 / 255, 1, 2])).tolist() == [0, 0, 0, 1, 255, 255]


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP"])
def test_exact_formats_give_the_exact_pixels(kind, tmp_path):
    pixels = every_level(1)[0, ..., 0]
    path = tmp_path / "x"
    Image.fromarray(pixels).save(path, kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert (np.asarray(read(path, channels=1)) == pixels).all()


def test_sixteen_bits_are_rounded_not_clipped():
    values = np.array([[0, 1, 128, 129, 257, 30000, 65534, 65535]], np.uint16)
    found = np.asarray(read(encoded(Image.fromarray(values)), channels=1))
    assert found.tolist() == np.rint(values / 257).astype(int).tolist()
    assert found.tolist() == [[0, 0, 0, 1, 1, 117, 255, 255]]


def test_floats_are_read_from_nought_to_one_only():
    good = Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert np.asarray(read(encoded(good, "TIFF"), channels=1)).tolist() == [[0, 128, 255]]
    bad = Image.fromarray(np.array([[0.0, 2.0]], np.float32))
    with pytest.raises(
        DataError, match=r"^the picture holds values outside 0\.\.1; make it one of 8 bits"
    ):
        read(encoded(bad, "TIFF"))


def test_transparency_is_laid_on_white():
    clear = Image.new("RGBA", (2, 1))
    clear.putdata([(255, 0, 0, 255), (255, 0, 0, 0)])
    assert np.asarray(read(encoded(clear))).tolist() == [[[255, 0, 0], [255, 255, 255]]]
    grey = Image.new("LA", (2, 1))
    grey.putdata([(0, 255), (0, 51)])
    assert np.asarray(read(encoded(grey))).tolist() == [[0, 204]]


def test_a_palette_gives_its_colours_with_transparency_on_white():
    image = Image.new("P", (3, 1))
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    image.putdata([0, 1, 2])
    found = np.asarray(read(encoded(image, transparency=2)))
    assert found.tolist() == [[[10, 20, 30], [200, 100, 50], [255, 255, 255]]]


def test_cmyk_becomes_the_colours_it_stands_for():
    for ink, colour in {(0, 255, 255, 0): (255, 0, 0), (0, 0, 0, 255): (0, 0, 0)}.items():
        for kind in ("JPEG", "TIFF"):
            found = read(encoded(Image.new("CMYK", (8, 8), ink), kind))
            assert found.mode == "RGB"
            assert np.abs(np.asarray(found).astype(int) - colour).max() <= 3


@pytest.mark.parametrize("turn", range(1, 9))
def test_exif_orientation_is_undone(turn):
    upright = np.zeros((4, 6, 3), np.uint8)
    upright[0, 0] = upright[0, 1] = 255  # marks the top left, wider than high
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[turn]
    exif = Image.Exif()
    exif[0x0112] = turn
    found = read(encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
    assert (np.asarray(found) == upright).all()


def test_of_an_animation_the_first_frame_is_read():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert read(moving).getpixel((0, 0)) == (255, 0, 0)


def test_channels_are_converted_when_asked_and_kept_when_not():
    grey, colour = Image.new("L", (2, 2), 7), Image.new("RGB", (2, 2), (10, 200, 30))
    assert (read(encoded(grey)).mode, read(encoded(colour)).mode) == ("L", "RGB")
    assert read(encoded(grey), channels=3).getpixel((0, 0)) == (7, 7, 7)
    luma = round(0.299 * 10 + 0.587 * 200 + 0.114 * 30)
    assert read(encoded(colour), channels=1).getpixel((0, 0)) == luma
    kinds = [stored_channels(content) for content in (encoded(grey), encoded(colour), b"rubbish")]
    assert kinds == [1, 3, None]


# ------------------------------------------------------------------ bad pictures


def huge(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_an_enormous_picture_is_refused_before_it_is_decoded():
    with pytest.raises(DataError) as caught:
        read(huge(9000, 9000))
    assert str(caught.value) == "the picture has 9000x9000 pixels; at most 67108864 are read."
    for side in (10_000, 20_000):  # where Pillow itself warns, and where it refuses
        with pytest.raises(DataError, match=r"has .* pixels; at most 67108864 are read\.$"):
            read(huge(side, side))
    assert read(encoded(Image.new("L", (10, 10))), limit=100).size == (10, 10)
    with pytest.raises(DataError, match="at most 99 are read"):
        read(encoded(Image.new("L", (10, 10))), limit=99)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_truncated_picture_is_refused_in_one_line(kind, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), kind)
    path = tmp_path / "cut.img"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"{path} ")
    assert "\n" not in said


def test_rubbish_an_empty_file_and_nothing_are_told_apart(tmp_path):
    (tmp_path / "a.png").write_bytes(b"not a picture")
    (tmp_path / "b.png").touch()
    for name in ("a.png", "b.png"):
        with pytest.raises(DataError, match=r"png is no picture in a format known here\.$"):
            read(tmp_path / name)
    with pytest.raises(DataError, match=r"absent\.png does not exist\.$"):
        read(tmp_path / "absent.png")


def test_postscript_is_no_picture(tmp_path):
    program = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    with pytest.raises(DataError, match="is no picture in a format known here"):
        read(program)


def modes(content):
    """What reading gives: a mode, or the one line of a refusal."""
    try:
        return read(content).mode
    except DataError as error:
        return str(error)


def test_any_flipped_byte_is_read_or_refused_in_one_line():
    noise = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    for kind in ("PNG", "GIF", "TIFF", "BMP", "WEBP"):
        whole = encoded(Image.fromarray(noise), kind)
        for place in range(min(len(whole), 160)):
            broken = bytearray(whole)
            broken[place] ^= 0xFF
            answer = modes(bytes(broken))
            assert answer in ("L", "RGB") or re.fullmatch(r"the picture [^\n]*\.", answer)


# ------------------------------------------------------------------ writing


def test_a_grid_shows_every_pixel_where_it_belongs():
    images = from_bytes(np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1) * 10)
    sheet = np.asarray(grid(images, columns=3, zoom=2, gap=1))
    assert sheet.shape == (2 * 5 + 1, 3 * 5 + 1)
    for index in range(5):
        y, x = 1 + index // 3 * 5, 1 + index % 3 * 5
        tile = sheet[y : y + 4, x : x + 4]
        small = (np.arange(4).reshape(2, 2) + 4 * index) * 10
        assert (tile == small.repeat(2, 0).repeat(2, 1)).all()
    assert (sheet[6:, 11:] == 128).all()  # the sixth place is empty
    assert (sheet[0] == 128).all()
    assert (sheet[:, 5] == 128).all()


@pytest.mark.parametrize(("count", "size"), [(1, (4, 4)), (2, (7, 4)), (4, (7, 7)), (5, (10, 7))])
def test_a_grid_is_the_smallest_square_that_holds_them(count, size):
    assert grid(torch.zeros(count, 3, 2, 2)).size == size


def test_a_grid_of_nothing_or_with_a_broken_zoom_is_refused():
    with pytest.raises(ConfigError, match="needs at least one image; got 0"):
        grid(torch.zeros(0, 1, 2, 2))
    with pytest.raises(ConfigError, match="columns and zoom start at 1, gap at 0; got None, 0, 1"):
        grid(torch.zeros(1, 1, 2, 2), zoom=0)


def test_what_is_saved_is_what_is_read(tmp_path):
    images = from_bytes(every_level(3))
    save_grid(images, tmp_path / "a.png", gap=0)
    assert (np.asarray(read(tmp_path / "a.png")) == every_level(3)[0]).all()
    with pytest.raises(ConfigError, match=r"a\.txt must end in \.png, \.jpg or \.webp"):
        save(grid(images), tmp_path / "a.txt")


def test_rounded_is_what_a_file_keeps():
    images = torch.rand(2, 3, 5, 5, generator=torch.Generator().manual_seed(0)) * 2.4 - 1.2
    torch.testing.assert_close(rounded(images), from_bytes(to_bytes(images)))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGBX", "I;16", "1"])
@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".png", ".webp"])
def test_any_mode_is_written_where_its_format_can(mode, ending, tmp_path):
    picture = Image.new("RGBA", (3, 2), (255, 0, 0, 0)) if mode == "P" else Image.new(mode, (3, 2))
    picture = picture.convert("P") if mode == "P" else picture
    if (mode, ending) in {("I;16", ".jpg"), ("I;16", ".jpeg"), ("RGBX", ".png")}:
        with pytest.raises(ConfigError, match=f"cannot hold 3x2 pixels of mode {mode} "):
            save(picture, tmp_path / f"a{ending}")
        assert not list(tmp_path.iterdir())
    else:
        save(picture, tmp_path / f"a{ending}")
        assert read(tmp_path / f"a{ending}").size == (3, 2)


def test_a_format_without_transparency_gets_white_beneath(tmp_path):
    clear = Image.new("RGBA", (8, 8), (200, 0, 0, 0))
    save(clear, tmp_path / "a.jpg")
    assert read(tmp_path / "a.jpg").getpixel((4, 4)) == (255, 255, 255)
    grey = laid(Image.new("LA", (1, 1), (0, 51)), "white")
    assert (grey.mode, grey.getpixel((0, 0))) == ("L", 204)
    opaque = Image.new("RGB", (1, 1))
    assert laid(opaque, "white") is opaque


def test_what_a_format_cannot_hold_is_one_line_and_leaves_nothing(tmp_path):
    for name, size in (("a.webp", (16_384, 1)), ("a.jpg", (65_501, 1))):
        with pytest.raises(ConfigError, match=rf"cannot hold {size[0]}x1 .*; end it in \.png\.$"):
            save(Image.new("RGB", size), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_strokes_survive_a_jpeg(tmp_path):
    rng = np.random.default_rng(0)
    pixels = np.kron(rng.integers(0, 256, (8, 8, 3), np.uint8), np.ones((8, 8, 1), np.uint8))
    save(Image.fromarray(pixels), tmp_path / "a.jpg")
    found = np.asarray(read(tmp_path / "a.jpg"), float)
    Image.fromarray(pixels).save(tmp_path / "usual.jpg")
    usual = np.asarray(read(tmp_path / "usual.jpg"), float)
    assert abs(found - pixels).mean() < 0.6 * abs(usual - pixels).mean()


def test_a_picture_larger_than_any_is_refused_before_it_is_made():
    room(1 << 15, 1 << 15)
    with pytest.raises(ConfigError, match="a picture of 32769x32768 pixels is too large to make"):
        room((1 << 15) + 1, 1 << 15)
    with pytest.raises(ConfigError, match="too large to make: at most 1,073,741,824 are"):
        grid(torch.zeros(4, 1, 8, 8), zoom=10_000)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(DataError, match=r"is a folder; name a picture in it\.$"):
        read(tmp_path)


def test_a_name_that_is_too_long_is_said():
    with pytest.raises(DataError, match=r"a\.png cannot be read \(File name too long\)\.$"):
        read("a" * 300 + "a.png")


def test_arrays_of_pixels_are_pictures():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    assert np.array_equal(np.asarray(read(pixels)), pixels)
    assert read(pixels[..., 0]).mode == read(pixels[..., :1]).mode == "L"
    for wrong in (pixels.astype(float), pixels[None], pixels[..., :2]):
        with pytest.raises(
            DataError, match="an array of a picture holds uint8, H W or H W C with"
        ):
            read(wrong)


def test_colours_that_opacity_was_multiplied_into_are_read_like_others():
    clear = Image.new("RGBA", (2, 1), (200, 100, 50, 255))
    assert np.array_equal(np.asarray(read(clear.convert("RGBa"))), np.asarray(read(clear)))
    grey = Image.new("LA", (2, 1), (200, 255))
    assert read(grey.convert("La")).getpixel((0, 0)) == 200


@pytest.mark.parametrize("look", [read, opacity, marks, colours])
def test_a_picture_without_pixels_is_refused(look):
    with pytest.raises(DataError, match=r"^the picture has no pixels\.$"):
        look(Image.new("RGB", (0, 5)))


def test_a_mask_that_was_computed_is_one():
    inside = np.arange(12).reshape(3, 4) > 5
    assert np.array_equal(np.asarray(marks(inside)), 255 * inside)


def test_what_no_png_holds_is_not_told_to_end_in_png(tmp_path):
    with pytest.raises(ConfigError, match=r"of mode F .*; make it RGB first\.$"):
        save(Image.new("F", (2, 2)), tmp_path / "a.png")


def test_a_transparent_grey_of_16_bits_is_transparent_alone():
    values = np.array([[0, 257, 30000, 65535]], np.uint16)
    stream = BytesIO()
    Image.fromarray(values).save(stream, "PNG", transparency=30000)
    content = stream.getvalue()
    assert np.asarray(opacity(content)).tolist() == [[255, 255, 0, 255]]
    assert np.asarray(colours(content)).tolist() == [[0, 1, 117, 255]]
    assert np.asarray(read(content)).tolist() == [[0, 1, 255, 255]], "laid on white"
    assert np.asarray(marks(content)).tolist() == [[0, 1, 0, 255]], "it marks nothing there"
