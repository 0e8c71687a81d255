"""Any folder of pictures is a source; what is bad in it is skipped, counted and named."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.errors import ConfigError, DataError, UnknownName
from sfumato.schema import Attribute


def picture(path, level=100, size=(6, 6), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level,) * 3).save(path)
    return path


def opened(folder, **fields):
    return data.open(Source(name=str(folder), **fields))


def levels(dataset):
    """The level each picture was made with."""
    return dataset.columns["image"][:, 0, 0, 0].tolist()


def test_a_flat_folder_has_images_only_in_order_of_names(tmp_path):
    for number in (3, 1, 2):
        picture(tmp_path / f"{number}.png", number)
    dataset = opened(tmp_path)
    assert (dataset.fields, levels(dataset)) == (("image",), [1, 2, 3])
    assert dataset.schema.shape == (3, 6, 6)


def test_a_folder_may_begin_with_a_tilde(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture(tmp_path / "~pics" / "1.png", 7)
    assert levels(opened("~pics")) == [7]


def test_sub_folders_are_classes_taken_in_turn(tmp_path):
    for name, count in (("cat", 3), ("dog", 1), ("eel", 2)):
        for number in range(count):
            picture(tmp_path / name / "deep" / f"{number}.png", 10 * ord(name[0]) % 256 + number)
    dataset = opened(tmp_path)
    assert dataset.schema.classes == ("cat", "dog", "eel")
    assert dataset.columns["label"].tolist() == [0, 1, 2, 0, 2, 0]
    few = opened(tmp_path, classes=("eel", "cat"), count=3)
    assert few.columns["label"].tolist() == [1, 0, 1]
    assert levels(few) == [levels(dataset)[i] for i in (0, 2, 3)]


@pytest.mark.parametrize("spelt", ["unlabelled", "unlabeled"])
def test_a_folder_beside_the_classes_holds_pictures_of_no_known_class(tmp_path, spelt):
    for name, count in (("cat", 2), ("zoo", 1), (spelt, 3)):
        for number in range(count):
            picture(tmp_path / name / f"{number}.png", 10 * number)
    dataset = opened(tmp_path)
    assert dataset.schema.classes == ("cat", "zoo")
    assert sorted(dataset.columns["label"].tolist()) == [-1, -1, -1, 0, 0, 1]
    assert opened(tmp_path / spelt).fields == ("image",)


def test_one_sub_folder_or_a_loose_picture_means_no_labels(tmp_path):
    picture(tmp_path / "one" / "only" / "a.png")
    assert opened(tmp_path).fields == ("image",)
    picture(tmp_path / "b.png")
    picture(tmp_path / "two" / "c.png")
    assert opened(tmp_path).fields == ("image",)


def test_folders_named_after_parts_are_parts(tmp_path):
    for part, names in (("training", ("a", "b")), ("test", ("b",)), ("valid", ("c",))):
        for name in names:
            picture(tmp_path / "set" / part / name / "0.png", ord(name))
    assert levels(opened(tmp_path)) == [97, 98]
    test = opened(tmp_path, split="test")
    assert (levels(test), test.columns["label"].tolist()) == ([98], [1])
    assert test.schema.classes == ("a", "b", "c")  # one numbering for all parts
    assert levels(opened(tmp_path, split="validation")) == [99]
    with pytest.raises(
        UnknownName, match=r"is no part of .*; choose from test, train, validation"
    ):
        opened(tmp_path, split="nope")


def test_a_folder_without_parts_is_all_train(tmp_path):
    picture(tmp_path / "a.png")
    with pytest.raises(UnknownName) as caught:
        opened(tmp_path, split="test")
    assert str(caught.value) == (
        f"--data.split 'test' is no part of {tmp_path}; choose from train."
    )


def test_an_archive_is_read_like_its_folder(tmp_path):
    for name in ("x", "y"):
        picture(tmp_path / "f" / name / "1.png", ord(name))
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        for path in sorted((tmp_path / "f").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    one, other = opened(tmp_path / "f"), opened(tmp_path / "f.zip")
    assert one.fingerprint == other.fingerprint
    assert other.schema.classes == ("x", "y")


# ------------------------------------------------------------------ bad input


def test_bad_files_are_skipped_counted_and_named(tmp_path, capsys):
    picture(tmp_path / "good.png", 1)
    whole = picture(tmp_path / "whole.jpg", 2, (64, 64)).read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "notes.txt").write_text("not counted")
    dataset = opened(tmp_path, side=6)
    assert dataset.report.kept == len(dataset) == 2
    assert dict(dataset.report.skipped) == {
        "cut.jpg": "is truncated",
        "empty.png": "is empty",
        "text.png": "is no picture in a format known here",
    }
    said = capsys.readouterr().err
    assert "2 images, 3 skipped (the first: cut.jpg is truncated)" in said
    assert opened(tmp_path, side=6).report == dataset.report  # remembered in the cache


def test_odd_pictures_are_converted_and_kept(tmp_path):
    Image.fromarray(np.full((6, 6), 25700, np.uint16)).save(tmp_path / "deep.png")
    Image.new("CMYK", (6, 6), (0, 0, 0, 155)).save(tmp_path / "print.tif")
    frames = [Image.new("RGB", (6, 6), (100,) * 3), Image.new("RGB", (6, 6))]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    Image.new("RGBA", (6, 6), (0, 0, 0, 155)).save(tmp_path / "veil.png")
    assert levels(opened(tmp_path, channels=3)) == [100, 100, 100, 100]


def test_count_is_filled_from_good_files(tmp_path):
    for number in range(6):
        picture(tmp_path / f"{number}.png", number)
    (tmp_path / "0.png").write_bytes(b"")
    assert levels(opened(tmp_path, count=3)) == [1, 2, 3]


def test_an_empty_folder_a_folder_of_no_images_and_one_of_bad_ones(tmp_path):
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path} is empty; put pictures there (.avif, .bmp, ")
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path} holds 1 files and no picture; pictures end in .avif, .bmp, "
    )
    (tmp_path / "b.png").write_text("x")
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert str(caught.value) == (
        f"none of the 1 files of {tmp_path} can be read as a picture; "
        "the first: b.png is no picture in a format known here."
    )


def test_sizes_that_differ_need_a_side(tmp_path):
    picture(tmp_path / "a.png", 1, (6, 4))
    picture(tmp_path / "b.png", 2, (8, 8))
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert str(caught.value) == (
        f"the images of {tmp_path} differ in size (6x4 and 8x8); "
        "set --data.side to the side they shall be scaled to."
    )
    assert opened(tmp_path, side=5).schema.shape == (3, 5, 5)
    assert opened(tmp_path, crop=4).schema.shape == (3, 4, 4)


def test_grey_stays_grey_and_a_mixture_needs_a_choice(tmp_path):
    picture(tmp_path / "a.png", 7, mode="L")
    assert opened(tmp_path).schema.shape == (1, 6, 6)
    for number in range(64):
        picture(tmp_path / f"b{number:02}.png", 7, mode="L")
    picture(tmp_path / "c.png", 9)
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path)
    assert str(caught.value) == (
        "there are grey and colour pictures (the first in colour: c.png); "
        "set --data.channels to 1 or 3."
    )
    assert opened(tmp_path, channels=1).schema.channels == 1


# ------------------------------------------------------------------ cutting


def test_the_central_square_is_cut_and_nothing_is_stretched(tmp_path):
    pixels = np.zeros((6, 10, 3), np.uint8)
    pixels[:, 2:8] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (opened(tmp_path, side=3).columns["image"] == 200).all()
    crop = opened(tmp_path, crop=2).columns["image"]
    assert crop.shape == (1, 2, 2, 3)
    assert (opened(tmp_path, crop=99, side=6).columns["image"] == 200).all()
    assert opened(tmp_path).schema.shape == (3, 6, 10)


def test_scaling_down_averages(tmp_path):
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    Image.fromarray(board).save(tmp_path / "a.png")
    small = opened(tmp_path, side=8).columns["image"].astype(int)
    assert np.abs(small - 127.5).max() <= 3


def test_a_picture_beside_the_folders_of_classes_is_named(tmp_path):
    for name in ("a/0.png", "b/1.png", "cover.png"):
        picture(tmp_path / name, 3)
    dataset = opened(tmp_path)
    with pytest.raises(DataError, match=r"needs label .*; folders name no classes, for cover"):
        dataset.require(("label",), "mlp")
    (tmp_path / "flat").mkdir()
    picture(tmp_path / "flat" / "x.png", 3)
    (tmp_path / "flat" / "metadata.csv").write_text("file_name,age\nx.png,3\ny.png,4\n")
    with pytest.raises(DataError, match="sub-folders named after classes would give labels"):
        opened(tmp_path / "flat").require(("label",), "mlp")


# ------------------------------------------------------------------ metadata


def test_a_csv_gives_captions_attributes_and_labels(tmp_path):
    for number in range(4):
        picture(tmp_path / "p" / f"{number}.png", number)
    (tmp_path / "metadata.csv").write_text(
        "file_name,caption,age,label,photographer\n"
        "p/2.png,A red cat,30,b,Ann\np/0.png,a dog,10.5,a,Bob\np/1.png,dog,,a,Eve\n"
        "p/9.png,nobody,99,c,Zoe\n"
    )
    dataset = opened(tmp_path)
    assert levels(dataset) == [0, 2]  # 1 lacks an age, 3 has no row
    assert dataset.report.notes == (
        "2 pictures have no full row in the metadata",
        "rows of the metadata without a picture: 1, the first p/9.png",
    )
    assert dataset.columns["attributes"].tolist() == [[10.5], [30.0]]
    assert [(a.name, a.low, a.high) for a in dataset.schema.attributes] == [("age", 10.5, 99.0)]
    words = [
        [dataset.schema.vocabulary[t] for t in row if t] for row in dataset.columns["caption"]
    ]
    assert words == [["a", "dog"], ["a", "red", "cat"]]
    assert dataset.schema.classes == ("a", "b", "c")
    assert dataset.columns["label"].tolist() == [0, 1]


def test_a_second_row_for_a_picture_is_left_out_and_that_is_said(tmp_path):
    for number in range(3):
        picture(tmp_path / f"{number}.png", number)
    (tmp_path / "metadata.csv").write_text("file_name,label\n0.png,a\n1.png,b\n0.png,b\n2.png,b\n")
    dataset = opened(tmp_path)
    assert dataset.columns["label"].tolist() == [0, 1, 1]
    assert dataset.report.notes == (
        "rows of the metadata for a picture that has one already are left out: 1, the first for "
        "0.png",
    )


def test_words_that_come_again_are_choices_in_every_part(tmp_path):
    rows = [("blue", "Ann", 1), ("red", "Bob", 2), ("blue", "Eve", 3), ("red", "Zoe", 4)]
    lines = ["file_name,hair,photographer,age"]
    for number, (hair, name, age) in enumerate(rows):
        part = "test" if number == 3 else "train"
        picture(tmp_path / part / f"{number}.png", number)
        lines.append(f"{part}/{number}.png,{hair},{name},{age}")
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    kinds = (
        Attribute(name="hair", low=0.0, high=1.0, values=("blue", "red")),
        Attribute(name="age", low=1.0, high=4.0),
    )
    for part, expected in {"train": [[0, 1], [1, 2], [0, 3]], "test": [[1, 4]]}.items():
        dataset = data.open(Source(name=str(tmp_path), split=part))
        assert dataset.schema.attributes == kinds
        assert dataset.columns["attributes"].tolist() == expected


def test_jsonl_lines_and_sub_folder_tables_work_and_folders_name_classes(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / name / "1.png", ord(name))
        row = {"file_name": "1.png", "text": name * 3, "x": ord(name), "label": "unused"}
        (tmp_path / name / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    dataset = opened(tmp_path)
    assert dataset.schema.classes == ("a", "b")
    assert dataset.schema.vocabulary == ("", "aaa", "bbb")
    assert dataset.columns["attributes"].tolist() == [[97], [98]]


def test_labels_that_are_numbers_are_in_the_order_of_numbers(tmp_path):
    for number in range(12):
        picture(tmp_path / f"{number}.png", number)
    rows = "".join(f"{number}.png,{number}\n" for number in range(12))
    (tmp_path / "metadata.csv").write_text(f"file_name,label\n{rows}")
    assert opened(tmp_path).schema.classes == tuple(map(str, range(12)))


def test_a_column_with_a_slip_is_left_out_and_that_is_said(tmp_path):
    for number in range(8):
        picture(tmp_path / f"{number}.png", number)
    cells = [(str(n), "x" if n == 3 else str(n), "why" if n == 5 else "") for n in range(8)]
    rows = "".join(f"{name}.png,{size},{remark}\n" for name, size, remark in cells)
    (tmp_path / "metadata.csv").write_text(f"file_name,size,remark\n{rows}")
    dataset = opened(tmp_path, side=6)
    assert dataset.fields == ("image",)
    assert dataset.report.notes == (
        "column size is left out: 1 of 8 rows hold no number there",
    ), "and nothing of a column of words here and there"


def test_parts_are_parts_however_they_are_spelt(tmp_path):
    for part, levels_ in {"Training": (1, 2), "TESTING": (3,)}.items():
        for level in levels_:
            for kind in ("cat", "dog"):
                picture(tmp_path / part / kind / f"{level}.png", level)
    assert opened(tmp_path).schema.classes == ("cat", "dog")
    assert levels(opened(tmp_path)) == [1, 1, 2, 2]
    assert levels(opened(tmp_path, split="test")) == [3, 3]


def test_pictures_beside_the_parts_are_left_out_and_told(tmp_path):
    for part, level in {"train": 1, "test": 2}.items():
        picture(tmp_path / part / f"{level}.png", level)
    picture(tmp_path / "cover.png", 9)
    dataset = opened(tmp_path)
    assert levels(dataset) == [1]
    assert levels(opened(tmp_path, split="test")) == [2]
    told = "1 beside the folders of parts left out, the first cover.png"
    assert dataset.report.notes == (told,)


def test_spaces_after_commas_of_a_table_do_not_count(tmp_path):
    for number in range(2):
        picture(tmp_path / f"{number}.png", number)
    rows = "file_name, label, size\n0.png, cat, 0.5\n1.png, dog, 1.5\n"
    (tmp_path / "metadata.csv").write_text(rows)
    dataset = opened(tmp_path)
    assert dataset.schema.classes == ("cat", "dog")
    assert [attribute.name for attribute in dataset.schema.attributes] == ["size"]


def test_lines_of_json_end_where_json_says(tmp_path):
    picture(tmp_path / "0.png", 1)
    line = json.dumps({"file_name": "0.png", "caption": "a\u2028b"}, ensure_ascii=False)
    (tmp_path / "metadata.jsonl").write_text(line + "\n", encoding="utf-8")
    assert opened(tmp_path).schema.vocabulary == ("", "a", "b")


@pytest.mark.parametrize("names", [("1e3", "1_000"), ("inf", "Infinity")])
def test_words_that_python_reads_as_numbers_are_words(names, tmp_path):
    rows = "file_name,label\n"
    for number, name in enumerate(names):
        picture(tmp_path / f"{number}.png", number)
        rows += f"{number}.png,{name}\n"
    (tmp_path / "metadata.csv").write_text(rows)
    assert set(opened(tmp_path).schema.classes) == set(names)
