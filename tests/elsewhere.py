"""A second device for machines that have none: as with a GPU, no operation may mix the two.

PyTorch keeps one kind of device for others to fill in. Here its tensors lie in ordinary memory,
and the CPU's kernels compute with them; yet to PyTorch they are tensors of another device. So
autograd, optimisers and Lightning take the way they take on a GPU, and PyTorch itself refuses to
mix devices wherever it does so before a kernel is chosen. What it leaves to the kernels of a GPU
is checked here.

Unlike on a GPU nothing is asynchronous, too large, or not written yet, and numbers are the CPU's.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration as backend

from sfumato import preset, randomness, runs, stylizing, training
from sfumato.cli import places

NAME = "elsewhere"
CPU, EXTENSION = 1, 12
"""Devices in DLPack, the form in which libraries hand each other tensors."""
OWN = (
    *("arange.start_step", "linspace", "randperm.generator"),
    *("convolution", "convolution_backward"),
)
"""What PyTorch would else make of parts that a new device must bring."""
VIEWS = (
    *("view", "as_strided", "_reshape_alias", "unfold", "resize_"),
    *("set_.source_Storage", "set_.source_Storage_storage_offset"),
)
"""What reads and writes no numbers: the CPU's kernel does as well for tensors of any device."""

_HERE = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
_inside = ctypes.pythonapi.PyCapsule_GetPointer
_inside.restype, _inside.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)


@contextmanager
def present() -> Iterator[str]:
    """While the device is in this machine; its name, which `--device` takes."""

    def pick(device: str) -> str:
        return device if device == NAME else picked(device)

    def trainer(**words: Any) -> L.Trainer:
        if words["accelerator"] == NAME:
            one = SingleDeviceStrategy(torch.device(NAME, 0))
            words |= {"accelerator": _Accelerator(), "strategy": one}
        return made(**words)

    picked, made = preset.pick_device, L.Trainer
    with pytest.MonkeyPatch.context() as patch, _Drawn():
        # what makes them all; for all others the name is that of a type
        patch.setattr(randomness, "torch", SimpleNamespace(Generator=_Generator))
        for module in (preset, runs, training, stylizing):
            patch.setattr(module, "pick_device", pick)
        patch.setattr(L, "Trainer", trainer)
        patch.setattr(torch.storage._StorageBase, "clone", _cloned)
        patch.setattr(places, "DEVICES", (*places.DEVICES, NAME))
        yield NAME


def _known() -> tuple[Any, ...]:
    """Tell PyTorch of the device, which it knows as long as what is returned is there."""
    backend._setup_privateuseone_for_python_backend(NAME, _Backend())
    every, own = (torch.library.Library(name, "IMPL") for name in ("_", "aten"))
    every.fallback(_compute, "PrivateUse1")
    for name in OWN:
        own.impl(name, partial(_compute, _op(name)), "PrivateUse1")
    for name in VIEWS:
        own.impl(name, partial(_op(name).redispatch, _HERE), "PrivateUse1")
    own.impl("_copy_from", _copy, "PrivateUse1")
    return every, own


def _op(name: str) -> Any:
    packet, _, overload = name.partition(".")
    return getattr(getattr(torch.ops.aten, packet), overload or "default")


def _taken_for(tensor: Tensor, device: int) -> Tensor:
    """The same memory as a tensor of another device."""
    # what is handed over keeps the tensor, not its memory: a view, which never gets another memory
    laid, view = (tensor.shape, tensor.stride()), partial(_op("as_strided").redispatch, _HERE)
    capsule = torch._C._to_dlpack(view(tensor, *laid, tensor.storage_offset()))
    at = _inside(capsule, b"dltensor") + ctypes.sizeof(ctypes.c_void_p)  # past the data's address
    ctypes.c_int32.from_address(at).value = device
    # of sides of 1 it forgets the stride, by which kernels of convolution tell layouts
    return view(torch._C._from_dlpack(capsule), *laid)


