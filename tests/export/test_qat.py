"""Quantization-aware training: where it rounds, by how much, and that it keeps what it must."""

import sys

import keras
import numpy as np
import pytest
from keras import layers

import export
import kerascnn
from export.constraints.kernels import sparsity
from export.constraints.zeros import keep_zeros
from export.conversion.tflite import to_tflite
from export.proof.reference import Reference
from export.proof.verification import judge
from export.pruning.schedule import Pruning, polynomial_sparsity
from export.quantization.biases import settle_biases
from export.quantization.fake_quant import FakeQuant
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from export.runtimes.tflite_content import float_operators
from export.subject.subject import subject_of_model
from kerascnn.config import Normalize
from kerascnn.errors import UserError
from kerascnn.models.graph import canonical, normalized


def rng_images(count=16, shape=(32, 32, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape)).astype("float32")


@pytest.fixture(scope="module")
def resnet8():
    keras.utils.set_random_seed(0)
    model = normalized(kerascnn.build("resnet8"), Normalize())
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            size = layer.gamma.shape[0]
            values = [rng.uniform(0.5, 1.5, size), rng.normal(0, 0.1, size)]
            layer.set_weights([*values, rng.normal(0, 0.1, size), rng.uniform(0.5, 2, size)])
    return model


def test_names_and_weights_survive(resnet8):
    simulated = quantized_model(resnet8)
    names = {layer.name for layer in simulated.layers}
    assert {layer.name for layer in resnet8.layers} <= names
    kernel = simulated.get_layer("stem_conv")._kernel.numpy()
    np.testing.assert_array_equal(kernel, resnet8.get_layer("stem_conv").kernel.numpy())


def test_it_rounds_where_a_kernel_requantizes_and_nowhere_else(resnet8):
    rounded = {x.name for x in quantized_model(resnet8).layers if isinstance(x, FakeQuant)}
    assert "stem_relu_quant" in rounded
    assert "stage1_block1_out_quant" in rounded
    assert "stage2_block1_proj_conv_quant" in rounded  # an operand of Add has a scale of its own
    assert not {"stem_conv_quant", "stem_bn_quant", "stage1_block1_add_quant"} & rounded


def test_a_calibrated_model_answers_like_the_float_one(resnet8):
    images = rng_images()
    simulated = quantized_model(resnet8)
    calibrate(simulated, [images])
    float_logits, logits = (m.predict(images, verbose=0) for m in (resnet8, simulated))
    noise = np.abs(logits - float_logits).max() / np.abs(float_logits).max()
    assert 0 < noise < 0.1  # 8 bits a layer, a dozen layers


def test_weights_take_at_most_255_values_a_channel(resnet8):
    kernel = keras.ops.convert_to_numpy(
        quantized_model(resnet8).get_layer("stage1_block1_1_conv").kernel
    )
    for channel in range(kernel.shape[-1]):
        values = kernel[..., channel]
        scale = np.abs(values).max() / 127
        np.testing.assert_allclose(values / scale, np.rint(values / scale), atol=1e-3)


@pytest.mark.full
def test_it_saves_loads_and_trains(resnet8, tmp_path):
    simulated = quantized_model(resnet8)
    images = rng_images()
    calibrate(simulated, [images])
    simulated.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    labels = np.arange(16) % 10
    losses = simulated.fit(images, labels, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    simulated.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), simulated.predict(images, verbose=0)
    )


def test_training_keeps_the_zeros(resnet8):
    simulated = quantized_model(resnet8)
    kernel = simulated.get_layer("stage1_block1_1_conv")._kernel
    kernel.assign(kernel.numpy() * (np.random.default_rng(0).random(kernel.shape) < 0.5))
    zeros = kernel.numpy() == 0
    keep_zeros(simulated)
    calibrate(simulated, [rng_images()])
    simulated.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = kernel.numpy().copy()
    simulated.fit(rng_images(), np.arange(16) % 10, verbose=0)
    assert (kernel.numpy()[zeros] == 0).all()
    assert (kernel.numpy()[~zeros] != before[~zeros]).any()


def test_a_layer_without_a_rule_can_stay_float(tmp_path):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 128, -1.0)(inputs)
    x = keras.layers.Conv2D(4, 3, activation="relu", name="first")(x)
    x = keras.layers.Activation("log_sigmoid", name="fog")(x)
    outputs = keras.layers.Conv2D(5, 3, name="second")(x)
    model = keras.Model(inputs, outputs)
    with pytest.raises(UserError, match="fog: int8 has no rule for the activation log_sigmoid"):
        quantized_model(model)
    simulated = quantized_model(model, exclude=["f?g"])
    names = [layer.name for layer in simulated.layers if isinstance(layer, FakeQuant)]
    assert names[1:] == ["first_relu_quant", "fog_quant", "second_quant"]
    images = rng_images(shape=(8, 8, 3))
    calibrate(simulated, [images])
    settle_biases(simulated)
    assert exact_share(simulated, images, tmp_path / "model.tflite") > 0.9


