"""How this machine trains this model fastest: measured once, then fixed in `run.yaml`.

A choice that changed between two sessions of a run would change its numbers; so a resumed run
reads its choice.
"""

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Literal

import torch

from sfumato.errors import ConfigError, DeviceError, nearest
from sfumato.model import Model
from sfumato.settings import Count

Precision = Literal["32-true", "bf16-mixed"]
"""As Lightning names them."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Everything about the machine that could change a run's numbers or its pace."""

    device: str = "cpu"
    """cpu, cuda or mps."""
    devices: Count = 1
    """Processes, one device each."""
    precision: Precision = "32-true"
    """Of products and sums."""
    channels_last: bool = False
    """Whether convolution weights lie with channels innermost."""
    threads: Count = 1
    """Threads of one process."""


PRECISIONS: dict[str, Precision] = {"32": "32-true", "bf16": "bf16-mixed"}
"""What a user says, and what Lightning says. Half precision is left out: CPUs cannot, GANs
overflow it.
"""


def choose(
    plain: Preset,
    *,
    precision: str | None,
    convolves: bool,
    seconds: Callable[[Preset], float] | None,
) -> Preset:
    """How a run computes: as `precision` says, else by what takes the fewest `seconds` a step.

    `seconds` times one step, or is None in a run too short to earn the measurement back, which
    then takes `plain`. A named precision is never measured, so it gives the same run on a busy
    machine as on an idle one. Raises ConfigError for an unknown precision.
    """
    if precision and precision not in PRECISIONS:
        raise ConfigError(f"--precision {precision} is unknown; {nearest(precision, PRECISIONS)}")
    # bfloat16 convolutions are written for channels innermost, in float32 it depends
    fast = replace(plain, precision=PRECISIONS["bf16"], channels_last=convolves)
    if precision or seconds is None:
        return fast if precision == "bf16" else plain
    candidates = [plain, fast, *([replace(plain, channels_last=True)] if convolves else [])]
    # two interleaved rounds, so that a busy moment hits all alike; the least time is the truest
    times = [[seconds(candidate) for candidate in candidates] for _ in range(2)]
    best = [min(pair) for pair in zip(*times, strict=True)]
    return candidates[best.index(min(best))]


def pick_device(device: str) -> str:
    """The device asked for, or the best for `auto`. Raises DeviceError where it is missing."""
    device = str(device)
    here = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    known = [name for name, present in here.items() if present]
    if device == "auto":
        return known[0]
    numbered = [f"cuda:{n}" for n in range(torch.cuda.device_count())]
    if device not in (*known, *numbered):
        found = ", ".join([*reversed(known), *numbered])
        raise DeviceError(f"--device {device} is not here; this machine has {found}.")
    return device


def same_machine(
    preset: Preset, device: str | None, devices: int | None, precision: str | None
) -> None:
    """Raise ConfigError where a run that is resumed would compute otherwise than it began."""
    wished = (
        ("device", preset.device, None if device == "auto" else device),
        ("devices", preset.devices, devices),
        ("precision", preset.precision, PRECISIONS.get(precision or "", precision)),
    )
    for name, was, then in wished:
        if then is not None and str(then) != str(was):
            raise ConfigError(
                f"--{name} cannot change when a run is resumed: it is {was}, not {then}; start a "
                "new run."
            )


def quick_in_half() -> bool:
    """Whether this processor has instructions for bfloat16; without them it is slower."""
    known = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(known())


def quickly(model: Model) -> AbstractContextManager[object]:
    """While a convolutional network is applied: channels innermost, in bfloat16 where quick.

    Three times as fast as float32 where the processor knows bfloat16, and for the shipped
    SRResNet 74 dB from it: below the step from one byte to the next.
    """
    innermost(model)
    half = model.device.type == "cpu" and quick_in_half()
    return torch.autocast("cpu", torch.bfloat16) if half else nullcontext()


def innermost(model: Model) -> Model:
    """The same model, its convolutions' weights laid out as a CPU applies them fastest.

    On one core without bfloat16 that is 1.5 times for the shipped SRResNet, 3 for DRAGAN.
    """
    if model.device.type == "cpu":
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model


@contextmanager
def unsettled() -> Iterator[None]:
    """Whatever `settle` and a training change of torch's own state is put back at the end."""
    threads, products = torch.get_num_threads(), ""
    with suppress(RuntimeError):  # PyTorch's newer switches may have been used instead
        products = torch.get_float32_matmul_precision()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            if products:
                torch.set_float32_matmul_precision(products)


def settle(preset: Preset) -> None:
    """Set what holds for the whole process: threads, float32 matrix products, the allocator."""
    torch.set_num_threads(preset.threads)
    torch.set_float32_matmul_precision(_products() if preset.device == "cpu" else "high")
    if platform.libc_ver()[0] == "glibc":
        _keep_memory()


def _products() -> str:
    """How float32 matrix products are made on this processor: fast, but only where still exact.

    With AVX-512 alone "medium" adds up products of bfloat16 parts and stays within 1e-6; where
    there are bfloat16 tiles (AMX) it cuts every factor to one part, and 2e-3 is lost.
    """
    before = torch.get_float32_matmul_precision()
    rows = torch.arange(64.0).outer(torch.arange(1.0, 65.0)).sin()
    exact = rows.double() @ rows.double()
    torch.set_float32_matmul_precision("medium")
    lost = ((rows @ rows).double() - exact).norm() / exact.norm()
    torch.set_float32_matmul_precision(before)
    return "medium" if lost < 1e-5 else "highest"


def _keep_memory() -> None:
    """Ask glibc to keep freed blocks: giving them back at every step costs page faults."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        trim_threshold, mmap_threshold = -1, -3
        libc.mallopt(mmap_threshold, 32 << 20)
        libc.mallopt(trim_threshold, 512 << 20)
