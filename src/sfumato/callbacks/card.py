"""The run card: what a run is and how it did, in Markdown, with its curves."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from sfumato.callbacks.clock import Clock
from sfumato.callbacks.health import Health
from sfumato.callbacks.ledger import rows
from sfumato.errors import RunError
from sfumato.io.files import atomic
from sfumato.module import Module
from sfumato.runs import Run


class Card(Callback):
    """Writes `card.md` and `loss.png` when a run ends, however it ends."""

    def __init__(self, run: Run, facts: Mapping[str, Any], clock: Clock, health: Health) -> None:
        self.run, self.facts, self.clock, self.health = run, facts, clock, health

    def on_exception(self, trainer: Trainer, module: Module, error: BaseException) -> None:
        self.health.warn(f"ended by {type(error).__name__}: {error}")
        if trainer.is_global_zero:
            with suppress(RunError):  # of two failures the first is the one to hear of
                self.write()

    def write(self) -> None:
        """Write both files."""
        table = rows(self.run.path / "metrics.csv")
        if table:
            plot(table, self.run.path / "loss.png")
        with atomic(self.run.path / "card.md", durable=False) as path:
            path.write_text(self._text(table), "utf-8")

    def _text(self, table: Sequence[Mapping[str, int | float]]) -> str:
        recipe, data = self.facts["recipe"], self.facts["data"]
        seconds, visited = self.clock.seconds, self.clock.visited
        pace = visited * recipe["batch"] / max(seconds, 1e-9)
        lines = [
            f"# {self.facts['model']} on {recipe['data']['name']}",
            "",
            f"{visited} batches of {recipe['batch']} from {data['images']} images "
            f"in {seconds / 60:.1f} minutes ({pace:.0f} images a second); seed {recipe['seed']}.",
            "",
            *(f"**Warning:** {warning}." for warning in self.health.warnings),
            *(["![losses](loss.png)", ""] if table else []),
            *(f"![samples](samples/{path.name})" for path in _latest(self.run.path)),
            "",
            "## Last numbers",
            "",
            *(f"- {name}: {value:.4g}" for name, value in _last(table).items()),
            "",
            "## Everything needed to repeat it",
            "",
            "```yaml",
            yaml.safe_dump(dict(self.facts), sort_keys=False).rstrip(),
            "```",
        ]
        return "\n".join(lines) + "\n"


def plot(table: Sequence[Mapping[str, int | float]], path: Path) -> None:
    """Every logged number over the batches: losses, gradient norms, scores on held-out images."""
    from matplotlib.figure import Figure

    groups = {"loss": "loss", "gradient": "gradient norm", "held-out": "held out"}
    names = {g: sorted({n for row in table for n in row if n.startswith(f"{g}/")}) for g in groups}
    shown = [g for g in groups if names[g]]
    figure = Figure(figsize=(7, 2.8 * max(1, len(shown))), layout="constrained")
    axes = figure.subplots(max(1, len(shown)), 1, squeeze=False)[:, 0]
    for axis, group in zip(axes, shown, strict=False):
        for name in names[group]:
            points = [(row["step"], row[name]) for row in table if name in row]
            mark = "" if len(points) > 1 else "o"  # one point makes no line
            label = name.partition("/")[2]
            axis.plot(*zip(*points, strict=True), label=label, linewidth=1.2, marker=mark)
        axis.set(xlabel="batches", ylabel=groups[group])
        axis.grid(alpha=0.3)
        axis.legend()
    with atomic(path, durable=False) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def _latest(folder: Path) -> list[Path]:
    return sorted((folder / "samples").glob("step-*.png"))[-1:]


def _last(table: Sequence[Mapping[str, int | float]]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for row in table:
        merged |= row
    return {name: value for name, value in merged.items() if name != "step"}
