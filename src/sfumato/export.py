"""A trained model in a form to hand on: a bundle as folder or zip, or an ONNX graph.

The graph is compared with PyTorch before it is kept.
"""

import json
import logging
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from sfumato.errors import BundleError, ConfigError, MissingExtra
from sfumato.io.files import at_home, atomic
from sfumato.model import Autoencoder, Classifier, Model, Sampler
from sfumato.randomness import generator
from sfumato.runs import PARTS, bundle_folder

TOLERANCE = 1e-4
"""Largest absolute difference between the graph's answers and PyTorch's."""
BATCHES = (1, 3, 16)
"""Batch sizes at which the two are compared."""


def to_bundle(place: str | Path, out: Path) -> None:
    """Copy the bundle that `place` stands for to `out`: a zip if it ends so, else a new folder.

    Of a run, the card is the run's, without its pictures. Two zips of one bundle are equal.
    """
    card = _card(at_home(place) / "card.md")
    with bundle_folder(place) as folder:
        held = [folder / name for name in PARTS if (folder / name).exists()]  # perhaps no card
        content = {path.name: path.read_bytes() for path in held}
    content |= {"card.md": card.encode()} if card else {}
    with atomic(out) as temporary:
        if out.suffix == ".zip":
            with zipfile.ZipFile(temporary, "w") as file:
                for name, data in content.items():
                    file.writestr(zipfile.ZipInfo(name), data)
        else:
            temporary.mkdir()
            for name, data in content.items():
                (temporary / name).write_bytes(data)


def to_onnx(model: Model, out: Path) -> float:
    """Write what the model does as an ONNX graph, and return the largest difference from PyTorch.

    A sampler's graph takes latents and its conditions, a classifier's takes images; the batch is
    dynamic. The model's config and schema travel in the metadata. Raises MissingExtra where the
    extra is absent, ConfigError where the model is of a kind that has no graph, and BundleError,
    leaving nothing behind, where the difference is above `TOLERANCE`.
    """
    _need_extra()
    model = model.cpu().eval()
    act, given, made = _act(model)
    with atomic(out) as temporary:
        _write(act, _example(model, given, 2), made, _facts(model), temporary)
        worst = max(_difference(temporary, act, _example(model, given, n)) for n in BATCHES)
        if not worst <= TOLERANCE:
            raise BundleError(
                f"{out} was not kept: its answers differ from PyTorch's by up to {worst:.2g}, "
                f"and at most {TOLERANCE:g} is allowed."
            )
    return worst


class _Act(nn.Module):
    """One method of a model, as a module."""

    def __init__(self, model: Model, method: str) -> None:
        super().__init__()
        self.model, self.act = model, getattr(model, method)
        self.names = model.conditions if isinstance(model, Sampler) else ()

    def forward(self, given: Tensor, *conditions: Tensor) -> Tensor:
        return self.act(given, **dict(zip(self.names, conditions, strict=True)))


def _act(model: Model) -> tuple[_Act, str, str]:
    """What to export, and the names of what goes in and comes out."""
    for kind, method, given, made in (
        (Sampler, "generate", "latents", "images"),
        (Classifier, "logits", "images", "scores"),
        (Autoencoder, "encode", "images", "codes"),
    ):
        if isinstance(model, kind):
            return _Act(model, method), given, made
    raise ConfigError(f"--to onnx cannot export a {type(model).__name__}; use --to bundle.")


def ends(model: Model) -> tuple[str, str]:
    """What goes into the graph of a model, and what comes out of it."""
    act, given, made = _act(model)
    return " and ".join((given, *act.names)), made


def _example(model: Model, given: str, count: int) -> dict[str, Tensor]:
    """What goes in, by name: for a sampler its codes and conditions."""
    rng = generator(0, "export", count)
    if given == "latents":
        assert isinstance(model, Sampler)
        return {given: model.prior(count, rng), **model.condition(count, rng)}
    return {given: torch.rand(count, *model.schema.shape, generator=rng) * 2 - 1}


def _write(
    act: nn.Module, example: dict[str, Tensor], made: str, facts: dict[str, str], path: Path
) -> None:
    import onnx

    rows = {0: torch.export.Dim("batch")}
    conditions = (rows,) * (len(example) - 1)
    log = logging.getLogger("torch.onnx")
    before = log.level
    try:
        log.setLevel(logging.ERROR)  # it speaks of libraries that nobody asked for
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                act,
                tuple(example.values()),
                dynamo=True,
                input_names=list(example),
                output_names=[made],
                dynamic_shapes=(rows, conditions) if conditions else (rows,),
                verbose=False,
            )
    finally:
        log.setLevel(before)
    assert program is not None
    graph = program.model_proto
    onnx.helper.set_model_props(graph, facts)
    onnx.checker.check_model(graph)
    path.write_bytes(graph.SerializeToString())


def _difference(path: Path, act: nn.Module, example: dict[str, Tensor]) -> float:
    """The largest absolute difference of the two answers to one example."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {name: rows.numpy() for name, rows in example.items()})
    with torch.no_grad():
        ours = act(*example.values())
    if tuple(ours.shape) != answer.shape:
        return float("inf")
    return float((ours - torch.from_numpy(answer)).abs().max())


def _facts(model: Model) -> dict[str, str]:
    return {
        "sfumato.model": type(model).__module__.rpartition(".")[2],
        "sfumato.config": json.dumps(asdict(model.config)),
        "sfumato.schema": json.dumps(asdict(model.schema)),
    }


def _need_extra() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise MissingExtra(
            f"--to onnx needs {', '.join(missing)}; install with: pip install 'sfumato[export]'"
        )


def _card(path: Path) -> str:
    """A run's card without the pictures that stay behind; empty where there is none."""
    if not path.exists() or not (path.parent / "run.yaml").exists():
        return ""
    lines = path.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("![")) + "\n"
