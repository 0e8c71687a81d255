"""Measured numbers, kept as JSON beside the commit and versions they were measured with."""

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(name: str, numbers: dict[str, Any]) -> None:
    """Write `results/NAME.json`, and print it."""
    RESULTS.mkdir(exist_ok=True)
    facts = {
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": f"{os.cpu_count()} cores, {processor()}",
        "python": platform.python_version(),
        "torch": version("torch"),
        "lightning": version("lightning"),
    }
    text = json.dumps({"name": name, **facts, **numbers}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", "utf-8")
    print(text)


def commit() -> str:
    """The commit that is checked out, with a + where files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    head = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "../src"], check=False)
    return head.stdout.strip() + ("+" if changed.returncode else "")


def processor() -> str:
    """What the processor calls itself, and the vector instructions that matter here."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return platform.processor() or platform.machine()
    lines = path.read_text().splitlines()
    name = next((s.partition(": ")[2] for s in lines if s.startswith("model name")), "?")
    flags = next((s for s in lines if s.startswith("flags")), "")
    found = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return f"{name} ({', '.join(found)})"
