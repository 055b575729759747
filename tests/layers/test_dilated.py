import keras
import numpy as np
import pytest

from kerascnn.layers import dilated_stack


def view(rates, kernel_size=3):
    """How many inputs one output sees: what an impulse turns into, all weights being 1."""
    image = keras.Input((99, 1))
    model = keras.Model(image, dilated_stack(image, 1, rates, kernel_size, name="stack"))
    for layer in model.layers[1:]:
        layer.set_weights(
            [np.ones(w.shape) for w in layer.weights[:1]] + [np.zeros(1)] if layer.weights else []
        )
    impulse = np.zeros((1, 99, 1), "float32")
    impulse[0, 49] = 1
    return np.count_nonzero(model(impulse))


@pytest.mark.parametrize(
    ("rates", "kernel_size"), [((1, 2, 4, 8), 3), ((1, 1, 1, 1), 3), ((1, 3, 9), 3), ((2, 4), 5)]
)
def test_sees_as_far_as_the_formula_says(rates, kernel_size):
    # Gaps between the taps of rates 2 and 4 alone: half of the inputs in reach are seen.
    gaps = rates[0]
    assert (view(rates, kernel_size) - 1) * gaps + 1 == 1 + (kernel_size - 1) * sum(rates)


def test_four_doubling_layers_see_31_where_plain_ones_see_9():
    assert view((1, 2, 4, 8)) == 31
    assert view((1, 1, 1, 1)) == 9


@pytest.mark.parametrize("sizes", [(9,), (9, 8), (5, 4, 6)])
def test_keeps_the_resolution_over_one_to_three_axes(sizes):
    image = keras.Input((*sizes, 2))
    model = keras.Model(image, dilated_stack(image, (4, 6), (1, 2), name="stack"))
    assert model.output_shape == (None, *sizes, 6)
    names = [layer.name for layer in model.layers[1:]]
    assert names == ["stack_1_conv", "stack_1_relu", "stack_2_conv", "stack_2_relu"]


def test_filters_go_with_rates():
    with pytest.raises(ValueError, match=r"one for each of the rates \(1, 2\), got \(4,\)"):
        dilated_stack(keras.Input((9, 1)), (4,), (1, 2), name="stack")
