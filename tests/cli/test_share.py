"""export and copy hand on what works elsewhere."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import sfumato
from sfumato import data as sources
from sfumato import export, registry
from sfumato.errors import ConfigError, MissingExtra
from sfumato.model import Autoencoder, Classifier, Sampler
from sfumato.planning import build, plan
from sfumato.runs import PARTS, load


def test_a_zip_holds_the_four_parts_and_loads(shell, runs):
    found = shell.answer("export", runs["dcgan"])
    assert (found["to"], found["files"]) == ("bundle", ["dcgan-bundle.zip"])
    with zipfile.ZipFile("dcgan-bundle.zip") as file:
        assert sorted(file.namelist()) == sorted(PARTS)
        card = file.read("card.md").decode()
    assert "dcgan on digits" in card
    assert "![" not in card, "pictures stay with the run"
    assert torch.equal(
        load("dcgan-bundle.zip").sample(2, seed=0), load(runs["dcgan"]).sample(2, seed=0)
    )


def test_two_zips_of_one_run_are_equal(shell, runs):
    files = [shell.answer("export", runs["vae"])["files"][0] for _ in range(2)]
    assert files == ["vae-bundle.zip", "vae-bundle-2.zip"]
    assert Path(files[0]).read_bytes() == Path(files[1]).read_bytes()


def test_a_bundle_without_a_card_is_handed_on_too(shell, runs):
    shell.answer("export", runs["vae"], "-o", "folder")
    Path("folder/card.md").unlink()
    shell.answer("export", "folder", "-o", "again.zip")
    assert load("again.zip").schema == load(runs["vae"]).schema


def test_a_folder_loads_too(shell, runs):
    shell.answer("export", runs["vae"], "-o", "folder")
    assert {path.name for path in Path("folder").iterdir()} == set(PARTS)
    assert load("folder").schema == load(runs["vae"]).schema


@pytest.mark.parametrize(("name", "given"), [("dcgan", "latents"), ("lenet5", "images")])
def test_a_graph_answers_like_pytorch_for_any_batch(shell, runs, name, given):
    onnxruntime = pytest.importorskip("onnxruntime")
    found = shell.answer("export", runs[name], "-o", "m.onnx")
    assert found["to"] == "onnx"
    assert found["difference"] < 1e-4
    session = onnxruntime.InferenceSession("m.onnx")
    assert [part.name for part in session.get_inputs()] == [given]
    model = load(runs[name])
    rng = torch.Generator().manual_seed(1)
    rows = (
        model.prior(7, rng) if given == "latents" else torch.rand(7, *model.schema.shape) * 2 - 1
    )
    with torch.no_grad():
        want = (model.generate if given == "latents" else model.logits)(rows)
    (answer,) = session.run(None, {given: rows.numpy()})
    np.testing.assert_allclose(answer, want.numpy(), atol=1e-4)
    facts = session.get_modelmeta().custom_metadata_map
    assert facts["sfumato.model"] == name
    assert tuple(json.loads(facts["sfumato.schema"])["shape"]) == model.schema.shape


def test_the_conditions_of_a_sampler_go_into_its_graph(shell, stencil, plugins):
    onnxruntime = pytest.importorskip("onnxruntime")
    found = shell.answer("export", stencil, "-o", "m.onnx")
    assert found["difference"] < 1e-4
    assert (found["from"], found["makes"]) == ("latents and label and attributes", "images")
    session = onnxruntime.InferenceSession("m.onnx")
    assert [part.name for part in session.get_inputs()] == ["latents", "label", "attributes"]
    model, rng = load(stencil), torch.Generator().manual_seed(1)
    words = {"label": ["A", "7"], "attributes": {"style": "serif"}}
    given = {"latents": model.prior(5, rng), **model.condition(5, rng, **words)}
    with torch.no_grad():
        want = model.generate(**given)
    (answer,) = session.run(None, {name: rows.numpy() for name, rows in given.items()})
    np.testing.assert_allclose(answer, want.numpy(), atol=1e-4)


@pytest.mark.parametrize("name", registry.available())
def test_whatever_draws_names_or_codes_becomes_a_graph(name, tmp_path):
    pytest.importorskip("onnxruntime")
    recipe = plan(name, recipe="smoke")
    model = build(name, recipe, sources.open(recipe.data)).eval()
    path = tmp_path / "model.onnx"
    if isinstance(model, Sampler | Classifier | Autoencoder):
        assert export.to_onnx(model, path) <= export.TOLERANCE
    else:
        with pytest.raises(ConfigError, match="use --to bundle"):
            export.to_onnx(model, path)


def test_a_graph_that_answers_otherwise_is_not_kept(shell, runs, monkeypatch):
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(export, "_difference", lambda *args: 0.25)
    said = shell.refusal("export", runs["vae"], "-o", "m.onnx")
    assert said == (
        "m.onnx was not kept: its answers differ from PyTorch's by up to 0.25, and at most 0.0001 "
        "is allowed."
    )


def test_a_missing_extra_names_the_command_that_installs_it(shell, runs, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra):
        export.to_onnx(load(runs["vae"]), Path("m.onnx"))
    said = shell.refusal("export", runs["vae"], "-o", "m.onnx")
    assert said.endswith("install with: pip install 'sfumato[export]'")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--to", "onnx", "-o", "m.zip"], "-o m.zip must end in .onnx for --to onnx."),
        (
            ["-o", "m.tar"],
            "-o m.tar must end in .zip, or in .onnx for a graph, or have no ending for a folder.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_ending_that_fits_nothing_is_refused(shell, runs, words, said):
    assert shell.refusal("export", runs["vae"], *words) == said


def test_a_folder_with_something_in_it_is_left_alone(shell, runs):
    Path("mine").mkdir()
    Path("mine/photo.txt").write_text("precious")
    said = shell.refusal("export", runs["vae"], "-o", "mine")
    assert said == "-o mine is a folder with something in it; name a new one."


def test_home_is_where_a_bundle_goes_that_is_sent_there(shell, runs, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    shell.answer("export", runs["vae"], "-o", "~/mine.zip")
    assert (tmp_path / "mine.zip").is_file()
    assert not (shell.folder / "~").exists()


def test_a_copy_is_a_model_of_its_own(shell, monkeypatch):
    found = shell.answer("copy", "vae", "own")
    assert (found["name"], found["files"]) == ("my_vae", ["own/my_vae.py"])
    monkeypatch.setenv("SFUMATO_MODELS", found["folder"])
    assert "my_vae" in sfumato.available()
    trained = shell.answer("train", "my_vae", "--recipe", "smoke", "--out", "run")
    assert trained["model"] == "my_vae"
    assert shell.answer("sample", "run", "-n", "2")["model"] == "my_vae"
    _, out, _ = shell.run("export", "run", "-o", "run.zip")
    assert f"its model is your own: whoever uses it needs {found['folder']}/my_vae.py" in out
    monkeypatch.delenv("SFUMATO_MODELS")
    assert shell.refusal("sample", "run.zip") == (
        "that is a my_vae, a model whose file is not here: put my_vae.py into a folder that "
        "SFUMATO_MODELS names."
    )


def test_a_copy_says_how_it_becomes_known(shell):
    _, out, _ = shell.run("copy", "dcgan", "own")
    assert f"export SFUMATO_MODELS={shell.folder / 'own'}" in out
    assert shell.answer("copy", "dcgan", "own")["name"] == "my_dcgan_2"
    _, out, _ = shell.run("copy", "dcgan", "my own")
    assert f"export SFUMATO_MODELS='{shell.folder / 'my own'}'" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vea", "own"], "no model named 'vea'; did you mean 'vae'?"),
        (["vae", "own", "--name", "dcgan"], "there is a model 'dcgan' already;"),
        (["vae", "own", "--name", "my-vae"], "--name 'my-vae' must be letters, digits and _,"),
        (["vae", "own", "--name", "class"], "--name 'class' must be letters, digits and _,"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_copy_that_cannot_be_is_refused(shell, words, said):
    assert shell.refusal("copy", *words).startswith(said)
