"""How a machine computes."""

import pytest
import torch

from sfumato.preset import Preset, settle


@pytest.fixture
def _as_before():
    threads, level = torch.get_num_threads(), torch.get_float32_matmul_precision()
    yield
    torch.set_num_threads(threads)
    torch.set_float32_matmul_precision(level)


@pytest.mark.usefixtures("_as_before")
@pytest.mark.parametrize("side", [48, 256])
def test_products_of_a_float32_run_are_those_of_float32(side):
    """Whatever the processor: some cut the factors to bfloat16 where PyTorch may choose."""
    settle(Preset(threads=torch.get_num_threads()))
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randn(side, side, generator=rng) for _ in range(2))
    exact = a.double() @ b.double()
    assert ((a @ b).double() - exact).norm() < 1e-5 * exact.norm()
