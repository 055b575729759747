"""Every layer that int8 has a rule for, one at a time, down to the file that runs."""

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import pixels, randomized

import kerascnn.layers as ours
from export.conversion.onnx import to_onnx
from export.conversion.tflite import to_tflite
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from kerascnn.errors import UserError

WITHIN_A_STEP = 0.999  # what is left are halves that a chain of kernels rounds their own way


def conv(x, filters=8, **options):
    return layers.Conv2D(filters, 3, padding="same", **options)(x)


def features(x):
    return conv(x, activation="relu")


def twice(x, layer):
    return layers.Add()([x, layer(x)])


def scaled_to(x):
    return layers.BatchNormalization()(conv(x, x.shape[-1]))


def larger(x):
    return layers.Maximum()([x, conv(x)])


def extremes(x, y):
    return layers.Add()([layers.Maximum()([x, y]), layers.Minimum()([x, y])])


CODES = (1, -1, 1, 1, -1), (-1, 1, 1, -1, -1), (1, 0.5, -0.5, 1, 1)


def normalized(x):
    return layers.ReLU()(layers.BatchNormalization()(x))


def of_features(kind, *args, **options):
    """A network of a convolution and one layer of class `kind`."""
    return lambda x: kind(*args, **options)(features(x))


def activation(name):
    return lambda x: layers.Activation(name)(conv(x))


def option_a(x):
    shortcut = ours.identity_shortcut(features(x), 16, 2, name="shortcut")
    y = layers.Conv2D(16, 3, 2, padding="same")(features(x))
    return layers.ReLU()(layers.Add()([shortcut, y]))


def split(x):
    left, right = ours.ChannelSplit()(features(x))
    return layers.Concatenate()([left, features(right)])


