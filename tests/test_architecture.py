"""The house holds together: who may import whom, how long things are, what is never done."""

import ast
import os
import re
import statistics
import subprocess
import sys
import tokenize
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "sfumato"
FLOORS = [
    "shapes errors schema randomness settings schedules",
    "nn losses metrics io",
    "data",
    "model recipe conditions loop",
    "models imaging",
    "registry runs module trainer planning training calls callbacks evaluation testing preset"
    " capabilities parts encoding sampling exploring stylizing atlas searching codes export"
    " blending translating compression classifying augmenting editing results reproducing"
    " completing",
    "cli studio",
]
DATA_ONLY = {"zoo"}
SPEAKS_BYTES = {
    SRC / "nn" / "inception.py",  # its published weights take (byte - 128) / 128
    SRC / "nn" / "perceptual.py",  # VGG's take byte - mean
}
UNSEEN = {"tensorboard", "onnxscript"}
"""Libraries that others import for us."""
TOLD = ("weights_only", "allow_pickle", "ckpt_path")
"""Keywords that say whether something is unpickled."""
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor.split()}
PYTHON = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py")
)
SOURCE = [path for path in PYTHON if path.is_relative_to(SRC)]


def each(paths):
    """One test per file, named after it."""
    return pytest.mark.parametrize("path", paths, ids=lambda p: str(p.relative_to(ROOT)))


@cache
def tree(path):
    return ast.parse(path.read_text("utf-8"))


@cache
def calls(path):
    """Every call in a file, with the dotted name of what is called."""
    found = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return [(ast.unparse(node.func), node) for node in found]


def imports(path):
    """Dotted names of the modules a file imports anywhere; `from a import b` gives a and a.b."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively; write sfumato.…"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(dotted):
    """The room of the house that a dotted module name enters, or None."""
    match dotted.split("."):
        case ["sfumato", name, *_] if name in LEVEL:
            return name
    return None


def functions(path):
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node, node.end_lineno - node.lineno + 1


def code_lines(path):
    """Numbers of the lines that are neither blank, nor in a docstring, nor in `RECIPES`."""
    text, module = path.read_text("utf-8"), tree(path)
    skipped = set()
    for node in ast.walk(module):
        spoken = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RECIPES"
        if spoken or named:
            skipped |= set(range(node.lineno, node.end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return {number for number, line in lines if line.strip()} - skipped


# ------------------------------------------------------------------ floors


def test_every_room_stands_on_a_floor():
    rooms = {path.stem for path in SRC.iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert rooms <= set(LEVEL) | DATA_ONLY, "give the new room a floor in FLOORS"


@each([path for path in SOURCE if path.parent != SRC or not path.stem.startswith("_")])
def test_imports_go_downwards_only(path):
    here = path.relative_to(SRC).parts[0].removesuffix(".py")
    above = {
        name for name in imports(path) if (there := room(name)) and LEVEL[there] > LEVEL[here]
    }
    assert not above, f"{here} stands below what it imports: {sorted(above)}"


@each(sorted((SRC / "models").glob("[!_]*.py")))
def test_models_never_import_models(path):
    assert not [name for name in imports(path) if name.startswith("sfumato.models")]


@each(SOURCE)
def test_nobody_imports_torchvision(path):
    assert "torchvision" not in {name.partition(".")[0] for name in imports(path)}


def test_torchvision_is_nowhere_among_the_dependencies():
    """Its wheel must match the torch build exactly; followed through what is installed here."""
    seen, queue = set(), [("sfumato", "")] + [("sfumato", extra) for extra in extras()]
    while queue:
        name, extra = queue.pop()
        for text in needed(name):
            wish = Requirement(text)
            if wish.marker is None or wish.marker.evaluate({"extra": extra}):
                found = {(wish.name, part) for part in ("", *wish.extras)}
                queue += found - seen
                seen |= found
    assert "torch" in {name for name, _ in seen}
    assert "torchvision" not in {name for name, _ in seen}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    """Whoever imports a library that another one brings breaks when that one drops it."""
    brought = packages_distributions()
    used = {name.partition(".")[0] for path in SOURCE for name in imports(path)}
    used -= {*sys.stdlib_module_names, "sfumato"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wishes = [*project["dependencies"], *project["optional-dependencies"]["export"]]
    declared = {canonicalize_name(Requirement(text).name) for text in wishes}
    for name in used:
        owners = {canonicalize_name(owner) for owner in brought.get(name, [])}
        assert owners & declared, f"{name} is imported and not declared"
    owned = {canonicalize_name(owner) for name in used for owner in brought.get(name, [])}
    assert declared - owned <= UNSEEN


def extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"])


def needed(name):
    try:
        return requires(name) or []
    except PackageNotFoundError:
        return []


# ------------------------------------------------------------------ caps


@each(PYTHON)
def test_a_file_has_at_most_400_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


@each(sorted((SRC / "models").glob("[!_]*.py")))
def test_a_model_file_has_at_most_300_lines_of_code(path):
    assert len(code_lines(path)) <= 300, "a brick is missing in nn/"


@each(PYTHON)
def test_a_function_has_at_most_60_lines(path):
    long = [f"{node.name}: {length}" for node, length in functions(path) if length > 60]
    assert not long


def test_functions_are_short():
    lengths = [length for path in SOURCE for _, length in functions(path)]
    assert statistics.median(lengths) <= 12


# ------------------------------------------------------------------ words


@each(PYTHON)
def test_names_say_what_things_do(path):
    vague = {"utils", "util", "helpers", "helper", "misc", "common"}
    assert not vague & {part.removesuffix(".py") for part in path.relative_to(ROOT).parts}
    classes = [node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)]
    assert not [name for name in classes if re.match(r"_?Base|.*Manager$", name)]


@each(PYTHON)
def test_nothing_is_left_for_later(path):
    later = re.compile(r"#.*\b(TODO|FIXME|XXX|HACK)\b")
    if not later.search(path.read_text("utf-8")):
        return
    with tokenize.open(path) as file:  # a text may hold such a word, a comment may not
        words = [token.string for token in tokenize.generate_tokens(file.readline)]
    assert not [word for word in words if later.match(word)]


def committed():
    """Every text file under version control, or all that look like text where git is absent."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = listed.stdout.decode().split("\0")[:-1] if listed.returncode == 0 else []
    paths = [ROOT / name for name in names] or [
        *PYTHON,
        *ROOT.glob("*.*"),
        *ROOT.glob("docs/**/*"),
    ]
    kinds = {".py", ".md", ".toml", ".yaml", ".yml", ".cff", ".json", ".html", ".txt", ""}
    return [path for path in paths if path.suffix in kinds and path.is_file()]


