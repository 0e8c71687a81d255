"""Players: an Adam each, with their own learning rates and their own weights."""

from torch import nn

from sfumato.nn.players import adams


def test_each_player_has_its_networks_and_its_learning_rate():
    one, two, three = (nn.Linear(2, width) for width in (3, 4, 5))
    first, second = adams((one, 0.1), ([two, three], 0.2), beta1=0.5)
    assert all(weight is own for weight, own in zip(held(first), one.parameters(), strict=True))
    own = [*two.parameters(), *three.parameters()]
    assert all(weight is mine for weight, mine in zip(held(second), own, strict=True))
    assert [player.defaults["lr"] for player in (first, second)] == [0.1, 0.2]
    assert [player.defaults["betas"] for player in (first, second)] == [(0.5, 0.999)] * 2


def held(player):
    return [weight for group in player.param_groups for weight in group["params"]]
