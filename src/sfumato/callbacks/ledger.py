"""The numbers of a run, in `metrics.csv`."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only

from sfumato.io.files import atomic


class Ledger(Logger):
    """One row per logged batch, one column per number.

    Written whole, so a kill leaves no half row.
    A resumed run keeps the rows up to the batch it resumes from and goes on below them.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        super().__init__()
        self.path, self.start = path, start
        self.rows = [row for row in rows(path) if row["step"] <= start]

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a row; `step` counts from where this session of the run began."""
        at = self.start + (step or 0) + 1
        self.rows.append({"step": at} | {k: float(v) for k, v in metrics.items() if k != "epoch"})

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """`run.yaml` holds them."""

    @rank_zero_only
    def save(self) -> None:
        """Write the file."""
        if self.rows:
            names = list(dict.fromkeys(name for row in self.rows for name in row))
            with atomic(self.path) as path, path.open("w", newline="", encoding="utf-8") as file:
                table = csv.DictWriter(file, names)
                table.writeheader()
                table.writerows(self.rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the file a last time."""
        self.save()


def rows(path: Path) -> list[dict[str, float]]:
    """Rows of a `metrics.csv`: numbers by column, empty cells left out; [] without a file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        table = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    return [row | {"step": int(row["step"])} for row in table]
