"""A table beside pictures that does not fit them says so."""

import pytest
from PIL import Image

from sfumato import data
from sfumato.data import Source
from sfumato.errors import DataError


def picture(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 6)).save(path)


def opened(folder):
    return data.open(Source(name=str(folder)))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "metadata.csv",
            "name,x\na.png,1\n",
            "needs a column file_name, a picture's name; it has",
        ),
        ("metadata.csv", "file_name;x\na.png;1\n", "; put commas, not ';', between its columns."),
        ("metadata.csv", "file_name,x,x\na.png,1,2\n", "has two columns called x; rename one."),
        ("metadata.csv", "file_name,x\na.png,1\n".encode("utf-16"), "is not UTF-8 (byte 0)"),
        ("metadata.jsonl", '{"x": 1}\n', "in every row; row 1 has x."),
        ("metadata.jsonl", "{broken\n", "metadata.jsonl cannot be read as a table ("),
        (
            "metadata.csv",
            "file_name,x\nb.png,1\n",
            "no picture of it; the first row is for b.png.",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path, name, text, said):
    picture(tmp_path / "a.png")
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        opened(tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_may_name_pictures_as_windows_does(tmp_path):
    picture(tmp_path / "a" / "1.png")
    (tmp_path / "metadata.csv").write_text("file_name,x\na\\1.png,3\n")
    assert opened(tmp_path).columns["attributes"].tolist() == [[3]]


def test_a_table_without_a_row_is_told(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "metadata.csv").write_text("file_name,label\n")
    assert opened(tmp_path).report.notes == ("metadata.csv has no row",)
