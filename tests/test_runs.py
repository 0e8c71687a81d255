"""Bundles: a round trip from folder and zip, nothing unpickled, every damage named in one line."""

import json
import pickle
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sfumato import registry, runs
from sfumato.errors import BundleError, ConfigError, DeviceError, RunError, SfumatoError
from sfumato.models.vae import VAE, Config
from sfumato.schema import Attribute, Schema

SLANT = Attribute(name="slant", low=-1.0, high=1.0)
BOLD = Attribute(name="bold", low=0.0, high=1.0, values=("no", "yes"))
SCHEMA = Schema(shape=(1, 8, 8), classes=("a", "b"), attributes=(SLANT, BOLD))


@pytest.fixture
def bundle(tmp_path):
    runs.save_bundle(
        VAE(Config(latent=4, width=16, hidden=16), SCHEMA), tmp_path / "bundle", card="# mine\n"
    )
    return tmp_path / "bundle"


def zipped(folder, prefix=""):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as file:
        for part in folder.rglob("*"):
            file.write(part, prefix + str(part.relative_to(folder)))
    return path


@pytest.mark.parametrize("prefix", ["", "mine/"])
def test_a_bundle_comes_back_the_same_from_folder_and_zip(bundle, prefix):
    for place in (bundle, str(bundle), zipped(bundle, prefix)):
        model = runs.load(place)
        assert (model.config, model.schema) == (Config(latent=4, width=16, hidden=16), SCHEMA)
        weights = load_file(bundle / "model.safetensors")
        assert all(torch.equal(model.state_dict()[k], weights[k]) for k in weights)
        assert not model.training
    assert (bundle / "card.md").read_text() == "# mine\n"


def test_a_bundle_written_before_attributes_had_values_still_loads(bundle):
    kinds = json.loads((bundle / "schema.json").read_text())["attributes"]
    assert [kind.pop("values") for kind in kinds] == [[], ["no", "yes"]]
    edit(bundle / "schema.json", attributes=kinds)
    assert runs.load(bundle).schema.attributes == (
        SLANT,
        Attribute(name="bold", low=0.0, high=1.0),
    )


def edit(path, **changes):
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, **changes}))


def refused(place, words, error=BundleError):
    with pytest.raises(SfumatoError) as caught:
        runs.load(place)
    assert isinstance(caught.value, error)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize("name", ["model.pt", "weights.bin", "X.PKL", "in/x.pkl"])
def test_a_bundle_that_brings_a_pickle_is_refused_unread(bundle, name, monkeypatch):
    monkeypatch.chdir(bundle.parent)
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_bytes(pickle.dumps(Evil()))
    refused(bundle, f"holds {name}, which can run code when it is read")
    refused(zipped(bundle), f"holds {name}, which can run code when it is read")
    assert not Path("executed").exists()


def test_a_config_cannot_order_more_memory_than_the_file_brings(bundle):
    edit(
        bundle / "config.json",
        config={"latent": 4, "width": 10**12, "hidden": 16, "beta": 1.0, "lr": 1e-3},
    )
    refused(
        bundle, "does not fit config.json: decoder.2.bias should be (1000000000000,), not (16,)"
    )


def test_damage_is_named(bundle):
    weights = bundle / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    refused(bundle, "model.safetensors is damaged")
    weights.write_bytes(b"nonsense")
    refused(bundle, "model.safetensors is damaged")
    weights.unlink()
    refused(bundle, "is no bundle: model.safetensors is missing.")
    save_file({"other": torch.zeros(3)}, weights)
    refused(bundle, "does not fit config.json: decoder.0.bias should be (16,), not absent.")
    weights.write_bytes(whole)
    (bundle / "config.json").write_text("{")
    refused(bundle, "config.json is not JSON")
    (bundle / "config.json").unlink()
    refused(bundle, "is no bundle: config.json is missing.")


def test_settings_of_a_bundle_are_checked_like_a_users(bundle):
    edit(bundle / "config.json", config={"latent": -4, "width": 16, "beta": 1.0, "lr": 1e-3})
    refused(bundle, "--model.latent must be greater than or equal to 1, not -4.", ConfigError)
    edit(bundle / "config.json", config={"latent": 4}, model="vaee")
    refused(bundle, "that is a vaee, a model whose file is not here: put vaee.py into a folder")


def test_a_bundle_from_a_newer_version_is_refused(bundle):
    edit(bundle / "config.json", format=2)
    refused(bundle, "was made by a newer Sfumato (format 2, this one reads up to 1)")