# fmt: off
OF_IMAGES = {
    "grouped": lambda x: normalized(layers.Conv2D(8, 3, groups=4, use_bias=False)(features(x))),
    "dilated": lambda x: normalized(conv(features(x), dilation_rate=2)),
    "depthwise": lambda x: normalized(layers.DepthwiseConv2D(3, depth_multiplier=2)(features(x))),
    "separable": lambda x: normalized(layers.SeparableConv2D(6, 3, use_bias=False)(features(x))),
    "spatially separable": lambda x: normalized(ours.SpatiallySeparableConv2D(6, 5, 2, "same")(features(x))),  # noqa: E501
    "partially connected": of_features(ours.PartiallyConnectedConv2D, ((0, 1), (5, 7), (2,)), 3),
    "subsampling": of_features(ours.TrainableSubsampling2D, 2),
    "distances to codes": lambda x: ours.RadialBasisOutput(CODES)(layers.Dense(5)(layers.Flatten()(features(x)))),  # noqa: E501
    "transposed": lambda x: normalized(layers.Conv2DTranspose(6, 3, 2)(features(x))),
    "transposed, relu": of_features(layers.Conv2DTranspose, 6, 3, 2, activation="relu"),
    "dense": lambda x: normalized(layers.Dense(7)(layers.Flatten()(features(x)))),
    "dense on pixels": of_features(layers.Dense, 7, activation="relu"),
    "normalization alone": of_features(layers.BatchNormalization),
    "add": lambda x: layers.ReLU()(layers.Add()([conv(x), features(x)])),
    "subtract": lambda x: layers.Subtract()([conv(x), features(x)]),
    "average": lambda x: layers.Average()([conv(x), features(x), conv(x)]),
    "multiply": lambda x: layers.Multiply()([conv(x), features(x)]),
    "concatenate": lambda x: layers.Concatenate()([conv(x), features(x)]),
    "concatenate with the input": lambda x: features(layers.Concatenate()([x, conv(x)])),
    "leaky relu": lambda x: layers.LeakyReLU(0.1)(layers.BatchNormalization()(conv(x))),
    "scaled tanh": lambda x: layers.Activation(ours.scaled_tanh)(conv(x)),
    "scaled tanh of what others take": lambda x: layers.Add()([x, layers.Activation(ours.scaled_tanh)(x)]),  # noqa: E501
    "constants behind a convolution": lambda x: layers.ReLU()(conv(x) * 0.5 + 0.25),
    "elu": lambda x: conv(layers.ELU()(conv(x))),
    "elu, alpha not 1": of_features(layers.ELU, 0.7),
    "elu at the end": activation("elu"),
    "softmax": lambda x: layers.Softmax()(layers.Dense(6)(layers.Flatten()(x))),
    **{name: activation(name) for name in (
        "relu6", "sigmoid", "tanh", "hard_sigmoid", "silu", "hard_silu", "gelu", "hard_tanh",
        "selu", "softplus", "mish", "softsign",
    )},
    "hard tanh of what others take": lambda x: twice(conv(x), layers.Activation("hard_tanh")),
    "prelu": lambda x: conv(layers.PReLU(shared_axes=(1, 2))(layers.BatchNormalization()(conv(x)))),
    "prelu, a slope a pixel": lambda x: layers.PReLU()(conv(x)),
    "prelu of a vector": lambda x: layers.PReLU()(layers.Dense(40)(layers.Flatten()(x))),
    "relu up to 1": lambda x: layers.ReLU(1)(layers.BatchNormalization()(conv(x))),
    "relu up to 1 of what others take": lambda x: twice(conv(x), layers.ReLU(1.0)),
    "stochastic depth": lambda x: layers.Add()([x, ours.StochasticDepth(0.7)(scaled_to(x))]),
    "stochastic depth of what others take": lambda x: twice(features(x), ours.StochasticDepth(0.5)),
    "fractal join": lambda x: ours.FractalJoin()([normalized(conv(x)), normalized(conv(x))]),
    "average of normalized": lambda x: layers.Average()([normalized(conv(x)), layers.BatchNormalization()(conv(x))]),  # noqa: E501
    "maximum": lambda x: layers.Maximum()([conv(x), features(x)]),
    "maximum of halves": lambda x: conv(layers.Maximum()(ours.ChannelSplit()(conv(x)))),
    "maximum with the input": lambda x: conv(layers.Maximum()([x, conv(x, 3)])),
    "minimum of three": lambda x: conv(layers.Minimum()([conv(x), features(x), conv(x)])),
    "maximum and minimum": lambda x: extremes(conv(x), features(x)),
    "maximum of poolings": lambda x: twice(layers.MaxPooling2D(2)(conv(x)), larger),
    "max pooling": of_features(layers.MaxPooling2D, 3, 2, padding="same"),
    "average pooling": lambda x: conv(layers.AveragePooling2D(2)(features(x))),
    "average pooling, same": of_features(layers.AveragePooling2D, 3, 2, padding="same"),
    "global max": of_features(layers.GlobalMaxPooling2D),
    "global average": of_features(layers.GlobalAveragePooling2D, keepdims=True),
    "padding": lambda x: features(layers.ZeroPadding2D(2)(conv(x))),
    "cropping": of_features(layers.Cropping2D, 2),
    "resizing, nearest": of_features(layers.Resizing, 24, 18, interpolation="nearest"),
    "resizing, bilinear": lambda x: conv(layers.Resizing(24, 24)(features(x))),
    "upsampling": of_features(layers.UpSampling2D, (2, 3)),
    "upsampling, bilinear": of_features(layers.UpSampling2D, 2, interpolation="bilinear"),
    "reshape": of_features(layers.Reshape, (6, -1)),
    "permute": of_features(layers.Permute, (2, 1, 3)),
    "flatten": of_features(layers.Flatten),
    "rescaling": of_features(layers.Rescaling, 2.0, -1.0),
    "normalization": lambda x: conv(layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1, 2, 0.5])(x)),  # noqa: E501
    "local response": of_features(ours.LocalResponseNormalization, alpha=1.0, k=1.0),
    "normalized behind a dropout": lambda x: normalized(layers.Dropout(0.2)(conv(x))),
    "noise": lambda x: layers.GaussianNoise(0.1)(layers.SpatialDropout2D(0.1)(features(x))),
    "channel shuffle": of_features(ours.ChannelShuffle, 2),
    "channel split": split,
    "option A": option_a,
    "squeeze and excitation": lambda x: ours.squeeze_and_excitation(features(x), 4, name="se"),
    "depth to space": of_features(ours.DepthToSpace, 2),
    "adaptive pooling": of_features(layers.AdaptiveAveragePooling2D, (5, 7)),
    "adaptive pooling, even": of_features(layers.AdaptiveAveragePooling2D, (4, 6)),
    "pyramid pooling": of_features(ours.SpatialPyramidPooling2D, (1, 2, 5)),
    "max pooling rounding up": of_features(ours.CeilMaxPooling2D, 3, 2),
}


