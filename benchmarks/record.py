"""Measured numbers, kept as JSON beside the commit and versions they were measured with."""

from pathlib import Path
from typing import Any

from sfumato import results

RESULTS = Path(__file__).parent / "results"


def keep(name: str, numbers: dict[str, Any]) -> None:
    """Write `results/NAME.json`, and print it."""
    print(results.keep(name, numbers, RESULTS).read_text("utf-8"))
