"""The verb doctor: what is here, what is fast, what is missing and the command that helps."""

import os
import platform
import shutil
import sys
import time
from argparse import Namespace, _SubParsersAction
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sfumato.cli.places import say
from sfumato.errors import RunError
from sfumato.io.files import writable

_LIBRARIES = ("torch", "lightning", "kornia", "numpy", "pillow", "datasets")
_EXTRAS = {"export": ("onnx", "onnxruntime", "onnxscript")}


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Add the verb."""
    about = "what is here, what is fast here, and what is missing"
    verb = subparsers.add_parser("doctor", help=about, description=f"Say {about}.")
    verb.set_defaults(run=doctor)


def doctor(args: Namespace) -> dict[str, Any]:
    """Look at everything that commonly goes wrong."""
    import sfumato
    from sfumato.registry import shipped

    facts: dict[str, Any] = {
        "versions": {"sfumato": sfumato.__version__, "python": platform.python_version()}
        | {name: _version(name) for name in _LIBRARIES},
        "devices": _devices(),
        "speed": _speed(),
        "data": _data(),
        "folders": _folders(),
        "zoo": list(shipped()),
        "advice": [],
    }
    facts["advice"] = [text for text in (_torchvision(), *_missing(), _room(facts)) if text]
    _print(facts)
    return facts


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> dict[str, Any]:
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "cuda": gpus,
        "mps": torch.backends.mps.is_available(),
    }


def _speed() -> dict[str, float]:
    """GFLOP/s of one 3x3 convolution forward, in each way a run can be done."""
    import torch

    from sfumato.preset import Preset, settle

    settle(Preset(threads=torch.get_num_threads()))
    images = torch.randn(16, 64, 28, 28)
    layer = torch.nn.Conv2d(64, 64, 3, padding=1, bias=False)
    flops = 2 * 16 * 28 * 28 * 64 * 64 * 9

    def gflops(kind: torch.dtype, layout: torch.memory_format) -> float:
        moved = images.to(memory_format=layout)
        layer.to(memory_format=layout)  # type: ignore[call-overload]

        def once() -> None:
            with torch.no_grad(), torch.autocast("cpu", kind, enabled=kind != torch.float32):
                layer(moved)

        return flops / _least(once) / 1e9

    plain, last = torch.contiguous_format, torch.channels_last
    return {
        "float32": gflops(torch.float32, plain),
        "float32 channels-last": gflops(torch.float32, last),
        "bfloat16": gflops(torch.bfloat16, plain),
        "bfloat16 channels-last": gflops(torch.bfloat16, last),
    }


def _least(work: Callable[[], None], seconds: float = 0.15) -> float:
    """The least time of some calls, after a first that does not count."""
    work()
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def _data() -> dict[str, str]:
    from sfumato.data import names
    from sfumato.data.catalogue import where

    return {name: where(name) for name in names()}


def _folders() -> dict[str, Any]:
    from sfumato.data.prepare import cache_folder

    cache = cache_folder()
    there = next(path for path in (cache, *cache.parents) if path.exists())
    return {
        "SFUMATO_DATA": os.environ.get("SFUMATO_DATA"),
        "SFUMATO_MODELS": os.environ.get("SFUMATO_MODELS"),
        "cache": str(cache),
        "free_gib": round(shutil.disk_usage(there).free / 2**30, 1),
    }


def _torchvision() -> str | None:
    """A torchvision that does not fit torch stops libraries that look for it from importing."""
    if find_spec("torchvision") is None:
        return None
    try:
        __import__("torchvision")
    except Exception as error:
        return (
            f"torchvision is installed but broken ({type(error).__name__}), which stops lightning "
            "and torchmetrics; Sfumato does not need it: pip uninstall torchvision"
        )
    return None


def _missing() -> list[str]:
    return [
        f"{', '.join(gone)} missing, for `export --to onnx`: pip install 'sfumato[{extra}]'"
        for extra, needed in _EXTRAS.items()
        if (gone := [name for name in needed if find_spec(name) is None])
    ]


def _room(facts: dict[str, Any]) -> str | None:
    cache, free = facts["folders"]["cache"], facts["folders"]["free_gib"]
    try:
        writable(Path(cache) / "prepared")
    except RunError:
        return f"the cache {cache} cannot be written; set SFUMATO_CACHE to a folder that can"
    if free < 2:
        return f"only {free} GiB are free for the cache; set SFUMATO_CACHE to a larger disk"
    data = os.environ.get("SFUMATO_DATA")
    if data and not Path(data).is_dir():
        return f"SFUMATO_DATA is {data!r}, which is not a folder; correct or unset it"
    return None


def _print(facts: dict[str, Any]) -> None:
    say("versions  " + ", ".join(f"{k} {v or 'absent'}" for k, v in facts["versions"].items()))
    say(f"python    {sys.executable}")
    here = facts["devices"]
    gpus = ", ".join(here["cuda"]) or ("Apple GPU (mps)" if here["mps"] else "no GPU")
    say(f"devices   {here['cores']} cores ({here['cpu']}), {here['threads']} threads, {gpus}")
    best = max(facts["speed"], key=lambda name: facts["speed"][name])
    for index, (name, rate) in enumerate(facts["speed"].items()):
        mark = "  <- fastest" if name == best else ""
        say(f"{'speed' if index == 0 else '':<10}{rate:6.0f} GFLOP/s  {name}{mark}")
    for index, (name, place) in enumerate(facts["data"].items()):
        say(f"{'data' if index == 0 else '':<10}{name:<14}{place}")
    say(f"zoo       {', '.join(facts['zoo']) or 'empty'}")
    say(f"cache     {facts['folders']['cache']}, {facts['folders']['free_gib']} GiB free")
    for text in facts["advice"] or ["nothing to complain about"]:
        say(f"advice    {text}")
