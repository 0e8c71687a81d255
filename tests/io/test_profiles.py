"""Pictures of another colour space become sRGB, by a profile worked out here."""

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms

from sfumato.io.images import colours, opacity, read

# primaries and white of sRGB as profiles state them, relative to D50
PRIMARIES = {
    b"rXYZ": (0.4360747, 0.2225045, 0.0139322),
    b"gXYZ": (0.3850649, 0.7168786, 0.0971045),
    b"bXYZ": (0.1430804, 0.0606169, 0.7141733),
}


def profile(gamma):
    """sRGB's colours under another curve: value = light ** (1 / gamma)."""

    def fixed(*numbers):
        return struct.pack(f">{len(numbers)}i", *(round(n * 65536) for n in numbers))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    words = b"by hand"
    about = b"desc" + bytes(4) + struct.pack(">I", len(words) + 1) + words + bytes(79)
    tags = {b"desc": about, b"wtpt": b"XYZ " + bytes(4) + fixed(0.9642, 1.0, 0.8249)}
    tags |= {name: b"XYZ " + bytes(4) + fixed(*xyz) for name, xyz in PRIMARIES.items()}
    tags |= {name: curve for name in (b"rTRC", b"gTRC", b"bTRC")}
    table, body, at = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += data
    head = bytearray(128)
    head[0:4] = struct.pack(">I", at + len(body))
    head[8:12], head[12:24], head[36:40] = bytes([2, 64, 0, 0]), b"mntrRGB XYZ ", b"acsp"
    head[68:80] = fixed(0.9642, 1.0, 0.8249)
    return bytes(head) + struct.pack(">I", len(tags)) + table + body


def stored(mode, value, icc):
    stream = BytesIO()
    Image.new(mode, (2, 2), value).save(stream, "PNG", icc_profile=icc)
    return stream.getvalue()


def in_srgb(light):
    return 255 * (12.92 * light if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_numbers_of_another_curve_become_those_of_the_same_light(gamma):
    for value in (20, 128, 230):
        found = read(stored("RGB", (value, value, value), profile(gamma))).getpixel((0, 0))
        wanted = in_srgb((value / 255) ** gamma)
        assert np.abs(np.subtract(found, wanted)).max() < 1.6


def test_opacity_is_kept():
    linear = stored("RGBA", (128, 128, 128, 77), profile(1.0))
    assert abs(colours(linear).getpixel((0, 0))[0] - 188) <= 1


def test_a_picture_is_turned_and_a_clear_colour_stays_clear():
    for kind in ("JPEG", "PNG", "WEBP"):
        image, exif = Image.new("RGB", (6, 3)), Image.Exif()
        exif[0x0112] = 6
        stream = BytesIO()
        image.save(stream, kind, exif=exif, icc_profile=profile(1.8))
        assert read(stream.getvalue()).size == (3, 6)
    stream = BytesIO()
    Image.new("RGB", (2, 2), (200, 10, 10)).save(
        stream, "PNG", transparency=(200, 10, 10), icc_profile=profile(1.8)
    )
    assert opacity(stream.getvalue()).getextrema() == (0, 0)
    assert read(stream.getvalue()).getpixel((0, 0)) == (255, 255, 255)


def test_srgb_nothing_and_rubbish_change_no_number():
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (None, own, b"rubbish", profile(1.0)[:150]):
        assert read(stored("RGB", (20, 128, 230), icc)).getpixel((0, 0)) == (20, 128, 230)
    assert read(stored("L", 128, profile(1.0))).getpixel((0, 0)) == 128
