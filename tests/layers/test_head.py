"""The dense classifier, and average pooling that counts the zeros around."""

import keras
import numpy as np
import pytest

from kerascnn.layers import dense_head, padded_average_pool


def names(**arguments):
    x = keras.Input((4, 4, 2), name="image")
    return [x.name for x in keras.Model(x, dense_head(x, (5, 6), 3, **arguments)).layers[1:]]


def test_dropout_stands_behind_or_in_front_of_each_hidden_layer():
    assert names() == ["head_flatten", "head_1_dense", "head_2_dense", "head_logits"]
    assert names(dropout=0.5) == [
        "head_flatten",
        "head_1_dense",
        "head_1_dropout",
        "head_2_dense",
        "head_2_dropout",
        "head_logits",
    ]
    assert names(dropout=0.5, dropout_first=True, name="aux") == [
        "aux_flatten",
        "aux_1_dropout",
        "aux_1_dense",
        "aux_2_dropout",
        "aux_2_dense",
        "aux_logits",
    ]


def test_average_pooling_divides_by_the_window_at_the_border_too():
    x = keras.Input((3, 3, 1))
    y = keras.Model(x, padded_average_pool(x, 3, name="pool"))(np.ones((1, 3, 3, 1), "float32"))
    expected = [[4 / 9, 6 / 9, 4 / 9], [6 / 9, 1, 6 / 9], [4 / 9, 6 / 9, 4 / 9]]
    np.testing.assert_allclose(np.asarray(y)[0, :, :, 0], expected, rtol=1e-6)  # float32


def test_average_pooling_is_that_of_torch():
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype("float32")
    x = keras.Input(values.shape[1:])
    ours = keras.Model(x, padded_average_pool(x, 3, name="pool"))(values)
    theirs = torch.nn.functional.avg_pool2d(torch.tensor(values).permute(0, 3, 1, 2), 3, 1, 1)
    # float32, nine numbers in another order.
    np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1).numpy(), atol=1e-6)
