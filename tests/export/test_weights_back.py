"""What a quantized model learned goes back into its float model; also on another backend."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import every_rule, pixels, randomized

from export.conversion.tflite import to_tflite
from export.quantization.biases import settle_biases
from export.quantization.quantized_layers import QuantizedKernel
from export.quantization.quantizer import calibrate, quantized_model
from export.quantization.weights_back import weights_back
from kerascnn.errors import UserError

ROOT = Path(__file__).parents[2]


def backbone(name="backbone"):
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(6, 3, use_bias=False, name="conv")(x)
    y = layers.ReLU()(layers.BatchNormalization(name="bn")(y))
    return keras.Model(x, y, name=name)


def two_heads():
    """A nested model, called twice, on two inputs; two heads, one of which takes both."""
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    shared = backbone()
    a, b = shared(left), shared(right)
    sums = layers.GlobalAveragePooling2D()(layers.Add()([a, b]))
    kinds = layers.Dense(4, name="kinds")(sums)
    where = layers.SeparableConv2D(2, 3, name="where")(layers.Concatenate()([a, b]))
    return randomized(keras.Model([left, right], [kinds, where], name="two_heads"))


def images_of(model, count=16):
    rng = np.random.default_rng(0)
    shapes = [(count, *x.shape[1:]) for x in model.inputs]
    arrays = [rng.integers(0, 256, shape).astype("float32") for shape in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def test_nested_shared_models_with_two_inputs_and_two_heads_become_int8():
    model = two_heads()
    images = images_of(model)
    simulated = quantized_model(model)
    convolutions = [x for x in simulated.layers if isinstance(x, QuantizedKernel)]
    # The shared convolution is one layer, and the normalization behind it needs none of its own.
    assert [x.name for x in convolutions].count("conv") == 1
    assert not any("identity" in x.name for x in convolutions)
    calibrate(simulated, [images])
    settle_biases(simulated)
    expected = simulated.predict(images, verbose=0)
    found = run(to_tflite(simulated, batch=len(images[0])), dict(left=images[0], right=images[1]))
    for outputs in expected:
        steps, scale, zero_point = found[outputs.shape[1:]]
        wanted = (np.rint(outputs / scale) + zero_point).clip(0, 255)
        # A bias that two calls share cannot lie on the grid of both.
        assert (np.abs(steps.astype(int) - wanted) <= 1).mean() >= 0.99


def run(data, images):
    """An int8 file on images by the names of its inputs: shape -> (integers, scale, zero point)."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        name = next(name for name in images if name in detail["name"])
        interpreter.set_tensor(detail["index"], images[name].astype("uint8"))
    interpreter.invoke()
    ends = interpreter.get_output_details()
    integers = [interpreter.get_tensor(end["index"]) for end in ends]
    return {x.shape[1:]: (x, *end["quantization"]) for x, end in zip(integers, ends, strict=True)}


@pytest.mark.parametrize("build", [every_rule, two_heads])
def test_weights_go_there_and_back(build):
    model = build()
    images = images_of(model)
    expected = model.predict(images, verbose=0)
    simulated = quantized_model(model)
    for layer in model._flatten_layers():
        if not isinstance(layer, layers.Normalization | keras.Model):
            layer.set_weights([w + 1 for w in layer.get_weights()])  # lost, if it comes not back
    weights_back(simulated, model)
    for before, after in zip(
        keras.tree.flatten(expected),
        keras.tree.flatten(model.predict(images, verbose=0)),
        strict=True,
    ):
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)


def test_sequences_get_their_weights_back():
    x = keras.Input((12, 3))
    y = layers.BatchNormalization()(layers.Conv1D(4, 3, use_bias=False)(x))
    y = layers.SeparableConv1D(5, 3)(y)
    model = randomized(keras.Model(x, layers.Conv1DTranspose(2, 3)(y)))
    before = model.get_weights()
    simulated = quantized_model(model)
    for variable in model.variables:
        variable.assign(variable * 0)
    weights_back(simulated, model)
    for found, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_weights_of_another_model_are_refused():
    x = keras.Input((4,))
    other = keras.Model(x, layers.Dense(3, name="unknown")(x), name="other")
    with pytest.raises(UserError, match=r"unknown: .* expected one made of other"):
        weights_back(quantized_model(every_rule()), other)


ON_JAX = """
import sys
import keras, numpy as np
from export.quantization.folded_normalization import FreezeStatistics
from export.quantization.quantizer import calibrate, quantized_model
from small_networks import pixels, randomized
assert keras.backend.backend() == "jax"
keras.utils.set_random_seed(0)
x = keras.Input((8, 8, 3))
y = keras.layers.Conv2D(4, 3, use_bias=False, name="stem")(x)
y = keras.layers.ReLU()(keras.layers.BatchNormalization(name="stem_bn")(y))
model = randomized(keras.Model(x, keras.layers.Dense(5)(keras.layers.Flatten()(y))))
images = pixels(model, 8)
simulated = quantized_model(model, per_channel=False)
calibrate(simulated, [images])
simulated.compile(keras.optimizers.SGD(1e-3), "mse")
before = simulated.get_layer("stem")._kernel.numpy().copy()
simulated.fit(images, np.zeros((8, 5)), batch_size=4, epochs=2, verbose=0,
              callbacks=[FreezeStatistics(1)])
assert (simulated.get_layer("stem")._kernel.numpy() != before).any()
assert float(simulated.get_layer("stem_bn").frozen.value) == 1
simulated.save(sys.argv[1])
np.save(sys.argv[2], simulated.predict(images, verbose=0))
"""


@pytest.mark.full
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="is reloaded on TensorFlow")
def test_it_trains_on_jax_and_runs_on_tensorflow(tmp_path):
    pytest.importorskip("jax")
    kept, outputs = tmp_path / "model.keras", tmp_path / "outputs.npy"
    paths = os.pathsep.join(map(str, (ROOT, ROOT / "tests" / "export")))
    environment = {**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": paths}
    environment["JAX_PLATFORMS"] = "cpu"
    command = [sys.executable, "-c", ON_JAX, str(kept), str(outputs)]
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=300)
    loaded = keras.models.load_model(kept)
    found = loaded.predict(pixels(loaded, 8), verbose=0)
    expected = np.load(outputs)
    # Sums in another order turn a few roundings; each moves an output by about a step.
    step = (expected.max() - expected.min()) / 255
    assert (np.abs(found - expected) <= 1.5 * step).mean() >= 0.95