def conv1d(x, **options):
    return layers.Conv1D(8, 3, **{"padding": "same", "activation": "relu", **options})(x)


def of_sequence(kind, *args, **options):
    return lambda x: kind(*args, **options)(conv1d(x))


OF_SEQUENCES = {
    "convolution": lambda x: normalized(conv1d(x, activation=None, use_bias=False)),
    "causal": of_sequence(layers.Conv1D, 6, 3, padding="causal", dilation_rate=2),
    "strided": of_sequence(layers.Conv1D, 8, 3, strides=2, groups=2),
    "depthwise": lambda x: normalized(layers.DepthwiseConv1D(3, 2)(conv1d(x))),
    "separable": lambda x: normalized(layers.SeparableConv1D(6, 3, use_bias=False)(conv1d(x))),
    "transposed": lambda x: normalized(layers.Conv1DTranspose(6, 3, 2)(conv1d(x))),
    "normalization alone": of_sequence(layers.BatchNormalization),
    "constants": lambda x: conv1d(x) * 0.5,
    "prelu": of_sequence(layers.PReLU, shared_axes=(1,)),
    "maximum": lambda x: layers.Maximum()([conv1d(x), conv1d(x, activation=None)]),
    "concatenate": lambda x: layers.Concatenate(axis=1)([conv1d(x), conv1d(x)]),
    "max pooling": of_sequence(layers.MaxPooling1D, 3, 2, padding="same"),
    "average pooling": of_sequence(layers.AveragePooling1D, 2),
    "global max": of_sequence(layers.GlobalMaxPooling1D),
    "global average": of_sequence(layers.GlobalAveragePooling1D),
    "padding": lambda x: layers.Cropping1D(1)(layers.ZeroPadding1D(2)(conv1d(x))),
    "upsampling": of_sequence(layers.UpSampling1D, 2),
    "dense": of_sequence(layers.Dense, 5),
    "dropout": of_sequence(layers.SpatialDropout1D, 0.1),
    "softmax": lambda x: layers.Softmax()(layers.Permute((2, 1))(conv1d(x))),
}
# fmt: on


def built(body, shape):
    """Normalized pixels -> `body`, weights away from their defaults."""
    keras.utils.set_random_seed(0)
    image = keras.Input(shape, name="image")
    x = body(layers.Rescaling(1 / 128, -1.0, name="normalize")(image))
    return randomized(keras.Model(image, x))


