"""The classic systems of image generation, working again: train, sample, apply and measure each.

    import sfumato

    run = sfumato.train("dcgan", data="digits", recipe="smoke", out="runs/first")
    model = sfumato.load("runs/first")
    images = model.sample(16, seed=0)

Public names are imported when first used, so `import sfumato` costs nothing.
"""

from importlib import import_module
from inspect import isfunction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfumato.atlas import manifold, reconstruct, relabel, scatter
    from sfumato.augmenting import augment
    from sfumato.blending import blend
    from sfumato.classifying import classify
    from sfumato.completing import complete
    from sfumato.compression import compress, decompress
    from sfumato.data.source import Source
    from sfumato.editing import edit
    from sfumato.errors import SfumatoError
    from sfumato.evaluation import compare, evaluate
    from sfumato.exploring import arithmetic, traverse
    from sfumato.metrics.score import Score
    from sfumato.recipe import Recipe
    from sfumato.registry import available, summary
    from sfumato.reproducing import reproduce
    from sfumato.runs import load, save_bundle
    from sfumato.sampling import animate, interpolate, sample
    from sfumato.schema import Schema
    from sfumato.searching import search
    from sfumato.stylizing import stylize, texture
    from sfumato.training import train
    from sfumato.translating import restore, translate, upscale

__version__ = "0.1.0"

__all__ = [
    "Recipe",
    "Schema",
    "Score",
    "SfumatoError",
    "Source",
    "__version__",
    "animate",
    "arithmetic",
    "augment",
    "available",
    "blend",
    "classify",
    "compare",
    "complete",
    "compress",
    "decompress",
    "edit",
    "evaluate",
    "interpolate",
    "load",
    "manifold",
    "reconstruct",
    "relabel",
    "reproduce",
    "restore",
    "sample",
    "save_bundle",
    "scatter",
    "search",
    "stylize",
    "summary",
    "texture",
    "train",
    "translate",
    "traverse",
    "upscale",
]

_HOME = {
    "Recipe": "recipe",
    "Schema": "schema",
    "Score": "metrics.score",
    "SfumatoError": "errors",
    "Source": "data.source",
    "animate": "sampling",
    "arithmetic": "exploring",
    "augment": "augmenting",
    "available": "registry",
    "blend": "blending",
    "classify": "classifying",
    "compare": "evaluation",
    "complete": "completing",
    "compress": "compression",
    "decompress": "compression",
    "edit": "editing",
    "evaluate": "evaluation",
    "interpolate": "sampling",
    "load": "runs",
    "manifold": "atlas",
    "reconstruct": "atlas",
    "relabel": "atlas",
    "reproduce": "reproducing",
    "restore": "translating",
    "sample": "sampling",
    "save_bundle": "runs",
    "scatter": "atlas",
    "search": "searching",
    "stylize": "stylizing",
    "summary": "registry",
    "texture": "stylizing",
    "train": "training",
    "translate": "translating",
    "traverse": "exploring",
    "upscale": "translating",
}
"""Which module each public name lives in."""


def __getattr__(name: str) -> Any:
    """Import a public name from its home the first time it is asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    if isfunction(value):
        value = import_module(f"{__name__}.calls").checked(value)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted({*globals(), *__all__})
