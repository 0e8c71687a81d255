"""A file is there whole, or as it was before."""

import errno
import os
from pathlib import Path

import pytest

from sfumato.errors import RunError
from sfumato.io.files import at_home, atomic, named_on_hub, nearby, writable


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


@pytest.mark.parametrize("stem", ["a" * 251, "ü" * 125, "💡" * 62])
def test_as_long_a_name_as_there_can_be_is_written(stem, tmp_path):
    with atomic(tmp_path / f"{stem}.png") as temporary:
        temporary.write_text("here")
    assert [path.name for path in tmp_path.iterdir()] == [f"{stem}.png"]


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


@pytest.mark.parametrize("there", [True, False])
def test_what_a_link_points_to_is_written_and_the_link_stays(tmp_path, there):
    link, real = tmp_path / "link.txt", tmp_path / "deep" / "real.txt"
    real.parent.mkdir()
    if there:
        real.write_text("old")
    link.symlink_to(real)
    with atomic(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert {path.name for path in tmp_path.rglob("*")} == {"link.txt", "deep", "real.txt"}


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


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
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


def test_where_nothing_can_be_written_is_known_beforehand(tmp_path):
    writable(tmp_path / "new" / "deep" / "a.png")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"a\.png cannot be written \(.*file is a file\); choose"):
        writable(tmp_path / "file" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda place, mode: False)
    with pytest.raises(RunError, match=r"a\.png cannot be written \(.* is read-only\); choose"):
        writable(tmp_path / "a.png")


def test_the_likeliest_name_is_sought_in_the_same_folder(tmp_path):
    for name in ("first", "mnist", ".frist"):
        (tmp_path / name).touch()
    assert nearby(tmp_path / "frist") == tmp_path / "first"
    assert nearby(tmp_path / "zzz") is None
    assert nearby(tmp_path / "no" / "first") is None


def test_nothing_below_a_folder_of_ours_is_taken_for_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    names = ("someone/vae", "runs/vae", "a/b/c", "vae", "/runs/vae", "../vae")
    assert [named_on_hub(name) for name in names] == [True, *[False] * 5]
    (tmp_path / "runs").rmdir()
    assert not named_on_hub("runs/vae"), "where trainings will be put"


def test_a_file_whose_name_begins_like_a_home_is_a_file():
    assert at_home("~tilde-x4.png") == Path("~tilde-x4.png")
    assert at_home("~/a.png") == Path.home() / "a.png"


def test_a_home_that_nobody_has_is_refused():
    with pytest.raises(RunError, match=r"^~nobody-of-that-name/x: no such home folder"):
        at_home("~nobody-of-that-name/x")
