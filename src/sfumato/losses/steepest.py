"""Images changed a little where it hurts most."""

from collections.abc import Callable

import torch

from sfumato.shapes import Images, Scalar


def steepest(loss: Callable[[Images], Scalar], images: Images, radius: float) -> Images:
    """Each image moved by `radius`, the length of all its pixels' changes, up the slope of `loss`.

    Without labels this is the virtual adversarial direction of Miyato et al. (2018),
    https://arxiv.org/abs/1704.03976, section 3.3, of one step; `images` are B C H W. The images
    themselves where `radius` is 0 or there is no slope.
    """
    if not radius:
        return images
    with torch.enable_grad():
        moved = images.detach().requires_grad_()
        (slope,) = torch.autograd.grad(loss(moved), moved)
    lengths = slope.flatten(1).norm(dim=1)[:, None, None, None]
    return images + radius * slope / lengths.clamp_min(torch.finfo(lengths.dtype).tiny)
