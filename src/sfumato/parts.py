"""What a model is made of, counted without making it."""

from collections.abc import Mapping
from typing import Any

import torch

from sfumato import registry
from sfumato.data.glance import glance
from sfumato.errors import SfumatoError
from sfumato.model import Model
from sfumato.recipe import Recipe
from sfumato.schema import Schema


def outline(model: str, recipe: Recipe, schema: Schema) -> Model:
    """The network of a recipe on the meta device: shapes without memory."""
    with torch.device("meta"):
        return registry.model_class(model)(recipe.model, schema)


def parameters(model: Model) -> dict[str, dict[str, int]]:
    """Part of the model to its `trainable` and `total` numbers of parameters."""
    parts: Mapping[str, Any] = dict(model.named_children()) | {
        name: weight for name, weight in model.named_parameters() if "." not in name
    }
    counted = {name: _count(part) for name, part in parts.items()}
    return {name: count for name, count in counted.items() if count["total"]}


def of_recipes(model: str) -> dict[str, dict[str, dict[str, int]] | None]:
    """Recipe to `parameters`; None where the recipe's data is not here to tell the shape."""
    found: dict[str, dict[str, dict[str, int]] | None] = {}
    for name, recipe in registry.module(model).RECIPES.items():
        try:
            schema, _ = glance(recipe.data, look=False)
            found[name] = parameters(outline(model, recipe, schema))
        except SfumatoError:
            found[name] = None
    return found


def memory(model: Model, batch: int) -> int:
    """Bytes a training step takes at least: weights, gradients, Adam's two moments, activations.

    Activations are counted in one pass over meta tensors through the parts that take images; what
    is kept for the way back is as much again.
    """
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    sizes: list[int] = []

    def note(layer: torch.nn.Module, given: Any, made: Any) -> None:
        if isinstance(made, torch.Tensor) and not any(layer.children()):
            sizes.append(made.numel() * made.element_size())

    hooks = [layer.register_forward_hook(note) for layer in model.modules()]
    images = torch.empty(batch, *model.schema.shape, device="meta")
    for part in model.children():
        try:
            part(images)
        except Exception:  # a part that takes codes; the others are counted
            continue
    for hook in hooks:
        hook.remove()
    return 4 * weights + 2 * sum(sizes) + images.numel() * 4


def _count(part: Any) -> dict[str, int]:
    weights = list(part.parameters()) if isinstance(part, torch.nn.Module) else [part]
    return {
        "trainable": sum(weight.numel() for weight in weights if weight.requires_grad),
        "total": sum(weight.numel() for weight in weights),
    }
