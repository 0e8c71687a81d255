"""The pages say what is true: links lead somewhere, commands parse, sessions and examples run."""

import ast
import re
import runpy
import shlex
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import yaml

import sfumato
from sfumato import cli
from sfumato.testing import check_model

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


def blocks(path, *languages):
    """The fenced blocks of a page in one of these languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", path.read_text("utf-8"), re.M | re.S)
    return [text for language, text in found if language in languages]


def commands(path, program):
    """The argument lists of every shell line of a page that begins with `program`."""
    for text in blocks(path, "bash", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words[:1] == [program]:
                yield words[1:]


def anchors(path):
    """The fragments that a page's headings answer to."""
    headings = re.findall(r"^#+ +(.+)$", path.read_text("utf-8"), re.M)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


# ------------------------------------------------------------------ pages


@pytest.mark.parametrize("name", sfumato.available())
def test_every_model_has_a_page_that_names_its_recipes(name):
    page = (ROOT / "docs" / "models" / f"{name}.md").read_text("utf-8")
    recipes = import_module(f"sfumato.models.{name}").RECIPES
    assert not [recipe for recipe in recipes if f"`{recipe}`" not in page]


@pytest.mark.parametrize("name", sfumato.available())
def test_every_model_is_listed_where_people_look(name):
    link = f"models/{name}.md"
    assert f"(docs/{link})" in (ROOT / "README.md").read_text("utf-8")
    assert f"({link})" in (ROOT / "docs" / "index.md").read_text("utf-8")


def test_the_index_leads_to_every_page():
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert not [page for page in pages if f"({page})" not in text]


@each(PAGES)
def test_relative_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"", path.read_text("utf-8"))
    for link in (one or other for one, other in links):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, fragment = link.partition("#")
        target = path.parent / name if name else path
        assert target.exists(), f"{link} leads nowhere"
        assert not fragment or fragment in anchors(target), f"{link} names no heading"


def test_what_is_said_twice_agrees():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert project["version"] == citation["version"] == sfumato.__version__
    assert project["license"] == citation["license"]
    (torch,) = [wish for wish in project["dependencies"] if wish.startswith("torch>")]
    assert f'"{torch}"' in (ROOT / "Dockerfile").read_text()
    newest = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)[0]
    assert newest in ("Unreleased", sfumato.__version__)


# ------------------------------------------------------------------ commands


@each(PAGES)
def test_make_targets_exist(path):
    makefile = (ROOT / "Makefile").read_text()
    for words in commands(path, "make"):
        for target in (word for word in words if "=" not in word):
            assert re.search(rf"^{target}:", makefile, re.M), f"make {target}"


line = cache(cli._parser)


@each(PAGES)
def test_commands_parse(path, monkeypatch):
    """Every option of every `sfumato` line exists, and takes what the line gives it."""
    monkeypatch.setenv("SFUMATO_MODELS", str(ROOT / "examples" / "models"))
    for words in commands(path, "sfumato"):
        parser, verbs = line()
        if complete := verbs.choices[words[0]].get_default("complete"):
            parser, verbs = cli._parser()  # one of its own, as the words add options to it
            complete(verbs.choices[words[0]], words[1:])
        _, extras = parser.parse_known_args(words)
        assert not extras, " ".join(words)


# ------------------------------------------------------------------ Python


@each(PAGES)
def test_python_sessions_name_what_exists(path):
    for text in blocks(path, "python"):
        module = ast.parse(text)
        for node in ast.walk(module):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("sfumato"):
                source = import_module(node.module)
                assert not [name.name for name in node.names if not hasattr(source, name.name)]
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "sfumato":
                assert hasattr(sfumato, node.attr), f"sfumato.{node.attr}"


def test_the_readme_has_a_session_of_six_lines_that_runs(tmp_path, monkeypatch):
    (session,) = blocks(ROOT / "README.md", "python")
    lines = [line for line in session.splitlines() if line.strip()]
    assert len(lines) <= 6
    monkeypatch.chdir(tmp_path)
    exec(compile(session, "README.md", "exec"), {})
    assert [path for path in tmp_path.rglob("*.png") if "samples" not in path.parts]


# ------------------------------------------------------------------ examples


@each(sorted((ROOT / "examples").rglob("*.py")))
def test_an_example_fits_on_a_screen(path):
    assert len(path.read_text("utf-8").splitlines()) <= 40
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


@each(sorted((ROOT / "examples" / "models").glob("*.py")))
def test_an_example_of_a_model_keeps_the_contract(path, monkeypatch):
    monkeypatch.setenv("SFUMATO_MODELS", str(path.parent))
    check_model(path.stem)


@each(EXAMPLES)
def test_an_example_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SFUMATO_MODELS", "")  # restored afterwards, whatever the example sets
    monkeypatch.setattr("sys.argv", [str(path), str(tmp_path / "run")])
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.strip()
    assert (tmp_path / "run" / "run.yaml").exists()


def test_examples_are_named_in_the_pages():
    text = "".join(path.read_text("utf-8") for path in PAGES)
    assert not [path for path in EXAMPLES if f"examples/{path.name}" not in text]
