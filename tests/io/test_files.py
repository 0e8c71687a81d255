"""A file is there whole, or as it was before."""

import errno
import os

import pytest

from sfumato.errors import RunError
from sfumato.io.files import atomic


def test_what_was_written_is_there_and_nothing_else(tmp_path):
    with atomic(tmp_path / "new" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "new" / "a.txt").exists()
    assert (tmp_path / "new" / "a.txt").read_text() == "whole"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


def test_the_temporary_name_ends_like_the_real_one(tmp_path):
    with atomic(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"
        assert temporary.parent == tmp_path
        temporary.touch()


def test_a_failure_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise KeyError("stop")

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path):
    with atomic(tmp_path / "folder") as temporary:
        (temporary / "inner").mkdir(parents=True)
        (temporary / "inner" / "a").write_text("1")
    assert (tmp_path / "folder" / "inner" / "a").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_never_replaces_a_full_one(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").touch()

    def replace():
        with atomic(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / "other").touch()

    with pytest.raises(
        RunError, match=r"folder cannot be written \(.*\); choose another place\.$"
    ):
        replace()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["kept"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_one_line(tmp_path, number):
    path = tmp_path / "a.bin"
    path.write_text("old")

    def fill():
        with atomic(path) as temporary:
            temporary.write_text("half")
            raise OSError(number, os.strerror(number))

    with pytest.raises(RunError) as caught:
        fill()
    assert str(caught.value) == (
        f"the disk is full: {path} was not written; free some space or choose another place."
    )
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()

    def write():
        with atomic(tmp_path / "file" / "a.txt") as temporary:
            temporary.touch()

    with pytest.raises(RunError, match="cannot be written"):
        write()


def test_somebody_elses_error_stays_what_it_is(tmp_path):
    def read():
        with atomic(tmp_path / "a.txt"):
            (tmp_path / "absent" / "b.txt").read_text()

    with pytest.raises(FileNotFoundError):
        read()
