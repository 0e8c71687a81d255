"""Drawings that are no pictures of the data: points in a plane, tables, curves."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor

from sfumato.io.files import atomic


@contextmanager
def _literally() -> Iterator[None]:
    """Names of classes are shown as they are: a dollar in one begins no formula.

    What the typeface has no glyph for is a box, and nobody is told of it glyph by glyph.
    """
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@_literally()
def points(
    where: Float[Tensor, "N 2"],
    labels: Int[Tensor, " N"] | None,
    names: tuple[str, ...],
    path: Path,
    *,
    axes: tuple[str, str] = ("", ""),
) -> None:
    """A scatter plot, a colour for each class that is there; at most twenty colours differ."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    colours = colormaps["tab10" if len(names) <= 10 else "tab20"].colors  # type: ignore[attr-defined]
    figure = Figure(figsize=(7.5, 6.4), layout="constrained")
    axis = figure.subplots()
    shown = [""] if labels is None else [n for k, n in enumerate(names) if (labels == k).any()]
    for name in shown:
        rows = where if labels is None else where[labels == names.index(name)]
        colour = colours[names.index(name) % len(colours) if name else 0]
        x, y = rows.T.tolist()
        # a legend leaves out what begins with an underscore
        axis.scatter(x, y, s=7, color=colour, label=f" {name}".rstrip(), linewidths=0)
    axis.set(xlabel=axes[0], ylabel=axes[1])
    axis.set_aspect("equal", adjustable="datalim")
    if labels is not None:
        axis.legend(markerscale=2.5, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    with atomic(path, durable=False) as temporary:
        figure.savefig(temporary, dpi=130)


@_literally()
def confusion_matrix(
    table: Int[Tensor, "K K"], names: tuple[str, ...], path: Path, *, axes: tuple[str, str]
) -> None:
    """A square table of counts: darker is a larger share of its row; rows and columns are named.

    Counts stand in the cells of up to 30 classes. `axes` says what columns and rows are.
    """
    from matplotlib.figure import Figure

    count, rows = len(names), table.sum(1, keepdim=True).clamp(min=1)
    edge = max(4.0, min(14.0, 0.55 * count + 2))
    figure = Figure(figsize=(edge, edge), layout="constrained")
    axis = figure.subplots()
    axis.imshow((table / rows).numpy(), cmap="Greys", vmin=0, vmax=1)
    axis.set_xticks(range(count), names, rotation=90)
    axis.set_yticks(range(count), names)
    axis.set(xlabel=axes[0], ylabel=axes[1])
    for row, column in table.nonzero().tolist() if count <= 30 else []:
        dark = table[row, column] > rows[row, 0] / 2
        text, colour = str(int(table[row, column])), "white" if dark else "black"
        axis.text(column, row, text, color=colour, ha="center", va="center", fontsize=8)
    with atomic(path, durable=False) as temporary:
        figure.savefig(temporary, dpi=110)


def reliability_diagram(
    said: Float[Tensor, " N"],
    found: Float[Tensor, " N"],
    count: Int[Tensor, " N"],
    path: Path,
    *,
    title: str = "",
) -> None:
    """A reliability diagram: bars of what was found where so much was said; the diagonal is true.

    `said` and `found` are shares in N equal steps from 0 to 1, nan where a step's `count` is 0; a
    second panel shows how many there are in each.
    """
    from matplotlib.figure import Figure

    wide = 1 / len(said)
    middle = [(place + 0.5) * wide for place in range(len(said))]
    figure = Figure(figsize=(4.6, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    above.bar(middle, found.nan_to_num().tolist(), wide * 0.94, color="#4878a8")
    above.plot([0, 1], [0, 1], color="black", linewidth=0.8)
    above.plot(said.tolist(), found.tolist(), "o", color="#d0582c", markersize=3.5)
    above.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1), title=title)
    below.bar(middle, count.tolist(), wide * 0.94, color="#9a9a9a")
    below.set(xlabel="confidence", ylabel="images", yscale="symlog")
    with atomic(path, durable=False) as temporary:
        figure.savefig(temporary, dpi=110)
