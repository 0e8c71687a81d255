"""The directory is the registry, and the plug-ins of others join it."""

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import sfumato
from sfumato import cli, registry
from sfumato.errors import ConfigError, ModelFileError, UnknownName

OWN = Path(registry.__file__).parent / "models"
PLUGIN = '''\
"""Blank: every image is grey, which nobody asked for.

A model for the tests of the registry.
"""

from dataclasses import dataclass

from sfumato.model import Model


@dataclass(frozen=True, kw_only=True)
class Config:
    """Nothing to choose."""


class Blank(Model):
    """Learns nothing."""

    def training_step(self, batch, index): ...

    def configure_optimizers(self): ...


RECIPES = {}
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder on $SFUMATO_MODELS that holds one good model, `blank`."""
    (tmp_path / "blank.py").write_text(PLUGIN)
    monkeypatch.setenv("SFUMATO_MODELS", str(tmp_path))
    monkeypatch.delitem(sys.modules, "sfumato_models.blank", raising=False)
    return tmp_path


def install(site, name, value, files):
    """Lay out what pip would install: a package and its entry point in the group of models."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sfumato.models]\nany = {value}\n")
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)


def run(code, **environment):
    """What `code` prints in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_names_are_the_file_names_sorted():
    names = [path.stem for path in OWN.glob("*.py") if path.stem != "__init__"]
    assert registry.available() == sorted(names)


@pytest.mark.parametrize("name", registry.available())
def test_summary_is_one_sentence_read_from_the_file(name):
    assert (OWN / f"{name}.py").read_text().startswith(f'"""{registry.summary(name)}\n')
    assert 20 <= len(registry.summary(name)) <= 100
    assert registry.summary(name).endswith(".")


@pytest.mark.parametrize("name", registry.available())
def test_a_model_is_named_after_its_file_and_defined_there(name):
    assert registry.model_class(name).__module__ == f"sfumato.models.{name}"
    assert registry.path(name) == OWN / f"{name}.py"
    assert "smoke" in registry.module(name).RECIPES


def test_listing_imports_no_model_and_no_torch(folder):
    code = (
        "import sys, sfumato; [sfumato.summary(n) for n in sfumato.available()];"
        "print(sorted(n for n in sys.modules if n == 'torch' or 'sfumato_models.' in n"
        " or n.startswith('sfumato.models.')))"
    )
    assert run(code) == "[]"


def test_an_unknown_name_is_answered_with_the_nearest(folder):
    with pytest.raises(UnknownName, match=r"^no model named 'blanc'; did you mean 'blank'\?$"):
        sfumato.summary("blanc")
    with pytest.raises(UnknownName, match=r"^no model named '\?{4}'; choose from .*blank"):
        registry.model_class("????")


def test_a_file_in_a_folder_of_yours_is_a_model(folder):
    assert "blank" in registry.available()
    assert registry.summary("blank") == "Blank: every image is grey, which nobody asked for."
    assert registry.path("blank") == folder / "blank.py"
    assert registry.model_class("blank").__name__ == "Blank"


def test_a_plug_in_is_imported_once(folder, monkeypatch):
    assert registry.module("blank") is registry.module("blank")
    monkeypatch.chdir(folder.parent)
    monkeypatch.setenv("SFUMATO_MODELS", folder.name)
    assert registry.model_class("blank") is registry.model_class("blank")


def test_several_folders_are_separated_as_in_path_and_empty_parts_are_skipped(folder, monkeypatch):
    other = folder / "more"
    other.mkdir()
    (other / "white.py").write_text(PLUGIN)
    monkeypatch.setenv("SFUMATO_MODELS", os.pathsep.join([str(folder), "", str(other)]))
    assert {"blank", "white"} <= set(registry.available())


def test_private_files_and_folders_are_no_models(folder):
    for name in ("_draft.py", "__init__.py", "notes.txt", "blank.old.py"):
        (folder / name).write_text("")
    (folder / "inner.py").mkdir()
    added = set(registry.available()) - {path.stem for path in OWN.glob("*.py")}
    assert added == {"blank"}


def test_a_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("SFUMATO_MODELS", str(tmp_path / "nowhere"))
    with pytest.raises(
        ConfigError, match=r"SFUMATO_MODELS lists '.*nowhere', which is not a folder"
    ):
        registry.available()


def test_two_files_of_one_name_are_refused_and_both_are_named(folder, monkeypatch):
    other = folder / "more"
    other.mkdir()
    (other / "blank.py").write_text(PLUGIN)
    monkeypatch.setenv("SFUMATO_MODELS", os.pathsep.join(map(str, [folder, other])))
    with pytest.raises(ModelFileError) as caught:
        registry.available()
    assert str(folder / "blank.py") in str(caught.value)
    assert str(other / "blank.py") in str(caught.value)
    assert str(caught.value).startswith("two files define model 'blank': ")


def test_one_folder_listed_twice_is_no_clash(folder, monkeypatch):
    monkeypatch.setenv("SFUMATO_MODELS", os.pathsep.join([str(folder), f"{folder}/."]))
    assert registry.summary("blank")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("RECIPES = {}", "", "does not define RECIPES; see docs/adding-a-model.md"),
        ("class Config", "class Setup", "does not define Config; see"),
        ("import dataclass", "import nothing", "does not import: ImportError: cannot import name"),
        ("RECIPES = {}", "raise SystemExit(3)", "does not import: SystemExit: 3"),
        ("class Blank(Model)", "class Blank", "must define exactly one model; it defines none"),
        ("RECIPES", "class Second(Blank): ...\nRECIPES", "it defines Blank, Second"),
        ("from sfumato", "import (", "does not import: SyntaxError"),
    ],
)
def test_a_file_that_breaks_the_layout_says_how(folder, old, new, words):
    (folder / "blank.py").write_text(PLUGIN.replace(old, new))
    with pytest.raises(ModelFileError) as caught:
        registry.model_class("blank")
    assert str(caught.value).startswith(str(folder / "blank.py"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "sfumato_models.blank" not in sys.modules or "import:" not in words


def test_a_summary_needs_a_docstring_in_a_python_file(folder):
    (folder / "blank.py").write_text("x = 1\n")
    with pytest.raises(ModelFileError, match=r"blank\.py has no docstring"):
        registry.summary("blank")
    (folder / "blank.py").write_text("def (:\n")
    with pytest.raises(ModelFileError, match=r"blank\.py is not Python: SyntaxError"):
        registry.summary("blank")


def test_an_entry_point_adds_the_model_of_another_package(tmp_path, monkeypatch):
    files = {
        "theirs/__init__.py": "raise AssertionError('a listing must not import the package')",
        "theirs/blank.py": PLUGIN,
    }
    install(tmp_path, "theirs", "theirs.blank", files)
    monkeypatch.syspath_prepend(tmp_path)
    assert "blank" in registry.available()
    assert registry.summary("blank").startswith("Blank: ")
    (tmp_path / "theirs/__init__.py").write_text("")
    assert registry.model_class("blank").__module__ == "theirs.blank"


def test_an_entry_point_to_nothing_is_named(tmp_path, monkeypatch):
    install(tmp_path, "gone", "gone.model", {"gone/__init__.py": ""})
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelFileError, match=r"names 'gone\.model', and no such module"):
        registry.available()


def test_a_bug_in_a_model_of_ours_keeps_its_traceback(monkeypatch):
    def broken(_place):
        raise ZeroDivisionError

    monkeypatch.setattr(
        registry, "_places", lambda: {"x": registry._Place(OWN, "sfumato.models.x")}
    )
    monkeypatch.setattr(registry, "_load", broken)
    with pytest.raises(ZeroDivisionError):
        registry.module("x")


def test_public_names_are_lazy_and_complete():
    assert set(sfumato._HOME) | {"__version__"} == set(sfumato.__all__)
    assert set(sfumato.__all__) <= set(dir(sfumato))
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        sfumato.tarin  # noqa: B018


def test_every_verb_is_a_function_of_its_name():
    """But those that only talk or copy; `list` is `available`, and `export` a module."""
    only_there = {"copy", "data", "demo", "doctor", "export", "list", "show"}
    assert set(cli._parser()[1].choices) - only_there <= set(sfumato.__all__)
    assert inspect.ismodule(importlib.import_module("sfumato.export"))


@pytest.mark.parametrize("name", sorted(set(sfumato.__all__) - {"__version__"}))
def test_every_public_name_exists_and_is_documented(name):
    assert getattr(sfumato, name).__doc__


def test_version_is_that_of_the_package():
    from importlib.metadata import version

    assert sfumato.__version__ == version("sfumato")
