"""The cache is whole or absent, keyed by content and settings, and never the memory's burden."""

import errno
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sfumato import data
from sfumato.data import Source, columns
from sfumato.data.columns import ColumnFile, load_column
from sfumato.data.loader import loader
from sfumato.data.prepare import cache_folder
from sfumato.errors import RunError


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(5):
        Image.new("RGB", (8, 8), (number * 10,) * 3).save(folder / f"{number}.png")
    return folder


def prepared(cache):
    return sorted(path for path in cache.iterdir() if path.is_dir())


def opened(folder, **fields):
    return data.open(Source(name=str(folder), **fields))


# ------------------------------------------------------------------ columns


def test_a_column_is_what_was_appended(tmp_path):
    rows = np.random.default_rng(0).integers(0, 256, (1234, 3, 2), np.uint8)
    with ColumnFile(tmp_path / "x.npy") as file:
        for row in rows:
            file.append(row)
    assert (np.load(tmp_path / "x.npy") == rows).all()
    assert isinstance(load_column(tmp_path / "x.npy"), np.memmap)


def test_an_array_of_objects_is_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"object|Object"):
        load_column(tmp_path / "x.npy")


# ------------------------------------------------------------------ the cache


def test_images_are_mapped_and_equal_to_what_was_decoded(cache, pictures):
    dataset = opened(pictures, side=4)
    assert isinstance(dataset.columns["image"], np.memmap)
    assert dataset.columns["image"][:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40]
    assert len(prepared(cache)) == 1
    assert len(loader(dataset, 2, 3, 0)) == 3
    assert dataset.batch(torch.tensor([1])).image.shape == (1, 3, 4, 4)


def test_the_second_time_nothing_is_decoded(cache, pictures, monkeypatch):
    first = opened(pictures)

    def never(source):
        raise AssertionError("looked at the pictures again")

    monkeypatch.setattr("sfumato.data.folder.stock", never)
    second = opened(pictures)
    assert second.fingerprint == first.fingerprint
    assert (second.schema, second.report) == (first.schema, first.report)


def test_other_settings_or_other_files_are_other_caches(cache, pictures):
    opened(pictures)
    for fields in ({"side": 4}, {"channels": 1}, {"crop": 2}, {"count": 2}):
        opened(pictures, **fields)
    assert len(prepared(cache)) == 5
    opened(pictures, flip=True)  # decided batch by batch
    opened(pictures, patch=2)
    assert len(prepared(cache)) == 5
    Image.new("RGB", (8, 8), (99,) * 3).save(pictures / "2.png")
    os.utime(pictures / "2.png", ns=(5, 5))
    assert opened(pictures).columns["image"][2, 0, 0, 0] == 99


def test_the_fingerprint_is_of_the_content_not_of_the_place(cache, pictures):
    before = opened(pictures).fingerprint
    assert opened(pictures.rename(pictures.with_name("moved"))).fingerprint == before


def test_the_report_is_written_for_people_and_machines(cache, pictures):
    (pictures / "bad.png").touch()
    opened(pictures)
    said = json.loads((prepared(cache)[0] / "report.json").read_text("utf-8"))
    assert (said["kept"], said["skipped"]) == (5, [["bad.png", "is empty"]])
    assert said["source"]["name"] == str(pictures)


@pytest.mark.parametrize("name", ["report.json", "image.npy"])
@pytest.mark.parametrize("damage", ["cut", "gone", "rubbish"])
def test_a_damaged_cache_is_made_again(cache, pictures, name, damage):
    good = opened(pictures).columns["image"].copy()
    path = prepared(cache)[0] / name
    content = path.read_bytes()
    path.unlink()
    if damage != "gone":
        path.write_bytes(content[:150] if damage == "cut" else b"rubbish")
    assert (opened(pictures).columns["image"] == good).all()


def test_a_full_disk_leaves_nothing_half_done(cache, pictures, monkeypatch):
    appended = ColumnFile.append

    def append(self, row):
        if self.count == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        appended(self, row)

    monkeypatch.setattr(columns.ColumnFile, "append", append)
    with pytest.raises(RunError, match=r"^the disk is full: .* was not written; free some space"):
        opened(pictures)
    assert prepared(cache) == []
    monkeypatch.undo()
    monkeypatch.setenv("SFUMATO_CACHE", str(cache))
    assert len(opened(pictures)) == 5


def test_a_cache_that_cannot_be_is_said_in_one_line(tmp_path, pictures, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SFUMATO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(RunError) as caught:
        opened(pictures)
    assert str(caught.value) == (
        f"the cache {tmp_path / 'file' / 'cache'} cannot be written (Not a directory); "
        "set $SFUMATO_CACHE to a folder that can."
    )


SLOW = """
import sys, time
from sfumato import data
from sfumato.data.folder import Files
cut = Files.cut
def slowly(self, row, how):
    time.sleep(0.3)
    return cut(self, row, how)
Files.cut = slowly
data.open(data.Source(name=sys.argv[1]))
"""


def test_a_killed_preparation_leaves_nothing_that_is_used(cache, pictures):
    process = subprocess.Popen([sys.executable, "-c", SLOW, str(pictures)])
    end = time.monotonic() + 60
    while not list(cache.glob(".*.tmp/image.npy")) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(list(cache.glob(".*.tmp"))) == 1
    assert [path for path in prepared(cache) if not path.name.startswith(".")] == []
    assert len(opened(pictures)) == 5
    assert list(cache.glob(".*.tmp")) == []  # swept up by the next


def test_two_at_once_agree(cache, pictures):
    found, ready = [], threading.Barrier(4)

    def work():
        ready.wait()
        found.append(opened(pictures, side=3).fingerprint)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(prepared(cache)) == 1


def anonymous():
    """Bytes of memory of this process that are no file's."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def burden(folder, answers):
    """Prepare and read a set of 300 MB, and say how much memory that took at most."""
    from sfumato.data.folder import Files

    pixels = np.random.default_rng(0).integers(0, 256, (256, 320, 320, 3), np.uint8)
    Files.cut = lambda self, row, cut: (pixels[row % 256],)
    before, most = anonymous(), 0
    dataset = data.open(Source(name=folder))
    most = max(most, anonymous())
    for batch in loader(dataset, 8, len(dataset) // 8, 0):
        assert batch.image.shape == (8, 3, 320, 320)
        most = max(most, anonymous())
    answers.put((dataset.columns["image"].nbytes, most - before))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_images(cache, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(1024):
        (folder / f"{number:04}.png").touch()
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    process = context.Process(target=burden, args=(str(folder), answers))
    process.start()
    size, taken = answers.get(timeout=120)
    process.join()
    assert size > 300e6
    assert taken < 200e6  # of which 79 MB are the pictures held for this test


def test_a_user_without_a_home_is_told_to_set_the_cache(monkeypatch):
    monkeypatch.setenv("SFUMATO_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(RunError, match=r"^there is no home folder .*: set \$SFUMATO_CACHE\.$"):
        cache_folder()


def test_what_somebody_holds_is_not_read_again(no_data):
    source = Source(name="digits", split="test")
    held = data.open(source)
    assert data.open(replace(source)) is held
    assert data.open(replace(source, flip=True)) is not held
    gone = weakref.ref(held)
    del held
    gc.collect()
    assert gone() is None
