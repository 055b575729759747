"""Layers that simulate int8: what they round, and the normalization that is folded."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from small_networks import every_rule, pixels, randomized

from export.conversion.freeze import freeze
from export.conversion.tflite import to_tflite
from export.quantization.folded_normalization import (
    FoldedBatchNormalization,
    FreezeStatistics,
)
from export.quantization.quantizer import calibrate, quantized_model

needs_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="the kernel is TensorFlow's"
)


def trained(kind, shape, steps=3, **options):
    """Outputs, weights and gradients of a few steps through a normalization of class `kind`."""
    import tensorflow as tf

    x = keras.Input(shape)
    model = randomized(keras.Model(x, kind(**options)(x)))
    rng = np.random.default_rng(0)
    seen = []
    for _ in range(steps):
        images = tf.constant(rng.normal(2, 3, (4, *shape)).astype("float32"))
        weight = tf.constant(rng.normal(size=(4, *shape)).astype("float32"))
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = model(images, training=True)
            loss = ops.sum(outputs * weight)
        variables = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(loss, [images, *variables])
        seen += [outputs, *gradients]
    weights = {w.path.split("/")[-1]: w for w in model.weights if w.name != "frozen"}
    seen += [weights[name] for name in sorted(weights)] + [model(images, training=False)]
    return [np.asarray(value) for value in seen]


@needs_tensorflow
@pytest.mark.parametrize(
    "options",
    [{}, {"momentum": 0.5, "epsilon": 1e-5}, {"scale": False}, {"center": False}],
    ids=str,
)
def test_the_fused_normalization_trains_as_keras_own(options):
    for ours, keras_own in zip(
        trained(FoldedBatchNormalization, (5, 6, 3), **options),
        trained(layers.BatchNormalization, (5, 6, 3), **options),
        strict=True,
    ):
        # float32 sums in another order, of gradients up to a hundred
        np.testing.assert_allclose(ours, keras_own, rtol=1e-4, atol=1e-4)


@needs_tensorflow
@pytest.mark.parametrize(("shape", "options"), [((7,), {}), ((5, 6, 3), {"axis": 1})])
def test_what_the_kernel_cannot_do_is_computed_as_keras_does(shape, options):
    for ours, keras_own in zip(
        trained(FoldedBatchNormalization, shape, **options),
        trained(layers.BatchNormalization, shape, **options),
        strict=True,
    ):
        np.testing.assert_allclose(ours, keras_own, rtol=1e-4, atol=1e-4)


def test_a_frozen_normalization_keeps_its_statistics():
    layer = FoldedBatchNormalization()
    layer.build((None, 2, 2, 3))
    layer.trainable = False
    layer(np.ones((4, 2, 2, 3), "float32") * 5, training=True)
    np.testing.assert_array_equal(layer.get_weights()[2], np.zeros(3))


def test_statistics_freeze_while_a_compiled_training_runs():
    x = keras.Input((4, 4, 3))
    y = layers.BatchNormalization(name="bn")(layers.Conv2D(4, 3, name="conv")(x))
    model = quantized_model(randomized(keras.Model(x, y)))
    images = np.random.default_rng(0).normal(2, 3, (16, 4, 4, 3)).astype("float32")
    calibrate(model, [images])
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append([np.asarray(w) for w in model.get_layer("bn").get_weights()])

    model.compile(keras.optimizers.SGD(0.01), "mse")
    targets = np.ones((16, 2, 2, 4), "float32")
    callbacks = [FreezeStatistics(2), Watch()]
    model.fit(images, targets, epochs=4, verbose=0, callbacks=callbacks)
    for i in (2, 3):  # of gamma, beta, mean, variance
        assert (seen[0][i] != seen[1][i]).all()
        np.testing.assert_array_equal(seen[1][i], seen[2][i])
        np.testing.assert_array_equal(seen[2][i], seen[3][i])
    assert (seen[2][0] != seen[3][0]).all()  # what is learned goes on
    trained, run = model(images, training=True), model(images, training=False)
    np.testing.assert_allclose(trained, run, rtol=1e-5, atol=1e-5)  # one computation, two kernels


def folding(per_channel):
    """A quantized convolution whose channels have gains of very different sizes, and pixels."""
    x = keras.Input((8, 8, 3))
    y = layers.Conv2D(6, 3, use_bias=False, name="conv")(x)
    model = randomized(keras.Model(x, layers.BatchNormalization(name="bn")(y)))
    model.get_layer("bn").gamma.assign([0.01, 0.1, -0.5, 1.0, 5.0, 0.0])
    simulated = quantized_model(model, per_channel=per_channel)
    calibrate(simulated, [pixels(model)])
    return simulated, pixels(model)


@pytest.mark.parametrize("per_channel", [True, False])
def test_what_is_rounded_is_the_kernel_with_its_normalization(per_channel):
    simulated, _ = folding(per_channel)
    conv, gain = simulated.get_layer("conv"), np.asarray(simulated.get_layer("bn").gain())
    product = np.asarray(conv._kernel) * gain
    scale = np.abs(product).max((0, 1, 2) if per_channel else None) / 127
    steps = np.asarray(conv.kernel) * gain / np.where(scale > 0, scale, 1)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.abs(steps - product / np.where(scale > 0, scale, 1)).max() <= 0.5 + 1e-3


def run(frozen, images):
    """The one output of a frozen graph."""
    whole = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(frozen.graph, name=""), [])
    ends = [whole.graph.get_tensor_by_name(t.name) for t in (*frozen.inputs, *frozen.outputs)]
    return whole.prune(ends[0], ends[1])(tf.constant(images))


@pytest.mark.parametrize("per_channel", [True, False])
def test_written_with_its_normalization_it_computes_the_same(per_channel):
    simulated, images = folding(per_channel)
    before = simulated(images)
    after = run(freeze(simulated, batch=None, float_pixels=True), images)
    # The same integers, scaled before the sum and not behind it; a step may turn at a half.
    step = (np.max(before) - np.min(before)) / 255
    assert (np.abs(before - after) < 0.5 * step).mean() > 0.999


def test_one_scale_a_tensor_is_one_scale_in_the_file(tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    simulated, _ = folding(per_channel=False)
    interpreter = Interpreter(model_content=to_tflite(simulated))
    kernels = [t for t in interpreter.get_tensor_details() if list(t["shape"]) == [6, 3, 3, 3]]
    assert [len(t["quantization_parameters"]["scales"]) for t in kernels] == [1]


def test_a_saved_model_keeps_the_float_values_behind_the_rounding(tmp_path):
    model = quantized_model(every_rule())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for before, after in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    kernel = loaded.get_layer("stem")
    assert (np.asarray(kernel._kernel) != np.asarray(kernel.kernel)).any()


def test_a_loaded_model_folds_as_before(tmp_path):
    simulated, images = folding(per_channel=False)
    simulated.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(images), simulated(images))


def test_a_quantized_model_normalizes_by_the_fused_kernel_and_loads_again(tmp_path):
    model = quantized_model(every_rule())
    assert isinstance(model.get_layer("stem_bn"), FoldedBatchNormalization)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("stem_bn"), FoldedBatchNormalization)
