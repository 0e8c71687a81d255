"""Weight initialisers."""

from torch import nn


def normal_002(layer: nn.Module) -> None:
    """Weights ~ N(0, 0.02), norm gains ~ N(1, 0.02): DCGAN section 4, pix2pix appendix 6.2."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, mean=0.0, std=0.02)
    elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
        nn.init.normal_(layer.weight, mean=1.0, std=0.02)


def glorot(layer: nn.Module) -> None:
    """Weights uniform with variance 2 / (fan in + fan out), biases 0: as Keras layers begin.

    Glorot & Bengio (2010), https://proceedings.mlr.press/v9/glorot10a.html, equation 16.
    """
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