def test_only_a_model_of_that_name_hides_what_the_zoo_has(tmp_path, bundle, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("gan-mnist").mkdir()
    assert runs.load("gan-mnist").schema.shape == (1, 28, 28)
    refused("./gan-mnist", "is no bundle: config.json is missing")
    bundle.rename("dcgan-mnist")
    assert isinstance(runs.load("dcgan-mnist"), VAE)


def test_what_is_loaded_convolves_channels_innermost_and_answers_as_before():
    model = runs.load("lenet5-mnist")
    weights = [weight for weight in model.parameters() if weight.ndim == 4]
    assert weights[1].is_contiguous(memory_format=torch.channels_last)
    assert not weights[1].is_contiguous()
    images = torch.rand(4, 1, 28, 28) * 2 - 1
    found = model.logits(images)
    again = model.to(memory_format=torch.contiguous_format).logits(images)
    torch.testing.assert_close(found, again)


def test_places_that_hold_no_model(tmp_path, bundle):
    refused(tmp_path / "nowhere", "is no run folder, no bundle and no name in the zoo", RunError)
    refused(tmp_path, "is no bundle: config.json is missing")
    (tmp_path / "a.txt").write_text("hello")
    refused(tmp_path / "a.txt", "is no bundle: give a run folder, a bundle folder or a .zip.")
    refused("", "the place is empty: name a run folder, a bundle or one of the zoo.")


def test_a_zip_that_unpacks_too_large_is_refused(bundle, monkeypatch):
    monkeypatch.setattr(runs, "LIMIT", 1000)
    refused(zipped(bundle), "unpacks to more than")


def test_a_zip_writes_nowhere_but_into_its_own_folder(bundle, tmp_path):
    path = zipped(bundle, "../../escaped/")
    assert runs.load(path).config.latent == 4
    assert not (tmp_path.parent / "escaped").exists()


def test_everything_on_the_shelf_loads():
    assert {"lenet5-mnist", "lenet5-fashion"} <= set(registry.shipped())
    for name in registry.shipped():
        assert runs.load(name).schema.shape


def test_a_hub_repository_is_asked_for_four_files(monkeypatch, bundle):
    asked = {}

    def fetch(repository, allow_patterns):
        asked[repository] = allow_patterns
        return str(bundle)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert runs.load("someone/vae").config.latent == 4
    assert asked == {"someone/vae": list(runs.PARTS)}


def test_without_a_network_the_hub_is_named(monkeypatch):
    def fetch(*args, **kwargs):
        raise OSError("no route to host\nand much more")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    refused("someone/vae", "someone/vae is no file here and could not be fetched from the hub")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "mps", "tpu"])
def test_a_missing_device_is_said(bundle, device, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(DeviceError, match=f"--device {device} is not here; this machine has cpu"):
        runs.load(bundle, device=device)


def test_the_best_device_is_found(bundle, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert runs.load(bundle, device="auto").device.type == "cpu"


def test_a_slip_in_a_path_stays_here_and_gets_the_nearest_name(bundle, tmp_path, monkeypatch):
    def fetch(*args, **kwargs):
        raise AssertionError("the name of a folder of the user's was sent away")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    monkeypatch.chdir(tmp_path.parent)
    folder = tmp_path.name
    refused(f"{folder}/bundel", f"did you mean '{folder}/bundle'?", RunError)
    refused(f"{folder}/xyz", "no name in the zoo; the zoo has ", RunError)
    refused("lenet5-mnits", "did you mean 'lenet5-mnist'?", RunError)
    refused("~nobody-of-that-name/run", "no such home folder is known", RunError)


@pytest.mark.parametrize("place", ["config.json", "schema.json"])
def test_a_zip_with_a_flipped_byte_is_refused(bundle, place):
    path = zipped(bundle)
    data = bytearray(path.read_bytes())
    data[data.index(place.encode()) + len(place) + 4] ^= 1
    path.write_bytes(data)
    refused(path, "cannot be unpacked: Bad CRC-32")


def test_a_zip_under_a_password_is_refused(bundle):
    path = zipped(bundle)
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(mark, data):
            data[found.start() + flags] |= 1
    path.write_bytes(data)
    refused(path, "is encrypted, password required for extraction")


def test_a_bundle_of_another_kind_is_refused(bundle):
    edit(bundle / "config.json", format="x")
    refused(bundle, "config.json is not one of ours: its format is no number.")


@pytest.mark.parametrize("text", ["format: 1\n", "{format: 1, model: vae, recipe: 3}\n"])
def test_a_run_card_that_lacks_something_is_refused(tmp_path, text):
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(RunError, match=r"run\.yaml is damaged: .* is missing or misplaced\.$"):
        runs.Run(tmp_path).recipe()


def test_a_commit_is_ours_or_none(tmp_path, monkeypatch):
    def git(*words):
        return subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    monkeypatch.setattr(runs, "__file__", str(tmp_path / "runs.py"))
    (tmp_path / "runs.py").write_text("")
    (tmp_path / "notes.txt").write_text("somebody else's")
    git("init", "-q")
    git("add", "notes.txt")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "theirs")
    assert runs.commit() is None, "it lies below somebody else's repository"
    git("add", "runs.py")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "ours")
    assert runs.commit() == git("rev-parse", "--short", "HEAD").stdout.decode().strip()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert runs.commit() is None, "there is no git"


def test_a_bundle_cannot_lie_where_a_file_does(bundle, tmp_path):
    (tmp_path / "taken.png").write_bytes(b"x")
    with pytest.raises(RunError, match=r"taken\.png"):
        runs.save_bundle(runs.load(bundle), tmp_path / "taken.png")


def test_a_config_that_describes_nothing_is_named(bundle):
    edit(bundle / "config.json", config=[])
    refused(bundle, "config.json is damaged: its config names no settings.")
    weights = {"latent": 10**12, "width": 10**12, "hidden": 10**12}
    edit(bundle / "config.json", config=weights)
    refused(bundle, "describes no network: ")
