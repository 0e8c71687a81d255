"""What all tests share: a cache of their own, and real data where it is at hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # as many processes as cores already

REAL = (os.environ.get("SFUMATO_DATA", ""), Path(__file__).parents[2] / "shared" / "data")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """Prepared data of the tests, away from the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SFUMATO_MODELS", raising=False)
        patch.setenv("SFUMATO_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def same_numbers():
    """Every test draws the same numbers, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def real_data(monkeypatch):
    """The folder of real data sets, set as `$SFUMATO_DATA`; without it the test is skipped."""
    found = next((Path(place) for place in REAL if place and Path(place).is_dir()), None)
    if found is None:
        pytest.skip("no real data here: set SFUMATO_DATA")
    monkeypatch.setenv("SFUMATO_DATA", str(found))
    return found


@pytest.fixture
def no_data(monkeypatch):
    """A machine whose user keeps no data sets."""
    monkeypatch.delenv("SFUMATO_DATA", raising=False)


@pytest.fixture
def plugins(monkeypatch):
    """Models of the tests beside those of the house: `stencil` takes a label and attributes."""
    monkeypatch.setenv("SFUMATO_MODELS", str(Path(__file__).parent / "plugins"))


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Model to its run folder, each trained once by the verb itself."""
    from sfumato.cli import main

    folder = tmp_path_factory.mktemp("runs")
    for name in ("dcgan", "vae", "lenet5"):
        assert main(["train", name, "--recipe", "smoke", "--out", str(folder / name)]) == 0
    return {path.name: str(path) for path in folder.iterdir()}


@pytest.fixture
def vae_run(runs, tmp_path):
    """A copy of the smoke run of vae, to do anything with."""
    from sfumato.runs import Run

    return Run(Path(shutil.copytree(runs["vae"], tmp_path / "vae")))


@pytest.fixture(scope="session")
def of_two(tmp_path_factory):
    """`sfumato train vae` on two processes: what it said, and the folder it was called in."""
    folder = tmp_path_factory.mktemp("of-two")
    (folder / "runs" / "vae-digits").mkdir(parents=True)  # taken: both must agree on the next
    words = "train vae --recipe smoke --steps 6 --devices 2 --device cpu --json"
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", *words.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return done, folder


@pytest.fixture(scope="session")
def stencil(tmp_path_factory):
    """The run folder of a model that takes a label and attributes; loading it needs `plugins`."""
    from sfumato.training import train

    out = tmp_path_factory.mktemp("plugins") / "stencil"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFUMATO_MODELS", str(Path(__file__).parent / "plugins"))
        train("stencil", recipe="smoke", out=out, progress=False, device="cpu")
    return str(out)
