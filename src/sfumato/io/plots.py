"""Drawings that are no pictures of the data: points in a plane."""

from pathlib import Path

from jaxtyping import Float, Int
from torch import Tensor

from sfumato.io.files import atomic


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
        axis.scatter(x, y, s=7, color=colour, label=name, linewidths=0)
    axis.set(xlabel=axes[0], ylabel=axes[1])
    axis.set_aspect("equal", adjustable="datalim")
    if labels is not None:
        axis.legend(markerscale=2.5, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    with atomic(path, durable=False) as temporary:
        figure.savefig(temporary, dpi=130)
