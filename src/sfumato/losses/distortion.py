"""How far pictures are from what they should be, for those who learn to keep them."""

from sfumato.metrics.distortion import fitting, ms_ssim
from sfumato.shapes import Images, Scalar


def distortion(
    made: Images, real: Images, *, pixel: float, structure: float, scales: int
) -> Scalar:
    """`pixel` mean |made - real| + `structure` (1 - SSIM), SSIM at `scales` or as many as fit.

    Pictures too small for one scale are compared by their pixels alone.
    Zhao et al. (2017), https://arxiv.org/abs/1511.08861: both errors together.
    """
    apart = pixel * (made - real).abs().mean()
    scales = min(scales, fitting(min(real.shape[2:])))
    if structure == 0 or scales == 0:
        return apart
    return apart + structure * (1 - ms_ssim(made, real, scales=scales).mean())
