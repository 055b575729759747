"""TensorFlow's fused kernel gives what Keras' batch normalization gives, and is saved as that."""

import keras
import numpy as np
import pytest
from keras import layers

from kerascnn.training.fused_normalization import fused_normalization, normalize_batch


def small(**options):
    keras.utils.set_random_seed(3)
    x = image = keras.Input((6, 5, 3))
    x = layers.Conv2D(4, 3)(x)
    x = layers.BatchNormalization(**options)(x)
    x = layers.ReLU()(x)
    x = layers.Dense(2)(layers.Flatten()(x))
    return keras.Model(image, x)


def trained(model, fused, x, y):
    model.compile(keras.optimizers.SGD(0.01, momentum=0.9), "mse")
    if fused:
        with fused_normalization(model):
            losses = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    else:
        losses = model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return losses.history["loss"], model


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(3, 2, (20, 6, 5, 3)).astype(np.float32)  # the last batch is a small one
    return x, rng.normal(size=(20, 2)).astype(np.float32)


def kernels(model, x):
    """How many fused kernels a step of training has."""
    import tensorflow as tf

    with fused_normalization(model):
        step = tf.function(lambda x: model(x, training=True)).get_concrete_function(tf.constant(x))
    return sum(op.type == "FusedBatchNormV3" for op in step.graph.get_operations())


@pytest.mark.parametrize(
    "options",
    [
        {},
        pytest.param({"scale": False}, marks=pytest.mark.full),
        pytest.param({"center": False}, marks=pytest.mark.full),
        {"momentum": 0.5, "epsilon": 0.1},
    ],
)
def test_it_trains_to_the_weights_of_keras(data, options):
    plain, other = trained(small(**options), False, *data)
    fused, model = trained(small(**options), True, *data)
    assert kernels(small(**options), data[0]) == 1
    assert fused == pytest.approx(plain, rel=1e-5)
    for mine, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(
            mine, theirs, rtol=1e-5, atol=1e-5
        )  # nine steps of sums in another order


@pytest.mark.parametrize(
    "dtype", ["mixed_bfloat16", pytest.param("mixed_float16", marks=pytest.mark.full)]
)
def test_half_precision_keeps_the_statistics_in_float32(data, dtype):
    model = small(dtype=dtype)
    normalization = model.layers[2]
    assert kernels(model, data[0]) == 1
    losses, model = trained(model, True, *data)
    plain, _ = trained(small(dtype=dtype), False, *data)
    assert losses == pytest.approx(plain, rel=0.03)  # activations of 8 bits
    assert normalization.moving_variance.dtype == "float32"
    moved = keras.ops.convert_to_numpy(normalization.moving_mean)
    assert (moved != moved.astype("float16")).any()


@pytest.mark.parametrize(("channels", "dtype"), [(16, "bfloat16"), (12, "float32")])
def test_a_cpu_takes_bfloat16_in_blocks_of_channels(channels, dtype):
    """Of another number the kernel is many times slower in bfloat16 than in float32."""
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        pytest.skip("a GPU has a kernel of its own")
    layer = layers.BatchNormalization(dtype="mixed_bfloat16")
    layer.build((None, 6, 5, channels))

    @tf.function
    def normalized(x):
        return normalize_batch(layer, x)

    step = normalized.get_concrete_function(tf.zeros((8, 6, 5, channels), tf.bfloat16))
    kernel = next(op for op in step.graph.get_operations() if op.type == "FusedBatchNormV3")
    assert kernel.get_attr("T") == dtype
    assert step.outputs[0].dtype == tf.bfloat16


@pytest.mark.parametrize("options", [{"axis": 1}, {"synchronized": True}, {"renorm": True}])
def test_what_has_no_fused_kernel_is_left_to_keras(data, options):
    assert kernels(small(**options), data[0]) == 0


def test_a_frozen_layer_and_inference_use_the_moving_statistics(data):
    model = small()
    model.layers[2].trainable = False
    before = model.predict(data[0], verbose=0)
    with fused_normalization(model):
        np.testing.assert_allclose(model(data[0], training=True), before, rtol=1e-5)
    assert kernels(model, data[0]) == 0


def test_it_is_saved_as_an_ordinary_layer(data, tmp_path):
    model = small()
    with fused_normalization(model):
        model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.layers[2]) is layers.BatchNormalization
    assert loaded.layers[2].get_config() == model.layers[2].get_config()
    assert "call" not in vars(model.layers[2])


def test_train_uses_it(monkeypatch, tmp_path):
    import tensorflow as tf

    import kerascnn.config as configs
    from kerascnn.training import train

    called, kernel = [], tf.raw_ops.FusedBatchNormV3
    monkeypatch.setattr(
        tf.raw_ops, "FusedBatchNormV3", lambda **options: called.append(1) or kernel(**options)
    )
    asked = ["model.name=resnet8", "data.size=[8, 8]", "data.batch_size=256", "training.epochs=2"]
    train(configs.load("configs/digits/lenet5.yaml", asked), tmp_path / "run")
    assert len(called) % 7 == 0 and called  # of the 7 normalizations, at each trace
