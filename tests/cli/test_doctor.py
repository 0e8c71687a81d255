"""doctor tells what is here and the command for what is not."""

import sys

import pytest

from sfumato.cli import doctor


@pytest.fixture(autouse=True)
def brisk(monkeypatch):
    """Measure each speed once."""
    monkeypatch.setattr("sfumato.cli.doctor._least", lambda work: work() or 1e-3)


def test_it_tells_versions_devices_speed_data_and_zoo(shell):
    found = shell.answer("doctor")
    assert found["versions"]["torch"]
    assert found["devices"]["cores"] >= 1
    assert set(found["speed"]) >= {"float32", "bfloat16 channels-last"}
    assert found["data"]["digits"] == "embedded"
    assert "set $SFUMATO_DATA" in found["data"]["mnist"]
    assert "lenet5-mnist" in found["zoo"]


def test_data_that_is_here_is_shown_where_it_is(shell, monkeypatch):
    folder = shell.folder / "sets"
    (folder / "MNIST").mkdir(parents=True)
    monkeypatch.setenv("SFUMATO_DATA", str(folder))
    assert shell.answer("doctor")["data"]["mnist"] == str(folder / "MNIST")


def test_a_missing_extra_comes_with_the_command(shell, monkeypatch):
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if "onnx" in name else object())
    monkeypatch.setitem(sys.modules, "torchvision", object())
    (advice,) = shell.answer("doctor")["advice"]
    assert advice.endswith("pip install 'sfumato[export]'")


def test_a_broken_torchvision_is_said(shell, monkeypatch):
    (shell.folder / "torchvision.py").write_text("raise RuntimeError('operator nms missing')")
    monkeypatch.syspath_prepend(str(shell.folder))
    assert any(
        text.startswith("torchvision is installed but broken (RuntimeError)")
        and text.endswith("pip uninstall torchvision")
        for text in shell.answer("doctor")["advice"]
    )


def test_a_data_folder_that_is_none_is_said(shell, monkeypatch):
    monkeypatch.setenv("SFUMATO_DATA", "nowhere")
    assert shell.answer("doctor")["advice"] == [
        "SFUMATO_DATA is 'nowhere', which is not a folder; correct or unset it"
    ]


def test_a_cache_that_cannot_be_written_is_said(shell, monkeypatch):
    (shell.folder / "file").touch()
    cache = str(shell.folder / "file" / "cache")
    monkeypatch.setenv("SFUMATO_CACHE", cache)
    assert shell.answer("doctor")["advice"] == [
        f"the cache {cache} cannot be written; set SFUMATO_CACHE to a folder that can"
    ]
