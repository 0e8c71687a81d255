import math

import pytest
import torch

from sfumato.models.dcgan import DCGAN, Config
from sfumato.schedules import cosine, drop, linear
from sfumato.schema import Schema
from sfumato.testing import one_step


@pytest.mark.parametrize("fall", [linear, cosine, drop])
def test_a_schedule_falls_from_one_to_its_least_and_stays(fall):
    shares = [fall(step, 10, 0.1) for step in range(20)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[10:] == pytest.approx([0.1] * 10)
    assert fall(5_000, None) == 1


def test_by_hand():
    assert [linear(step, 4) for step in (1, 2, 4)] == [0.75, 0.5, 0.01]
    assert [drop(step, 4) for step in (0, 3, 4, 9)] == [1, 1, 0.1, 0.1]
    assert cosine(1, 4, 0.0) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_every_player_keeps_its_own_learning_rate_and_one_pace():
    model = DCGAN(Config(latent=4, width=8, lr=3e-3, judge_lr=1e-3), Schema(shape=(1, 8, 8)))
    model.pace = lambda step: 0.5
    players = model.configure_optimizers()
    model.configure_optimizers = lambda: players
    for _ in range(2):  # the second step starts from the first size again, not from the halved
        one_step(model, image=torch.rand(4, 1, 8, 8) * 2 - 1)
        assert [player.param_groups[0]["lr"] for player in players] == [5e-4, 1.5e-3]