def _copy(source: Tensor, to: Tensor, non_blocking: bool = False) -> Tensor:
    """What alone may go from one device to the other."""
    one, other = (_taken_for(t, CPU) if t.device.type == NAME else t for t in (source, to))
    other.copy_(one)
    return to


def _compute(op: Any, *args: Any, **kwargs: Any) -> Any:
    """What an operation gives on the CPU, there; what it writes to is written to."""
    known: dict[int, tuple[Tensor, Tensor]] = {}  # a tensor of the CPU, and what it stands for

    def here(argument: Any, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [here(argument, part) for part in value]
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if not isinstance(value, Tensor):  # a number in a tensor's place comes bare
            bare = isinstance(value, int | float) and str(argument.type) == "Tensor"
            return torch.tensor(value) if bare else value
        if value.device.type != NAME:
            _allow(op, argument, value)
            return value
        if value.numel() and not value.data_ptr():  # slopes that are 0 everywhere have no memory
            return torch.zeros(value.shape, dtype=value.dtype)
        # memory that came through DLPack cannot grow, as that of a result may have to
        stand = value.new_empty(0, device="cpu") if argument.is_out else _taken_for(value, CPU)
        known[id(stand)] = stand, value
        return stand

    def there(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(there, value))
        if not isinstance(value, Tensor):
            return value
        if id(value) not in known:
            return _taken_for(value, EXTENSION)
        stand, own = known[id(value)]
        if stand.shape != own.shape:
            own.data = _taken_for(stand, EXTENSION)
        elif stand.data_ptr() != own.data_ptr():
            _taken_for(own, CPU).copy_(stand)
        return own

    takes = op._schema.arguments
    named = {argument.name: argument for argument in takes}
    args = tuple(here(argument, value) for argument, value in zip(takes, args, strict=False))
    found = op(*args, **{name: here(named[name], value) for name, value in kwargs.items()})
    return there(found)


def _allow(op: Any, argument: Any, value: Tensor) -> None:
    """Raise as a GPU does for a tensor of the CPU, unless it is an index, or a mere number."""
    written = argument.alias_info is not None and argument.alias_info.is_write
    number = value.dim() == 0 and not written and torch.Tag.pointwise in op.tags
    if not number and str(argument.type) != "List[Optional[Tensor]]":
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, "
            f"{NAME}:0 and {value.device}! ({op}: {argument.name})"
        )


def _cloned(storage: Any) -> Any:
    """A copy of memory, which is made as numbers: PyTorch can order none for this device."""
    numbers = torch.empty(0, dtype=torch.uint8, device=storage.device).set_(storage)
    return numbers.clone().untyped_storage()


class _Generator(torch.Generator):
    """PyTorch makes none for this device; this one draws as the CPU's does."""

    def __new__(cls, device: torch.device | str = "cpu") -> Any:
        ours = torch.device(device).type == NAME
        return super().__new__(cls if ours else cls.__base__, "cpu" if ours else device)

    @property
    def device(self) -> torch.device:
        return torch.device(NAME, 0)


class _Drawn(TorchFunctionMode):
    """Refuses what is drawn on one device with the generator of another."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found, rng = func(*args, **(kwargs or {})), (kwargs or {}).get("generator")
        if rng is not None and rng.device.type != found.device.type:
            raise RuntimeError(
                f"Expected a '{found.device.type}' device type for generator but found "
                f"'{rng.device.type}'"
            )
        return found


class _Backend(backend._DummyBackendModule):
    """What PyTorch asks `torch.elsewhere`."""

    def get_amp_supported_dtype(self) -> list[torch.dtype]:
        return [torch.bfloat16]

    def manual_seed(self, seed: int) -> None:
        """Its draws are the CPU's."""


class _Accelerator(CPUAccelerator):
    """What Lightning asks of it is what it asks of the CPU, but for the name."""

    def setup_device(self, device: torch.device) -> None:
        assert device.type == NAME


_LIBRARIES = _known()  # at once: autograd looks for devices before its first gradient, never after
