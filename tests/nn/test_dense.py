from torch import nn

from sfumato.nn.dense import dense


def kinds(layers):
    return [type(layer).__name__ for layer in layers]


def test_only_the_last_layer_is_bare():
    assert kinds(dense([7, 5, 3, 2])) == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    layers = dense([7, 5, 2], norm=True, dropout=0.2)
    assert kinds(layers) == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear"]
    assert layers[3].p == 0.2
    assert kinds(dense([7, 2])) == ["Linear"]


def test_widths_and_biases():
    layers = [layer for layer in dense([7, 5, 3, 2], norm=True) if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in layers] == [
        (7, 5),
        (5, 3),
        (3, 2),
    ]
    assert [layer.bias is None for layer in layers] == [True, True, False]
