"""What int8 needs rewritten, and where it rounds: the file must compute what is simulated."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import every_rule, network, pixels, randomized

import kerascnn.layers as ours
from export.conversion.tflite import to_tflite
from export.integer_form.rewrite import integer_form
from export.proof.checks import WITHIN_A_STEP
from export.quantization.biases import settle_biases
from export.quantization.fake_quant import FakeQuant
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from kerascnn.errors import UserError


def test_it_computes_the_same():
    model = every_rule()
    form = integer_form(model)
    x = pixels(model)
    np.testing.assert_allclose(form(x), model(x), atol=1e-5)
    rewritten = (layers.Normalization, layers.SeparableConv2D)
    assert not any(isinstance(layer, rewritten) for layer in form.layers)
    assert {"alone_identity", "separable_depthwise", "stem_silu_sigmoid"} <= {
        layer.name for layer in form.layers
    }


def test_what_was_put_in_is_not_trained():
    form = integer_form(every_rule())
    assert not form.get_layer("channels").trainable
    assert not form.get_layer("alone_identity").trainable
    assert form.get_layer("separable_depthwise").trainable


def test_no_two_kernels_in_front_of_normalizations_are_equal():
    # TFLite's converter would merge them and fold every normalization into the one that is left.
    def body(x):
        for _ in range(4):
            x = layers.ReLU()(layers.BatchNormalization()(x))
        return x

    kernels = [
        layer.get_weights()[0].tobytes()
        for layer in integer_form(network(body)).layers
        if layer.name.endswith("_identity")
    ]
    assert len(set(kernels)) == len(kernels) == 4


def test_pixels_without_normalization_are_an_input_of_their_own():
    form = integer_form(keras.Sequential([keras.Input((4, 4, 1)), layers.Conv2D(2, 3)]))
    assert isinstance(form.layers[1], layers.Rescaling)


def test_a_vector_is_normalized_as_an_image_of_one_pixel():
    x = keras.Input((4,))
    y = layers.BatchNormalization()(layers.Dense(6, use_bias=False)(x)) * 2.0
    model = randomized(keras.Model(x, y))
    np.testing.assert_allclose(integer_form(model)(pixels(model)), model(pixels(model)), rtol=1e-4)


def test_a_sequence_is_normalized_as_an_image_one_pixel_high():
    x = keras.Input((8, 4))
    model = randomized(keras.Model(x, layers.BatchNormalization()(layers.Dense(6)(x)) * 2.0))
    np.testing.assert_allclose(integer_form(model)(pixels(model)), model(pixels(model)), rtol=1e-4)


def test_a_normalization_of_volumes_is_refused():
    x = keras.Input((2, 4, 4, 3))
    with pytest.raises(UserError, match=r"alone: int8 normalizes images, .*exclude 'alone'"):
        integer_form(keras.Model(x, layers.BatchNormalization(name="alone")(x)))


def conv(x, **options):
    return layers.Conv2D(8, 3, padding="same", **options)(x)


def relu(x):
    return layers.ReLU()(x)


def gate(x):
    return layers.Conv2D(8, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))


def concatenated_with_what_others_take_too(x):
    x = relu(conv(x))
    return layers.Concatenate()([x * gate(x), x])


def one_convolution_normalized_twice(x):
    shared = layers.Conv2D(8, 3, padding="same", use_bias=False)
    first = relu(layers.BatchNormalization()(shared(x)))
    return layers.Add()([first, layers.BatchNormalization()(shared(relu(x)))])


def equal_kernels_one_of_them_normalized(x):
    x = relu(layers.BatchNormalization()(relu(conv(x))))
    return layers.Activation("hard_sigmoid")(x)


NETWORKS = {
    "relu after a concatenation": lambda x: relu(layers.Concatenate()([conv(x), conv(x)])),
    "relu after global pooling": lambda x: relu(layers.GlobalAveragePooling2D()(conv(x))),
    "relu after a transposed convolution": lambda x: relu(layers.Conv2DTranspose(4, 3)(x)),
    "normalization after a transposed convolution": lambda x: relu(
        layers.BatchNormalization()(layers.Conv2DTranspose(4, 3, use_bias=False)(x))
    ),
    "normalization after a dense layer": lambda x: relu(
        layers.BatchNormalization()(layers.Dense(6, use_bias=False)(layers.Flatten()(x)))
    ),
    "normalization alone": lambda x: relu(layers.BatchNormalization()(relu(conv(x)))),
    "concatenation": concatenated_with_what_others_take_too,
    "a shared convolution": one_convolution_normalized_twice,
    "equal kernels": equal_kernels_one_of_them_normalized,
    "stochastic depth": lambda x: relu(layers.Add()([conv(x), ours.StochasticDepth(0.7)(conv(x))])),
    "a fractal join": lambda x: ours.FractalJoin()([conv(x), conv(x)], ours.FractalColumn(2)(x)),
    "a sum of three": lambda x: relu(layers.Add()([conv(x), conv(x), conv(x)])),
    "swish": lambda x: layers.Activation("silu")(conv(x)),
    "constants": lambda x: relu(conv(x) * 0.5 + 0.25),
}


QUICK = {  # what is rewritten for int8; what is only fused is marked full
    *(
        "normalization after a dense layer",
        "a shared convolution",
        "equal kernels",
        "a fractal join",
    ),
    *("stochastic depth", "swish", "constants"),
}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(body, id=name, marks=() if name in QUICK else pytest.mark.full)
        for name, body in NETWORKS.items()
    ],
)
def test_the_file_is_all_int8_and_computes_what_is_simulated(body, tmp_path):
    check(network(body), tmp_path)


@pytest.mark.parametrize(
    ("scale", "offset"),
    [(1 / 127.5, -1.0), (1 / 51, -0.5), (-1 / 255, 1.0), (1 / 255, 0.5), (1 / 128, -3.0)],
    ids=["0 between two pixels", "and nearer 0", "negative", "all positive", "0 is no pixel"],
)
def test_pixels_mean_in_the_file_what_the_simulation_takes_them_for(scale, offset, tmp_path):
    image = keras.Input((12, 12, 3))
    x = relu(conv(layers.Rescaling(scale, offset, name="normalize")(image)))
    model = randomized(keras.Model(image, layers.Dense(5)(layers.Flatten()(x))))
    check(model, tmp_path)
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model)])
    logits, outputs = model(pixels(model)), simulated(pixels(model))
    # Eight bits of three layers, 0.01 here; with pixels cut off at the nearest 0 it was 0.3.
    assert np.abs(outputs - logits).max() < 0.03 * np.abs(logits).max()


def test_pixels_normalized_in_two_ways_keep_both(tmp_path):
    image = keras.Input((12, 12, 3))
    ways = [layers.Rescaling(1 / 128, -1.0)(image), layers.Rescaling(1 / 255)(image)]
    x = relu(layers.Add()([conv(way) for way in ways]))
    check(randomized(keras.Model(image, layers.Dense(5)(layers.Flatten()(x)))), tmp_path)


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_kernels_with_one_scale_a_tensor_are_int8_too(multiplier, tmp_path):
    def body(x):
        return relu(layers.DepthwiseConv2D(3, depth_multiplier=multiplier)(conv(x)))

    check(network(body), tmp_path, per_channel=False)


def check(model, tmp_path, **options):
    """The int8 file of a model is int8 throughout and gives what is simulated."""
    simulated = quantized_model(model, **options)
    calibrate(simulated, [pixels(model)])
    settle_biases(simulated)
    path = tmp_path / "model.tflite"
    path.write_bytes(to_tflite(simulated))
    images = pixels(model).astype("uint8")
    with Artifact(path) as artifact:
        found, end = artifact.run([images])[0].astype(int), artifact.outputs[0]
        assert "DEQUANTIZE" not in {operator["name"] for operator in artifact.operators}
    logits = simulated.predict(images.astype("float32"), verbose=0)
    expected = (np.rint(logits / end["scale"]) + end["zero_point"]).clip(0, 255)
    # A kernel rounds halves its own way, and two in a row may do so on the same output.
    assert (np.abs(found - expected) <= 1).mean() >= WITHIN_A_STEP
    assert len(np.unique(expected)) > 10  # not all the same, which would agree by itself


def test_the_simulation_is_near_the_model():
    model = every_rule()
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model)])
    x = pixels(model)
    assert np.abs(simulated(x) - np.asarray(model(x))).max() < 0.1 * np.abs(model(x)).max()


def test_each_range_is_watched_or_fixed():
    simulated = quantized_model(every_rule())
    fixed = {layer.name: layer.fixed for layer in simulated.layers if isinstance(layer, FakeQuant)}
    assert fixed["normalize_quant"] == (-1.0, pytest.approx(255 / 128 - 1))
    assert fixed["stem_silu_sigmoid_quant"] == (0.0, 255 / 256)
    assert fixed["stem_bn_quant"] is None
    assert "stem_quant" not in fixed  # its normalization is folded into it
