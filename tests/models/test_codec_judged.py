"""What a codec's judge is shown while both learn."""

import torch

from sfumato.models.codec import Config, ImageCodec
from sfumato.schema import Schema
from sfumato.testing import one_step


def test_the_judge_sees_no_picture_beyond_black_and_white():
    """Ever larger numbers could please it, and no file would keep them."""
    torch.manual_seed(0)
    small = Config(latent=5, width=4, blocks=1, contexts=2, qualities=3)
    model, seen = ImageCodec(small, Schema(shape=(3, 16, 16))), []
    with torch.no_grad():
        torch.nn.init.normal_(model.decoder[1][-2].weight, std=10)  # it begins at nothing
    judge = model.discriminator
    judge.register_forward_pre_hook(lambda net, given: seen.append(given[0].detach()))
    one_step(model, image=torch.rand(4, 3, 16, 16) * 2 - 1)
    assert [float(images.abs().max()) == 1 for images in seen] == [False, True, False, True]
    assert all(images.abs().max() <= 1 for images in seen)
