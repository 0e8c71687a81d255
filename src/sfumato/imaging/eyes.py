"""Which perceptual network looks on while pixels descend."""

from collections.abc import Sequence
from dataclasses import dataclass

from sfumato.nn import perceptual


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """Which perceptual network looks on."""

    network: str = "embedded"
    """embedded, vgg16 or vgg19."""
    weights: str | None = None
    """A .safetensors file of VGG; fetched once where absent."""
    pooling: str = "average"
    """average or max, between blocks."""
    fast: bool | None = None
    """Whether to compute in bfloat16; where absent, if that is quicker."""

    def open(
        self, layers: Sequence[str], device: str = "cpu", quick: bool = False
    ) -> perceptual.Perceptual:
        """The network on `device`, up to the deepest of these layers.

        `quick` says whether bfloat16 is quicker there.
        """
        found = perceptual.load(
            self.network,
            layers,
            weights=self.weights,
            pooling=self.pooling,
            fast=quick if self.fast is None else self.fast,
        )
        return found.to(device)
