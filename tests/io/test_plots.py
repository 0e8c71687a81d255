import pytest
import torch
from PIL import Image

from sfumato.io.plots import confusion_matrix, points


def colours(path):
    with Image.open(path) as picture:
        pixels = picture.convert("RGB").getcolors(2**20)
    return {colour for count, colour in pixels if count > 20 and max(colour) - min(colour) > 60}


@pytest.mark.parametrize("there", [2, 5])
def test_each_class_that_is_there_has_a_colour(tmp_path, there):
    where = torch.rand(300, 2)
    points(where, torch.arange(300) % there, tuple("abcdefg"), tmp_path / "points.png")
    assert len(colours(tmp_path / "points.png")) >= there


def test_a_class_keeps_its_colour_whoever_else_is_there(tmp_path):
    where = torch.rand(300, 2)
    for name, labels in (("alone", torch.ones(300)), ("both", torch.arange(300) % 2)):
        points(where, labels.long(), ("a", "b"), tmp_path / f"{name}.png")
    assert colours(tmp_path / "alone.png") <= colours(tmp_path / "both.png")


def test_points_without_classes_have_one_colour_and_no_legend(tmp_path):
    points(torch.rand(300, 2), None, (), tmp_path / "points.png", axes=("z0", "z1"))
    assert len(colours(tmp_path / "points.png")) >= 1


def test_names_are_no_formulas(tmp_path):
    """The first is a formula that cannot be set, the second would be set as one."""
    names = ("$\\foo$", "$5 to $9")
    points(torch.rand(20, 2), torch.arange(20) % 2, names, tmp_path / "points.png")
    confusion_matrix(torch.eye(2).long(), names, tmp_path / "table.png", axes=names)
    assert {path.name for path in tmp_path.iterdir()} == {"points.png", "table.png"}


@pytest.mark.filterwarnings("error")
def test_names_in_other_scripts_are_drawn_without_a_warning(tmp_path):
    confusion_matrix(torch.eye(2).long(), ("\u65e5", "b"), tmp_path / "a.png", axes=("x", "y"))
    assert (tmp_path / "a.png").exists()


def test_a_legend_names_all_classes_also_such_as_begin_with_an_underscore(tmp_path):
    def legend(*names):
        """Dark pixels on the right."""
        points(torch.rand(20, 2), torch.arange(20) % 2, names, tmp_path / "points.png")
        with Image.open(tmp_path / "points.png") as picture:
            right = picture.convert("L").crop((picture.width * 9 // 10, 0, *picture.size))
        return sum(count for count, grey in right.getcolors() if grey < 100)

    assert legend("_one", "_two") >= legend("one", "two") > 0
