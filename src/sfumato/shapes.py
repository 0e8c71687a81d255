"""Tensor types shared by the whole house.

Axes: B batch, C channels, H height, W width, T time, Z latent width, K classes, A attributes,
E numbers that encode a row of attributes, L caption tokens, N samples, D feature width.
Images are float32 in [-1, 1] everywhere inside; only `sfumato.io` speaks 0..255.
"""

from jaxtyping import Float, Int, UInt8
from numpy import ndarray
from torch import Tensor

Images = Float[Tensor, "B C H W"]
Pictures = Float[Tensor, "_ C H W"]  # images where sets of several sizes meet
Picture = Float[Tensor, "C H W"]  # one, of any size
Resized = Float[Tensor, "B C h w"]  # images of another size than those they came from
Others = Float[Tensor, "_ _ _ _"]  # images or maps whose sizes are not those of the others
Masks = Float[Tensor, "B 1 H W"]
Latents = Float[Tensor, "B Z"]
Codes = Float[Tensor, "B Z"]
Logits = Float[Tensor, " B"]
Scores = Float[Tensor, "B K"]
Nats = Float[Tensor, "B K"]  # of several codes of each image
Labels = Int[Tensor, " B"]
Attributes = Float[Tensor, "B A"]
Column = Float[Tensor, " B"]  # one number for each image
Tags = Float[Tensor, "B E"]
Captions = Int[Tensor, "B L"]
Features = Float[Tensor, "N D"]
Scalar = Float[Tensor, ""]
Bytes = UInt8[ndarray, "B H W C"]
