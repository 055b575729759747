"""Channels reversed, reordered or sliced are a kernel of int8, in a file of either format."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.applications import vgg16
from small_networks import randomized

from export.integer_form.rewrite import integer_form
from export.runtimes.engines import read_content
from kerascnn import export

PIXELS = np.random.default_rng(0).integers(0, 256, (48, 12, 10, 3)).astype("float32")
FRONTS = {
    "keras.applications' Caffe": vgg16.preprocess_input,
    "a slice backwards": lambda x: layers.Rescaling(1 / 127.5, -1)(x[..., ::-1]),
    "flipped": lambda x: layers.Rescaling(1 / 255)(ops.flip(x, axis=-1)),
    "taken": lambda x: layers.Rescaling(1 / 255)(ops.take(x, [1, 2, 0], axis=-1)),
    "joined": lambda x: layers.Rescaling(1 / 255)(
        layers.Concatenate()([x[..., 2:], x[..., 1:2], x[..., :1]])
    ),
    "behind the scaling": lambda x: layers.Rescaling(1 / 127.5, -1)(x)[..., ::-1],
    "some of them": lambda x: layers.Rescaling(1 / 255)(x[..., 1:]),
    "twice": lambda x: layers.Rescaling(1 / 255)(ops.flip(x[..., ::-1], axis=-1)),
}


def network(front):
    image = keras.Input((12, 10, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(front(image))
    x = layers.Dense(4)(layers.Flatten()(layers.MaxPooling2D()(x)))
    return randomized(keras.Model(image, x))


@pytest.mark.parametrize("name", FRONTS)
def test_a_network_of_channels_in_another_order_is_whole_int8(tmp_path, capsys, name):
    model = network(FRONTS[name])
    quantized = export.quantize(model, PIXELS, pixels=True)
    assert "in float" not in capsys.readouterr().out
    files = [tmp_path / "a.tflite", tmp_path / "a.onnx"]
    for made in export.deliver(quantized, files, evidence=PIXELS, pixels=True):
        assert made.passed and not made.verdict.doubt
    for file in files:
        assert read_content(file).islands == ()
    error = quantized.predict(PIXELS, verbose=0) - model.predict(PIXELS, verbose=0)
    assert np.std(error) < 0.05 * np.std(model.predict(PIXELS, verbose=0))


def test_the_kernel_is_exact_and_takes_the_means_in(tmp_path):
    """Caffe's preprocessing is one kernel: blue, green, red, less their means."""
    model = network(vgg16.preprocess_input)
    flat = integer_form(model)
    np.testing.assert_allclose(
        flat.predict(PIXELS, verbose=0), model.predict(PIXELS, verbose=0), rtol=1e-4, atol=1e-3
    )
    path = tmp_path / "a.tflite"
    export.deliver(export.quantize(model, PIXELS), [path], evidence=PIXELS)
    counts = {o["name"]: o["count"] for o in read_content(path).operators}
    assert counts["CONV_2D"] == 2 and "DEPTHWISE_CONV_2D" not in counts


@pytest.mark.parametrize(
    "other",
    [
        lambda x: ops.flip(x, axis=1),  # rows, not channels
        lambda x: x[:, ::2],
        lambda x: layers.Concatenate()([x, layers.Conv2D(1, 1)(x)]),
    ],
)
def test_what_is_no_choice_of_channels_stays_what_it_is(other):
    model = network(lambda x: other(layers.Rescaling(1 / 255)(x)))
    before = [x for x in model.operations if isinstance(x, layers.Conv2D)]
    after = [x for x in integer_form(model).operations if isinstance(x, layers.Conv2D)]
    assert len(after) == len(before)
    np.testing.assert_allclose(
        integer_form(model).predict(PIXELS, verbose=0),
        model.predict(PIXELS, verbose=0),
        rtol=1e-4,
        atol=1e-4,
    )


def test_one_can_leave_it_float(tmp_path):
    model = network(lambda x: layers.Rescaling(1 / 255)(x)[..., ::-1])
    name = next(x.name for x in model.operations if x.name.startswith("get_item"))
    quantized = export.quantize(model, PIXELS, exclude=[name])
    (made,) = export.deliver(quantized, [tmp_path / "f.tflite"], evidence=PIXELS)
    assert made.passed
    assert name in [node.name for node in quantized.operations]
