"""What all verbs share: help, one line for a mistake, exit codes, one object with --json."""

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import sfumato
from sfumato.cli import GROUPS, _parser, main, parser
from sfumato.errors import ConfigError, SfumatoError

FULL = Path("/dev/full")
VERBS = sorted(_parser()[1].choices)


def swap(monkeypatch, action):
    """Let `sfumato list` do `action` instead."""
    monkeypatch.setattr("sfumato.cli.look.list_models", action)


def test_help_names_every_verb_and_nothing_else(shell):
    code, out, err = shell.run("--help")
    assert (code, err) == (0, "")
    assert sorted(re.findall(r"^    (\w+)(?: |$)", out, re.M)) == VERBS


def test_no_words_mean_help(shell):
    assert shell.run() == shell.run("--help")


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(shell, verb):
    code, out, _ = shell.run(verb, "--help")
    assert code == 0
    assert f"sfumato {verb}" in out


@pytest.mark.parametrize("verb", VERBS)
def test_what_names_the_place_to_write_is_the_same_letter(shell, verb):
    _, out, _ = shell.run(verb, "--help")
    assert ("--out " in out) == ("-o " in out)


@pytest.mark.parametrize("action", ["list", "get", "check", "prepare"])
def test_the_verbs_of_data_explain_themselves(shell, action):
    assert shell.run("data", action, "--help")[0] == 0


def test_the_version_is_the_packages(shell):
    assert shell.run("--version") == (0, f"sfumato {sfumato.__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["smaple"], "there is no verb 'smaple'; did you mean 'sample'?"),
        (["show"], "sfumato show needs MODEL; see sfumato show --help."),
        (["show", "dcgna"], "no model named 'dcgna'; did you mean 'dcgan'?"),
        (["sample", "x", "--sead", "3"], "there is no option --sead; did you mean '--seed'?"),
        (["sample", "x", "--qqq"], "there is no option --qqq; see sfumato sample --help."),
        (["sample", "x", "y"], "sfumato sample has no use for 'y'; see sfumato sample --help."),
        (
            ["sample", "x", "-n"],
            "-n/--count needs a value; one that begins with - is written --count=-….",
        ),
        (["sample", "x", "-n", "0"], "-n/--count must be a whole number from 1, not '0'."),
        (["sample", "x", "--zoom", "2.5"], "--zoom must be a whole number from 1, not '2.5'."),
        (
            ["animate", "x", "--fps", "nan"],
            "--fps must be a number greater than 0 and at most 50, not 'nan'.",
        ),
        (
            ["interpolate", "x", "--seeds", "1"],
            "--seeds must be two or more whole numbers such as 0,1,2, not '1'.",
        ),
        (["export", "x", "--to", "onxn"], "there is no --to 'onxn'; choose from bundle, onnx."),
        (["data", "lsit"], "there is no verb 'lsit'; did you mean 'list'?"),
    ],
    ids=" ".join,
)
def test_a_slip_is_one_line_with_the_nearest_word(shell, words, said):
    assert shell.refusal(*words) == said


def test_pictures_may_stand_before_and_behind_options(shell, runs):
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8), 90).save(name)
    words = ("classify", runs["lenet5"], "a.png", "-k", "2", "b.png")
    assert [image["file"] for image in shell.answer(*words)["images"]] == ["a.png", "b.png"]
    Image.new("L", (8, 8), 90).save("-c.png")
    for words in ((runs["lenet5"], "-k", "2", "--", "-c.png"), ("--", runs["lenet5"], "-c.png")):
        code, out, _ = shell.run("classify", *words)
        assert (code, out.partition(" ")[0]) == (0, "./-c.png")


def test_a_verb_tells_its_defaults_and_that_it_speaks_json(shell):
    _, out, _ = shell.run("animate", "--help")
    for words in ("(default 4)", "at most 50 (default 12)", "--json", "cpu, cuda, mps or auto"):
        assert words in " ".join(out.split())
    assert out.count("(default 4)") == 1
    assert "--json" in shell.run("data", "check", "--help")[1]


@pytest.mark.parametrize("place", ["first", "last"])
def test_json_may_stand_anywhere(shell, place):
    words = ["--json", "list"] if place == "first" else ["list", "--json"]
    code, out, err = shell.run(*words)
    assert code == 0
    assert json.loads(out)["verb"] == "list"
    assert "dcgan" in err


def test_an_error_on_purpose_is_one_line_however_it_was_written(shell, monkeypatch):
    def fail(args):
        raise SfumatoError("first line\n   second line")

    swap(monkeypatch, fail)
    assert shell.refusal("list") == "first line second line"


def test_a_fault_of_ours_shows_the_traceback_and_exits_1(shell, monkeypatch):
    def fail(args):
        raise ZeroDivisionError("oh")

    swap(monkeypatch, fail)
    monkeypatch.setattr("sfumato.registry.in_use", list)
    code, out, err = shell.run("list", "--json")
    assert (code, out) == (1, "")
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("sfumato: a fault of ours, not yours (ZeroDivision")


