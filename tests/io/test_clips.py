"""Clips: what is read of one can be written as another."""

import pytest
from PIL import Image

from sfumato.errors import ConfigError
from sfumato.io.clips import LONGEST, read_clip, save_gif


def flat(level):
    return Image.new("RGB", (4, 4), (level,) * 3)


def test_a_gif_has_every_frame_and_repeats(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    save_gif([Image.new("RGB", (4, 4), c) for c in colours], tmp_path / "a.gif", fps=5)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (3, 0, 200)
        for index, colour in enumerate(colours):
            film.seek(index)
            assert film.convert("RGB").getpixel((0, 0)) == colour
    with pytest.raises(ConfigError, match="a GIF needs frames and 0 < fps <= 50; got 0 and 10"):
        save_gif([], tmp_path / "b.gif")
    assert not (tmp_path / "b.gif").exists()


@pytest.mark.parametrize("times", [[700_000, 100], [LONGEST + 10, LONGEST]])
def test_a_picture_is_seen_as_long_as_gif_can_show_it(tmp_path, times):
    frames = [flat(0), flat(200)]
    place = tmp_path / "long.webp"
    frames[0].save(place, save_all=True, append_images=frames[1:], duration=times, lossless=True)
    read, seen = read_clip(place)
    assert seen == times
    save_gif(read, tmp_path / "long.gif", times=seen)
    assert read_clip(tmp_path / "long.gif")[1] == [LONGEST, min(times[1], LONGEST)]


def test_a_picture_that_stays_for_many_frames_is_one_picture(tmp_path):
    save_gif([flat(0)] * 3 + [flat(200)], tmp_path / "a.gif", times=[300_000] * 4)
    assert read_clip(tmp_path / "a.gif")[1] == [LONGEST, 300_000]
