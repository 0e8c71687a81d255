"""Sheets: pictures with words beside them, none of them on top of another."""

import numpy as np
import torch
from PIL import Image

from sfumato.io.sheets import SIZE, beside, captioned, headed, named_rows, stacked, width

WHITE = torch.ones(4, 1, 8, 8)


def dark(picture):
    """Where the letters are."""
    return np.asarray(picture.convert("L")) < 100


def test_rows_have_their_names_to_the_left():
    sheet = named_rows([("slant", WHITE), ("a longer name", WHITE[:2])], zoom=3)
    margin = width("a longer name") + 12
    assert sheet.size == (margin + 4 * 25 + 1, 2 * 26)
    ink = dark(sheet)
    assert ink[:26, :margin].any()
    assert ink[26:, :margin].any()
    assert not ink[:, margin:].any(), "names stay in their margin"
    assert ink[26:, :margin].sum() > ink[:26, :margin].sum()


def test_letters_of_other_languages_are_drawn():
    """What a typeface lacks is one and the same box."""
    drawn = {named_rows([(letter, WHITE)]).tobytes() for letter in "éüñßłжω"}
    assert len(drawn) == 7


def test_rows_of_small_pictures_leave_room_for_the_letters():
    assert named_rows([("a", WHITE), ("b", WHITE)]).height == 2 * (SIZE + 6)


def test_captions_stand_under_their_pictures():
    sheet = captioned(-WHITE, ["0", "1", "2", "3"], columns=3, zoom=2)
    wide, high = 18 + 4, 18 + SIZE + 8
    assert sheet.size == (3 * wide, 2 * high)
    letters = np.asarray(sheet.convert("L"))[18 + 1 : high]
    for column in range(3):
        assert (letters[:, column * wide : (column + 1) * wide] < 100).any()


def test_pictures_stand_beside_each_other_under_their_titles():
    red, blue = (Image.new("RGB", (40, 20), colour) for colour in ("red", "blue"))
    sheet = beside([("one", red), ("one", blue)], gap=10)
    assert sheet.size == (40 + 40 + 3 * 10, 20 + SIZE + 2 * 10)
    assert sheet.getpixel((10, SIZE + 10)) == (255, 0, 0)
    assert sheet.getpixel((60, SIZE + 10)) == (0, 0, 255)
    assert dark(sheet)[: SIZE + 10].any()


def test_a_title_wider_than_its_picture_has_room():
    small = Image.new("RGB", (5, 5))
    assert beside([("a very long title", small)]).width >= width("a very long title")


def test_pictures_stand_under_each_other():
    sheet = stacked([Image.new("L", (5, 6)), Image.new("L", (9, 4))])
    assert sheet.size == (9, 18)
    assert sheet.getpixel((8, 0)) == (255, 255, 255)


def test_a_row_of_others_stands_beside_each_picture_under_its_words():
    images, rows = torch.zeros(2, 1, 8, 8), torch.ones(2, 3, 1, 8, 8)
    sheet = headed(images, rows, ("a", "b", "c"), zoom=4)
    tile = 8 * 4 + 2
    assert sheet.size == (4 * (tile + 4) + 8, SIZE + 6 + 2 * (tile + 2))
    middle = SIZE + 6 + tile // 2
    assert sheet.getpixel((tile // 2, middle)) == (128, 128, 128)
    assert sheet.getpixel((8 + tile + 4 + tile // 2, middle)) == (255, 255, 255)