def test_with_a_model_of_ones_own_in_use_the_fault_may_be_there(shell, monkeypatch):
    def fail(args):
        raise ZeroDivisionError("oh")

    swap(monkeypatch, fail)
    monkeypatch.setattr("sfumato.registry.in_use", lambda: [Path("own/mine.py")])
    code, _, err = shell.run("list")
    assert code == 1
    said = "a fault of own/mine.py, or of ours (ZeroDivisionError); the lines above say where."
    assert err.splitlines()[-1] == f"sfumato: {said}"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9.05 GB, other"),
    ],
)
def test_what_does_not_fit_in_memory_is_one_line(error, shell, monkeypatch):
    def fail(args):
        raise error

    swap(monkeypatch, fail)
    code, out, err = shell.run("list")
    assert (code, out) == (2, "")
    assert err.startswith("sfumato: that does not fit in memory; take smaller numbers, of --ba")
    assert err.count("\n") == 1


def test_what_may_be_missing_is_not_called_for(shell):
    said = "sfumato reconstruct needs PLACE; see sfumato reconstruct --help."
    assert shell.refusal("reconstruct") == said


def test_an_interrupt_exits_130(shell, monkeypatch):
    def fail(args):
        raise KeyboardInterrupt

    swap(monkeypatch, fail)
    assert shell.run("list") == (130, "", "sfumato: stopped.\n")


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_stopped_run_exits_with_its_signal(shell, monkeypatch, name, code):
    swap(monkeypatch, lambda args: {"stopped": name})
    assert shell.run("list")[0] == code


def test_a_reader_that_leaves_early_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", "list"],
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


def test_python_m_sfumato_is_the_same():
    done = subprocess.run(
        [sys.executable, "-m", "sfumato", "show"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "sfumato: sfumato show needs MODEL; see sfumato show --help.\n"


def test_groups_are_all_registered():
    assert len(set(GROUPS)) == len(GROUPS)
    assert main(["list"]) == 0


@pytest.mark.parametrize("word", ["1", "a,b", "0,,1", ""])
def test_seeds_are_two_whole_numbers_or_more(word):
    with pytest.raises(Exception, match="two or more whole numbers"):
        parser.seeds(word)
    assert parser.seeds("0,-1, 2") == [0, -1, 2]


def test_complaints_are_config_errors():
    said = r"^--x needs a value; one that begins with - is written --x=-…\.$"
    with pytest.raises(ConfigError, match=said):
        parser.Parser(prog="p").error("argument --x: expected one argument")


def test_numbers_that_json_cannot_carry_are_null(shell, monkeypatch):
    found = {"psnr": float("inf"), "rows": [{"f1": float("nan")}, (1.5, -float("inf"))]}
    swap(monkeypatch, lambda args: found)
    answer = shell.answer("list")
    assert (answer["psnr"], answer["rows"]) == (None, [{"f1": None}, [1.5, None]])


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.ENOSPC, errno.ENAMETOOLONG])
def test_what_the_system_refuses_is_the_users_to_mend(shell, monkeypatch, number):
    def fail(args):
        raise OSError(number, os.strerror(number), "/cache/x")

    swap(monkeypatch, fail)
    assert shell.refusal("list") == f"/cache/x cannot be used ({os.strerror(number)})."


def test_any_other_error_of_the_system_is_ours(shell, monkeypatch):
    def fail(args):
        raise FileNotFoundError(errno.ENOENT, "gone", "/x")

    swap(monkeypatch, fail)
    assert shell.run("list")[0] == 1


def test_a_terminal_that_knows_no_arrows_is_no_error():
    script = "from sfumato.cli import main, places, look\n"
    script += "look.list_models = lambda args: places.say('fid ↓ \\udcff') or {}\n"
    script += "raise SystemExit(main(['list']))"
    for coding, said in (("ascii", "fid \\u2193 \\udcff\n"), ("utf-8", "fid ↓ \\udcff\n")):
        found = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONIOENCODING": coding},
            capture_output=True,
            check=False,
        )
        assert (found.returncode, found.stdout, found.stderr) == (0, said.encode(), b"")


@pytest.mark.skipif(os.name == "nt", reason="needs a shell that closes streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_stream_is_no_error(closed):
    line = f'"{sys.executable}" -m sfumato list {closed}'
    assert subprocess.run(["sh", "-c", line], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_stdout_is_one_line():
    with FULL.open("w") as full:
        found = subprocess.run(
            [sys.executable, "-m", "sfumato", "list"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert found.returncode == 2
    assert found.stderr == (
        b"sfumato: what is printed to cannot be used (No space left on device).\n"
    )
