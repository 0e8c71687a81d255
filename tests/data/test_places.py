"""Files are listed and read the same from folders and archives, and never leave their place."""

import gzip
import io
import os
import tarfile
import warnings
import zipfile

import pytest

from sfumato.data import places
from sfumato.data.places import files, stamp
from sfumato.errors import DataError

CONTENT = {"a.png": b"one", "deep/er/b.jpg": b"two", "notes.txt": b"three"}


def tar(path, content, mode="w"):
    with tarfile.open(path, mode) as archive:
        for name, text in content.items():
            about = tarfile.TarInfo(name)
            about.size = len(text)
            archive.addfile(about, io.BytesIO(text))


def made(tmp_path, form):
    path = tmp_path / f"set{form}"
    if form == "":
        for name, text in CONTENT.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(text)
    elif form == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in CONTENT.items():
                archive.writestr(name, text)
    else:
        tar(path, CONTENT, "w" if form == ".tar" else "w:gz")
    return path


def read(place):
    return {file.name: file.read() for file in files(place)}


@pytest.mark.parametrize("form", ["", ".zip", ".tar", ".tar.gz", ".tgz"])
def test_every_form_gives_the_same_files(tmp_path, form):
    place = made(tmp_path, form)
    assert read(place) == CONTENT
    assert list(read(place)) == sorted(CONTENT)
    assert [file.name for file in files(place) if file.picture] == ["a.png", "deep/er/b.jpg"]


def test_linked_folders_are_followed_but_not_in_circles(tmp_path):
    """Data are often linked into place; a link to a folder around it would never end."""
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "a.png").write_bytes(b"one")
    here = tmp_path / "here"
    (here / "cats").mkdir(parents=True)
    (here / "cats" / "b.png").write_bytes(b"two")
    (here / "dogs").symlink_to(tmp_path / "far")
    (here / "cats" / "again").symlink_to(here)
    (here / "lost.png").symlink_to(tmp_path / "nowhere.png")
    names = [file.name for file in files(here)]
    assert names == ["cats/b.png", "dogs/a.png", "lost.png"]


def test_hidden_files_and_links_in_archives_are_left_out(tmp_path):
    (tmp_path / "f" / ".git").mkdir(parents=True)
    for name in (".git/x.png", ".hidden.png", "y.png"):
        (tmp_path / "f" / name).write_bytes(b"")
    assert list(read(tmp_path / "f")) == ["y.png"]
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        link = tarfile.TarInfo("passwords.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("__MACOSX/z.png"))
    assert read(tmp_path / "x.tar") == {}


def test_a_name_cannot_lead_out_of_its_archive(tmp_path):
    evil = {"../../up.png": b"1", "/etc/root.png": b"2", "a/../../b.png": b"3"}
    tar(tmp_path / "evil.tar", evil)
    before = sorted(tmp_path.parent.iterdir())
    assert set(read(tmp_path / "evil.tar")) == {"up.png", "etc/root.png", "a/b.png"}
    assert sorted(tmp_path.parent.iterdir()) == before


def test_archives_in_a_folder_without_pictures_are_opened(tmp_path):
    tar(tmp_path / "cats.tar", {"cats/1.png": b"c"})
    tar(tmp_path / "dogs.tar.gz", {"dogs/1.png": b"d"}, "w:gz")
    (tmp_path / "list.txt").write_bytes(b"l")
    assert read(tmp_path) == {"cats/1.png": b"c", "dogs/1.png": b"d", "list.txt": b"l"}
    (tmp_path / "loose.png").write_bytes(b"p")
    assert list(read(tmp_path)) == ["cats.tar", "dogs.tar.gz", "list.txt", "loose.png"]


def test_archives_whose_files_collide_become_folders(tmp_path):
    tar(tmp_path / "cats.tar", {"1.png": b"c"})
    tar(tmp_path / "dogs.tar.gz", {"1.png": b"d"}, "w:gz")
    assert read(tmp_path) == {"cats/1.png": b"c", "dogs/1.png": b"d"}


def test_a_file_above_the_bound_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "FILE", 4)
    for form in ("", ".zip", ".tar"):
        by_name = {file.name: file for file in files(made(tmp_path, form))}
        assert by_name["a.png"].read() == b"one"
        with pytest.raises(DataError, match=r"^has 5 bytes; at most 4 are read$"):
            by_name["notes.txt"].read()


def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch):
    tar(tmp_path / "bomb.tar.gz", {"zeros.png": bytes(2**21)}, "w:gz")
    monkeypatch.setattr(places, "LEAST", 2**20)
    monkeypatch.setattr(places, "RATIO", 2)
    with pytest.raises(DataError, match=r"bomb\.tar\.gz unpacks to more than 1048576 bytes"):
        files(tmp_path / "bomb.tar.gz")


@pytest.mark.parametrize("form", [".zip", ".tar", ".tar.gz"])
def test_damaged_archives_are_refused_in_one_line(tmp_path, form):
    path = tmp_path / f"bad{form}"
    for content in (b"nonsense" * 100, gzip.compress(b"x" * 5000)[:-20]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"bad[\w.]* is damaged \(.*\)\.$") as caught:
            files(path)
        assert "\n" not in str(caught.value)


def test_a_folder_that_may_not_be_read_is_said_in_one_line(tmp_path, monkeypatch):
    def refuse(place):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    for look in (files, stamp):
        with pytest.raises(DataError) as caught:
            look(tmp_path)
        assert str(caught.value) == f"{tmp_path} cannot be read (Permission denied)."


def test_what_is_neither_folder_nor_archive_is_refused(tmp_path):
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError, match=r"a\.txt is no folder and ends in none of \.zip, \.tar"):
        files(tmp_path / "a.txt")
    with pytest.raises(DataError, match=r"absent does not exist\.$"):
        files(tmp_path / "absent")


def test_the_stamp_changes_with_names_sizes_and_times(tmp_path):
    place = made(tmp_path, "")
    stamps = [stamp(place)]
    assert stamp(place) == stamps[0]
    (place / "a.png").write_bytes(b"longer")
    stamps.append(stamp(place))
    os.utime(place / "a.png", ns=(1, 1))
    stamps.append(stamp(place))
    (place / "a.png").rename(place / "c.png")
    stamps.append(stamp(place))
    assert len(set(stamps)) == 4


@pytest.mark.parametrize("form", [".zip", ".tar"])
def test_of_two_members_of_one_name_the_later_is_meant(form, tmp_path):
    path = tmp_path / f"set{form}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's, about the name
        if form == ".zip":
            with zipfile.ZipFile(path, "w") as archive:
                for text in ("old", "new"):
                    archive.writestr("a.png", text)
        else:
            tar(path, {"a.png": b"old"})
            tar(path, {"a.png": b"new"}, "a")
    assert read(path) == {"a.png": b"new"}
    assert len(files(path)) == 1