def test_no_text_names_a_path_of_one_machine():
    private = re.compile(r"(?<![\w.~:/])/(?:root|home|Users|work|workspace)/\w")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in committed()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if private.search(line) or str(ROOT) + os.sep in line
    ]
    assert not found


# ------------------------------------------------------------------ never done


@each(SOURCE)
def test_norm_layers_name_every_argument_after_the_first(path):
    """BatchNorm2d(128, 0.8) sets eps, not momentum."""
    layer = re.compile(r"(^|\.)[A-Z]\w*Norm(\dd)?$")
    assert not [node.lineno for name, node in calls(path) if layer.search(name) and node.args[1:]]


@each(SOURCE)
def test_nothing_is_unpickled_or_evaluated(path):
    banned = {
        "eval",
        "exec",
        "yaml.load",
        "yaml.unsafe_load",
        "yaml.full_load",
        "pickle.Unpickler",
    }
    pickles = re.compile(r"\b(pickle|cPickle|dill|cloudpickle|joblib|marshal|shelve)\.(load|open)")
    for name, call in calls(path):
        where = f"{path}:{call.lineno} calls {name}"
        words = {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg in TOLD}
        assert name not in banned, where
        assert not pickles.match(name), where
        assert not name.endswith("load_from_checkpoint"), where
        if name == "torch.load" or "ckpt_path" in words:
            assert words.get("weights_only") == "True", where
        if name in ("np.load", "numpy.load"):
            assert words.get("allow_pickle", "False") == "False", where


@each([path for path in SOURCE if path.parent != SRC / "io" and path not in SPEAKS_BYTES])
def test_only_io_knows_that_bytes_end_at_255(path):
    numbers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    assert not [node.lineno for node in numbers if node.value in (255, 127.5, 1 / 255)]


@each([path for path in SOURCE if path != SRC / "io" / "files.py"])
def test_one_place_says_what_a_tilde_stands_for(path):
    """A folder may be called ~pics: `io.files.at_home` looks before it asks who that is."""
    calls = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    assert "expanduser" not in calls


# ------------------------------------------------------------------ light on its feet


def measured(code):
    """Seconds of processor time of a fresh interpreter (least of three), and what it prints."""
    spent, printed = [], ""
    for _ in range(3):
        before = os.times()
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        after = os.times()
        assert done.returncode == 0, done.stderr
        spent.append(sum(after[2:4]) - sum(before[2:4]))
        printed = done.stdout
    return min(spent), printed


def test_import_is_free():
    bare, _ = measured("")
    spent, printed = measured("import sfumato, sys; print('torch' in sys.modules)")
    assert printed.strip() == "False"
    assert spent - bare < 0.2


@pytest.mark.parametrize("words", [["list"], ["--help"]], ids=" ".join)
def test_the_command_line_answers_without_torch(words):
    code = f"""
import sys
from sfumato.cli import main
try:
    code = main({words!r})
except SystemExit as end:
    code = end.code
assert not code, code
assert "torch" not in sys.modules
"""
    spent, printed = measured(code)
    assert "dcgan" in printed or "train" in printed
    assert spent < 1  # half of what importing torch takes, on a busy machine
