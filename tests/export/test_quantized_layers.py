"""Layers that simulate int8: the fused normalization is Keras' own, only faster."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from small_networks import every_rule, randomized

from export.compression.qat import quantize
from export.compression.folded_normalization import FoldedBatchNormalization

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
    seen += [*model.get_weights(), model(images, training=False)]
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
def test_what_the_kernel_cannot_do_is_left_to_keras(shape, options):
    for ours, keras_own in zip(
        trained(FoldedBatchNormalization, shape, **options),
        trained(layers.BatchNormalization, shape, **options),
        strict=True,
    ):
        np.testing.assert_array_equal(ours, keras_own)


def test_a_frozen_normalization_keeps_its_statistics():
    layer = FoldedBatchNormalization()
    layer.build((None, 2, 2, 3))
    layer.trainable = False
    layer(np.ones((4, 2, 2, 3), "float32") * 5, training=True)
    np.testing.assert_array_equal(layer.get_weights()[2], np.zeros(3))


def test_a_quantized_model_normalizes_by_the_fused_kernel_and_loads_again(tmp_path):
    model = quantize(every_rule())
    assert isinstance(model.get_layer("stem_bn"), FoldedBatchNormalization)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("stem_bn"), FoldedBatchNormalization)