def test_an_excluded_layer_keeps_its_float_weights(resnet8, tmp_path):
    images = rng_images(64)
    simulated = quantized_model(resnet8, exclude=["stage1_block1_1_*", "head_logits"])
    conv = simulated.get_layer("stage1_block1_1_conv")
    np.testing.assert_array_equal(np.asarray(conv.kernel), np.asarray(conv._kernel))
    calibrate(simulated, [images])
    settle_biases(simulated)
    share = exact_share(simulated, images, tmp_path / "mixed.tflite")
    assert share > 0.9  # the rest is int8, which rounds some halves its own way
    in_float = float_operators((tmp_path / "mixed.tflite").read_bytes())
    assert {"CONV_2D", "FULLY_CONNECTED"} < set(in_float)
    assert "ADD" not in in_float


@pytest.mark.parametrize("excluded", [(), pytest.param(("head_logits",), marks=pytest.mark.full)])
def test_what_stays_float_passes_only_if_the_simulation_says_so(resnet8, tmp_path, excluded):
    images = rng_images(64).astype("uint8")
    mixed, simulated = (quantized_model(resnet8, exclude=e) for e in (["head_logits"], excluded))
    for model in (mixed, simulated):
        calibrate(model, [images.astype("float32")])
        settle_biases(model)
    path = tmp_path / "mixed.tflite"
    path.write_bytes(to_tflite(mixed, batch=None))
    expected = Reference(subject_of_model(simulated, images, pixels=True), simulated)
    with Artifact(path) as artifact:
        verdict = judge(artifact, expected)
    failed = [check.name for check in verdict.checks if not check.passed]
    assert ("operators in float" in failed) == (not excluded)


def test_an_activation_inside_an_excluded_layer_stays_float_with_it():
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, activation="relu", name="first")(image)
    x = layers.Conv2D(4, 3, activation="silu", name="second")(x)
    model = keras.Model(image, layers.Conv2D(4, 3, name="third")(x))
    simulated = quantized_model(model, exclude=["first", "second"])
    rounded = [layer.name for layer in simulated.layers if isinstance(layer, FakeQuant)]
    assert "second_silu_quant" in rounded  # what int8 takes
    assert not [name for name in rounded if name.startswith("first")]


def test_an_exclusion_that_fits_no_layer_is_refused(resnet8):
    with pytest.raises(UserError, match="exclude: no layer of resnet8 is called 'stemm_conv'"):
        quantized_model(resnet8, exclude=["stemm_conv"])


def test_polynomial_sparsity_rises_fast_then_slowly():
    found = [polynomial_sparsity(p, 0.8, 0.2, 0.6) for p in (0.1, 0.2, 0.4, 0.6, 1.0)]
    assert found == pytest.approx([0, 0, 0.8 * (1 - 0.5**3), 0.8, 0.8])


def test_pruning_zeroes_the_smallest_weights():
    inputs = keras.Input((10,))
    model = keras.Model(inputs, keras.layers.Dense(10, name="dense")(inputs))
    magnitudes = np.random.default_rng(0).permutation(np.arange(1, 101)).reshape(10, 10)
    model.get_layer("dense").kernel.assign(magnitudes)
    pruner = Pruning(model, 0.3, steps=4, end=0.5)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(np.ones((8, 10)), np.ones((8, 10)), batch_size=2, callbacks=[pruner], verbose=0)
    assert sparsity(model) == 0.3
    kept = model.get_layer("dense").kernel.numpy()
    np.testing.assert_array_equal(kept, np.where(magnitudes > 30, magnitudes, 0))


def exact_share(simulated, images, path):
    """How many outputs of the converted file are the very integers of the simulation."""
    path.write_bytes(export.convert(simulated, "tflite"))
    logits = simulated.predict(images, verbose=0)
    with Artifact(path) as artifact:
        end = artifact.outputs[0]
        steps = artifact.run([images.astype("uint8")])[0] - np.float32(end["zero_point"])
    return (np.rint(logits / end["scale"]) == steps).mean()


def test_with_settled_biases_the_file_computes_what_the_simulation_computes(resnet8, tmp_path):
    images = rng_images(64)
    simulated = quantized_model(resnet8)
    calibrate(simulated, [images])
    before = simulated.predict(images, verbose=0)
    loose = exact_share(simulated, images, tmp_path / "loose.tflite")
    settle_biases(simulated)
    settled = exact_share(simulated, images, tmp_path / "settled.tflite")
    assert settled > max(loose, 0.9)  # what is left are halves that float32 and int32 round apart
    after = simulated.predict(images, verbose=0)
    step = (before.max() - before.min()) / 255
    assert np.abs(after - before).mean() < step  # less than the rounding itself


@pytest.mark.full
def test_a_network_deeper_than_pythons_stack_is_rebuilt_and_quantized():
    """Keras takes one recursion a layer, and a quantized network has a rounding behind each."""
    before = sys.getrecursionlimit()
    try:
        x = image = keras.Input((4, 4, 3))
        for _ in range(400):
            x = layers.ReLU()(layers.Conv2D(3, 1)(x))
        model = keras.Model(image, layers.Flatten()(x))
        nested = keras.Model(image, model(image))
        sys.setrecursionlimit(700)
        assert len(canonical(nested).layers) > 800
        sys.setrecursionlimit(1100)
        assert len(quantized_model(model).layers) > 1200
    finally:
        sys.setrecursionlimit(before)