def check(model, path, **options):
    """The int8 file of a model has no float operator and gives what is simulated."""
    simulated = quantized_model(model, **options)
    calibrate(simulated, [pixels(model)])
    settle_biases(simulated)
    path.write_bytes(to_tflite(simulated))
    images = pixels(model).astype("uint8")
    with Artifact(path) as artifact:
        found, end = artifact.run([images])[0].astype(int), artifact.outputs[0]
        assert "DEQUANTIZE" not in {operator["name"] for operator in artifact.operators}
    outputs = simulated.predict(images.astype("float32"), verbose=0)
    assert found.shape == outputs.shape
    expected = (np.rint(outputs / end["scale"]) + end["zero_point"]).clip(0, 255)
    assert (np.abs(found - expected) <= 1).mean() >= WITHIN_A_STEP
    assert len(np.unique(expected)) > 10  # not all the same, which would agree by itself
    outputs_before = model.predict(images.astype("float32"), verbose=0)
    noise = np.abs(outputs - outputs_before).max() / np.abs(outputs_before).max()
    assert noise < 0.1  # 8 bits a layer, a few layers


@pytest.mark.full
@pytest.mark.parametrize("name", OF_IMAGES)
def test_a_layer_of_images_is_int8_and_computes_what_is_simulated(name, tmp_path):
    check(built(OF_IMAGES[name], (12, 12, 3)), tmp_path / "model.tflite")


@pytest.mark.full
@pytest.mark.parametrize("name", OF_SEQUENCES)
def test_a_layer_of_sequences_is_int8_and_computes_what_is_simulated(name, tmp_path):
    check(built(OF_SEQUENCES[name], (16, 4)), tmp_path / "model.tflite")


IN_ONNX_TOO = (
    "prelu",
    "hard_tanh",
    "mish",
    "selu",
    "softsign",
    "relu up to 1",
    "minimum of three",
    "pyramid pooling",
    "scaled tanh",
)


@pytest.mark.full
@pytest.mark.parametrize("name", IN_ONNX_TOO)
def test_an_onnx_file_of_it_gives_what_the_tflite_file_does(name, tmp_path):
    model = built(OF_IMAGES[name], (12, 12, 3))
    simulated = quantized_model(model)
    calibrate(simulated, [pixels(model)])
    settle_biases(simulated)
    found = []
    for convert, end in ((to_tflite, "tflite"), (to_onnx, "onnx")):
        path = tmp_path / f"model.{end}"
        path.write_bytes(convert(simulated, batch=None))
        with Artifact(path) as artifact:
            found.append(artifact.run([pixels(model).astype("uint8")])[0].astype(int))
    assert np.abs(found[0] - found[1]).max() <= 1  # kernels that round halves their own way


OFTEN = ("transposed", "dense", "average pooling", "resizing, bilinear", "elu at the end")


@pytest.mark.parametrize("name", OFTEN)
def test_what_kernels_round_in_their_own_way_is_rounded_so(name, tmp_path):
    check(built(OF_IMAGES[name], (12, 12, 3)), tmp_path / "model.tflite")


def test_sequences_run_as_images_one_pixel_high(tmp_path):
    def body(x):
        x = OF_SEQUENCES["convolution"](x)
        x = layers.SeparableConv1D(6, 3, padding="same")(x)
        x = normalized(layers.Conv1DTranspose(6, 3, 2)(layers.MaxPooling1D(2)(x)))
        return layers.Dense(5)(layers.GlobalAveragePooling1D()(x))

    check(built(body, (16, 4)), tmp_path / "model.tflite")


UNKNOWN = {
    "LayerNormalization layer": layers.LayerNormalization(name="fog"),
    "activation log_softmax": layers.Activation("log_softmax", name="fog"),
    r"ReLU\(max_value=4": layers.ReLU(4.0, negative_slope=0.1, name="fog"),
    r"ReLU\(.*threshold=1": layers.ReLU(threshold=1.0, name="fog"),
    "bicubic interpolation": layers.Resizing(9, 9, interpolation="bicubic", name="fog"),
}


@pytest.mark.parametrize("reason", UNKNOWN)
def test_a_layer_without_a_rule_is_named_with_the_way_out(reason):
    model = built(lambda x: UNKNOWN[reason](conv(x)), (12, 12, 3))
    with pytest.raises(UserError, match=f"fog: int8 has no rule for .*{reason}.*exclude 'fog'"):
        quantized_model(model)
