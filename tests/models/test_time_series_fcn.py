"""The network over sequences, arXiv:1611.06455."""

import keras
import numpy as np

from kerascnn.data import cylinder_bell_funnel
from kerascnn.models import build as build_with_weights


def test_three_convolutions_of_8_5_and_3_steps_keep_the_length(build):
    model = build("time_series_fcn")
    convolutions = [x for x in model.layers if isinstance(x, keras.layers.Conv1D)]
    assert [(x.filters, x.kernel_size) for x in convolutions] == [
        (128, (8,)),
        (256, (5,)),
        (128, (3,)),
    ]
    assert {x.output.shape[1] for x in convolutions} == {128}


def test_weights_fit_sequences_of_any_length_and_channels():
    short, long = (build_with_weights("time_series_fcn", input_shape=(n, 2)) for n in (1, 300))
    long.set_weights(short.get_weights())
    assert long(np.zeros((1, 300, 2), "float32")).shape == (1, 3)


def test_it_tells_cylinders_bells_and_funnels_apart():
    """As the paper's does. Chance is a third."""
    keras.utils.set_random_seed(0)
    model = build_with_weights("time_series_fcn", filters=(32, 64, 32))
    x, y = cylinder_bell_funnel(600)
    model.compile(
        keras.optimizers.Adam(3e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=32, epochs=4, verbose=0)
    _, accuracy = model.evaluate(*cylinder_bell_funnel(300, seed=1), verbose=0)
    assert accuracy > 0.95


def test_drawn_sequences_are_what_their_class_says():
    """By their shape alone: where the noise is averaged away over many of one class."""
    x, y = cylinder_bell_funnel(6000)
    cylinder, bell, funnel = (x[y == k, :, 0].mean(0) for k in range(3))
    assert abs(cylinder[40:48].mean() - 6) < 0.5  # all have begun, hardly one has ended
    assert bell[20:30].mean() < 1.5 < 4 < funnel[28:34].mean()  # one rises, one jumps and fades
    np.testing.assert_array_equal(
        cylinder_bell_funnel(5, seed=3)[0], cylinder_bell_funnel(5, seed=3)[0]
    )
    assert np.bincount(y).tolist() == [2000] * 3
