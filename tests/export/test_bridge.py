"""The bridge: a Keras 3 model and its tf_keras equivalent agree, and the weights come back."""

import sys

import keras
import numpy as np
import pytest
from keras import layers
from small_networks import randomized

import kerascnn.layers as ours
from kerascnn.errors import UserError
from kerascnn.models import build
from kerascnn.models.graph import functional

tf_keras = pytest.importorskip("tf_keras")

from export.tfmot import bridge, equivalents, extra  # noqa: E402

TOLERANCE = 1e-5  # of the largest output: float32 sums in another order


def images(model, count=2, high=1.0):
    rng = np.random.default_rng(1)
    return [rng.uniform(0, high, (count, *x.shape[1:])).astype("float32") for x in model.inputs]


def assert_equal_outputs(model, equivalent, high=1.0):
    x = images(model, high=high)
    x = x if len(x) > 1 else x[0]
    ours, theirs = (keras.tree.flatten(m(x, training=False)) for m in (model, equivalent))
    assert len(ours) == len(theirs)
    for name, a, b in zip(functional(model).outputs, ours, theirs, strict=True):
        a, b = np.asarray(a), np.asarray(b)
        np.testing.assert_allclose(
            a, b, rtol=0, atol=TOLERANCE * max(1.0, np.abs(a).max()), err_msg=name.name
        )


def fan(shape, made):
    """A model that gives its input to each of several layers: an output a layer."""
    x = keras.Input(shape, name="image")
    return randomized(keras.Model(x, [layer(x) for layer in made]))


ON_IMAGES = [
    layers.Conv2D(4, 3, strides=2, padding="same", groups=2),
    layers.Conv2D(4, 3, dilation_rate=2, use_bias=False),
    layers.DepthwiseConv2D(3, depth_multiplier=2),
    layers.SeparableConv2D(4, 3, depth_multiplier=2, padding="same"),
    layers.Conv2DTranspose(3, 3, strides=2, padding="same"),
    layers.Dense(5),
    layers.BatchNormalization(epsilon=0.01),
    layers.BatchNormalization(scale=False, center=False),
    layers.LayerNormalization(),
    layers.GroupNormalization(2),
    layers.ReLU(6.0, negative_slope=0.1, threshold=0.3),
    layers.LeakyReLU(0.07),
    layers.ELU(0.5),
    layers.PReLU(shared_axes=[1, 2]),
    layers.Softmax(),
    layers.MaxPooling2D(3, 2, padding="same"),
    layers.AveragePooling2D(3, 2, padding="same"),
    layers.GlobalAveragePooling2D(keepdims=True),
    layers.GlobalMaxPooling2D(),
    layers.ZeroPadding2D(((1, 2), (0, 3))),
    layers.Cropping2D(((1, 2), (0, 3))),
    layers.UpSampling2D(2, interpolation="nearest"),
    layers.UpSampling2D(2, interpolation="bilinear"),
    layers.Resizing(5, 7),
    layers.Reshape((-1, 4)),
    layers.Flatten(),
    layers.Permute((3, 1, 2)),
    layers.Dropout(0.3),
    layers.SpatialDropout2D(0.3),
    layers.GaussianNoise(0.3),
    layers.GaussianDropout(0.3),
    layers.Rescaling([1.0, 2.0, 3.0, 4.0], 0.5),
    ours.LocalResponseNormalization(3, alpha=0.5),
    ours.LocalResponseNormalization(3, alpha=0.5, convention="caffe"),
    ours.CeilMaxPooling2D(3, 2),
    ours.CeilMaxPooling2D(2, 2),
    ours.ChannelSplit(2),
    ours.ChannelShuffle(2),
    ours.ChannelZeroPadding(6),
    ours.StochasticDepth(0.7),
    ours.PartiallyConnectedConv2D([[0, 1], [1, 3], [0]], 3),
    ours.TrainableSubsampling2D(2),
    layers.Activation(ours.scaled_tanh),
]
ON_SEQUENCES = [
    layers.Conv1D(4, 3, padding="causal"),
    layers.DepthwiseConv1D(3),
    layers.SeparableConv1D(4, 3),
    layers.Conv1DTranspose(3, 3, strides=2),
    layers.MaxPooling1D(2),
    layers.AveragePooling1D(2),
    layers.GlobalAveragePooling1D(),
    layers.GlobalMaxPooling1D(),
    layers.ZeroPadding1D(2),
    layers.Cropping1D(1),
    layers.UpSampling1D(2),
    layers.SpatialDropout1D(0.2),
]


@pytest.mark.parametrize(
    ("shape", "made"), [((9, 8, 4), ON_IMAGES), ((9, 4), ON_SEQUENCES)], ids=["2-D", "1-D"]
)
def test_every_layer_computes_what_it_did(shape, made):
    model = fan(shape, made)
    assert_equal_outputs(model, bridge.to_tf_keras(model))


def test_the_list_above_is_the_list_of_the_bridge():
    merging = {
        layers.Add,
        layers.Subtract,
        layers.Multiply,
        layers.Average,
        layers.Maximum,
        layers.Minimum,
        layers.Concatenate,
        layers.RepeatVector,
    }
    assert {type(layer) for layer in ON_IMAGES + ON_SEQUENCES} >= set(equivalents.SAME) - merging


def test_activations_that_share_a_name_but_not_a_formula():
    kinds = [
        *equivalents.SAME_ACTIVATIONS,
        "silu",
        "relu6",
        "leaky_relu",
        "hard_sigmoid",
        "hard_silu",
    ]
    x = keras.Input((40,))
    model = keras.Model(x, [layers.Activation(kind, name=f"an_{kind}")(x) for kind in kinds])
    assert_equal_outputs(model, bridge.to_tf_keras(model), high=8.0)
    wide = np.linspace(-8, 8, 80).reshape(2, 40).astype("float32")
    for a, b in zip(model(wide), bridge.to_tf_keras(model)(wide), strict=True):
        np.testing.assert_allclose(a, b, atol=TOLERANCE * 8)


def test_operators_merging_layers_nests_shared_layers_and_two_heads():
    inner_in = keras.Input((6, 6, 3))
    inner = keras.Model(inner_in, layers.Conv2D(3, 3, padding="same", activation="relu")(inner_in))
    shared = layers.Conv2D(3, 1, name="shared")
    a, b = keras.Input((6, 6, 3), name="a"), keras.Input((6, 6, 3), name="b")
    x, y = shared(inner(a)), shared(b)
    merged = [
        kind()([x, y])
        for kind in (
            layers.Add,
            layers.Subtract,
            layers.Multiply,
            layers.Average,
            layers.Maximum,
            layers.Minimum,
            layers.Concatenate,
        )
    ]
    operators = [
        x + y,
        x - y,
        x * y,
        x + 3.0,
        x - 1,
        2 - x,
        x * (1 / 6),
        x / 4.0,
        -1.0 * y,
        x * np.array([1.0, 2.0, 3.0], "float32"),
    ]
    vector = layers.GlobalMaxPooling2D()(x)
    codes = ours.RadialBasisOutput([[0.0, 1.0, -1.0], [1.0, 1.0, 1.0]])(vector)
    row = layers.RepeatVector(2)(vector)
    model = keras.Model([a, b], {"row": row, "codes": codes, "many": merged + operators})
    assert_equal_outputs(model, bridge.to_tf_keras(model))


def test_an_adapted_normalization_keeps_its_statistics():
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(0).normal(3, 2, (10, 4, 4, 3)))
    model = keras.Sequential([keras.Input((4, 4, 3)), normalization])
    assert_equal_outputs(model, bridge.to_tf_keras(model), high=6.0)


def test_regularizers_and_constraints_come_along():
    layer = layers.Conv2D(
        2, 3, kernel_regularizer=keras.regularizers.L2(0.1), bias_constraint="non_neg"
    )
    model = keras.Sequential([keras.Input((5, 5, 1)), layer])
    equivalent = bridge.to_tf_keras(model)
    assert float(equivalent.losses[0]) == pytest.approx(float(model.losses[0]))
    assert isinstance(equivalent.layers[1].bias_constraint, tf_keras.constraints.NonNeg)


def test_frozen_layers_stay_frozen():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)])
    model.layers[0].trainable = False
    assert len(bridge.to_tf_keras(model).trainable_weights) == 2


def test_the_equivalent_trains():
    x = keras.Input((8,))
    model = keras.Model(x, layers.Dropout(0.5)(layers.BatchNormalization(momentum=0.5)(x)))
    equivalent = bridge.to_tf_keras(model)
    values = np.random.default_rng(0).normal(3, 1, (64, 8)).astype("float32")
    trained = np.asarray(equivalent(values, training=True))
    assert 0.3 < (trained == 0).mean() < 0.7  # 512 coins
    np.testing.assert_allclose(equivalent.layers[1].moving_mean, values.mean(0) / 2, rtol=1e-5)


def test_stochastic_depth_drops_whole_images_while_training():
    model = fan((2, 2, 1), [ours.StochasticDepth(0.5)])
    ones = np.ones((400, 2, 2, 1), "float32")
    y = np.asarray(bridge.to_tf_keras(model)(ones, training=True)).reshape(400, -1)
    assert set(np.unique(y)) == {0.0, 1.0}
    assert (y == y[:, :1]).all()
    assert 0.4 < y.mean() < 0.6  # 4 standard deviations of 400 coins


def test_fractal_joins_agree_on_a_column_while_training():
    x = keras.Input((1,))
    column = ours.FractalColumn(2, global_fraction=1.0)(x)
    paths = [layers.Rescaling(scale)(x) for scale in (1.0, 3.0)]
    joins = [ours.FractalJoin(0.5)(paths, column) for _ in range(2)]
    model = keras.Model(x, [*joins, ours.FractalJoin(0.5)(paths)])
    equivalent = bridge.to_tf_keras(model)
    assert_equal_outputs(model, equivalent)
    first, second, local = (np.ravel(y) for y in equivalent(np.ones((300, 1)), training=True))
    assert set(np.unique(first)) == {1.0, 3.0}
    assert (first == second).all()
    assert set(np.unique(local)) == {1.0, 2.0, 3.0}


@pytest.mark.parametrize(
    "name", ["resnet8", "lenet5_1998", pytest.param("shufflenet_v2_x0_5", marks=pytest.mark.full)]
)
def test_networks_of_the_zoo(name):
    model = randomized(build(name, input_shape=(32, 32, 3), num_classes=4))
    assert_equal_outputs(model, bridge.to_tf_keras(model))


def applications(name, **arguments):
    size = 96 if name in ("InceptionV3", "Xception") else 64
    return getattr(keras.applications, name)(
        weights=None,
        input_shape=(size, size, 3),
        classes=7,
        classifier_activation=None,
        **arguments,
    )


def test_a_users_model_with_hard_swish_and_constant_operands():
    model = randomized(applications("MobileNetV3Small"))
    assert_equal_outputs(model, bridge.to_tf_keras(model), high=255.0)


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    [
        "MobileNet",
        "MobileNetV2",
        "ResNet50",
        "DenseNet121",
        "InceptionV3",
        "VGG16",
        "Xception",
        "EfficientNetB0",
        "EfficientNetV2B0",
        "MobileNetV3Large",
    ],
)
def test_keras_applications(name):
    model = randomized(applications(name))
    assert_equal_outputs(model, bridge.to_tf_keras(model), high=255.0 if "Net" in name else 1.0)


@pytest.mark.full
@pytest.mark.parametrize(
    "name",
    [
        "lenet5",
        "resnet20",
        "resnet18",
        "resnet50_v2",
        "resnext50_32x4d",
        "wide_resnet16_8",
        "densenet40_12",
        "fractalnet20",
        "resnet110_stochastic_depth",
        "mobilenet_v1_025",
        "mobilenet_v2_035",
        "shufflenet_v1_g3_x0_5",
        "xception",
        "ds_cnn",
    ],
)
def test_families_of_the_zoo(name):
    shape = {"lenet5": (32, 32, 1), "ds_cnn": (49, 10, 1), "xception": (96, 96, 3)}
    model = randomized(build(name, input_shape=shape.get(name, (32, 32, 3)), num_classes=4))
    assert_equal_outputs(model, bridge.to_tf_keras(model))


def test_weights_come_back():
    model = randomized(build("resnet8", input_shape=(16, 16, 3), num_classes=4))
    equivalent = bridge.to_tf_keras(model)
    for weight in equivalent.weights:
        weight.assign(weight + 0.01)
    assert bridge.from_tf_keras(equivalent, model) is model
    assert_equal_outputs(model, equivalent)


def test_weights_come_back_into_nested_and_separable_layers():
    inner = keras.Sequential([keras.Input((6, 6, 2)), layers.SeparableConv2D(3, 3)], name="inner")
    model = keras.Sequential([keras.Input((6, 6, 2)), inner, layers.BatchNormalization()])
    equivalent = bridge.to_tf_keras(model)
    for weight in equivalent.weights:
        weight.assign(weight * 1.5)
    assert_equal_outputs(bridge.from_tf_keras(equivalent, model), equivalent)


def test_weights_of_another_model_are_refused():
    small, large = (
        keras.Sequential([keras.Input((4,)), layers.Dense(n, name="head")]) for n in (2, 3)
    )
    with pytest.raises(UserError, match=r"head: expected weights \[\(4, 3\), \(3,\)\], got"):
        bridge.from_tf_keras(bridge.to_tf_keras(small), large)
    other = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="tail")], name="other")
    with pytest.raises(UserError, match="tail: no layer of that name"):
        bridge.from_tf_keras(bridge.to_tf_keras(small), other)


class Unheard(layers.Layer):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        (Unheard(name="odd"), "odd: tf_keras has no equal of a Unheard; use 'engine: native'"),
        (layers.Activation("sparse_plus", name="odd"), "odd: .* of the activation sparse_plus"),
        (layers.BatchNormalization(renorm=True, name="odd"), "odd: tf_keras knows no renorm=True"),
        (layers.Resizing(3, 3, antialias=True, name="odd"), "odd: tf_keras knows no antialias"),
        (keras.ops.sin, "tf_keras has no equal of the operation Sin"),
        (lambda x: 1 / x, "tf_keras has no equal of the operation TrueDivide"),
    ],
)
def test_what_tf_keras_has_not_is_named(apply, message):
    x = keras.Input((4, 4, 2))
    with pytest.raises(UserError, match=message):
        bridge.to_tf_keras(keras.Model(x, apply(x)))


def test_a_penalty_of_ones_own_is_named():
    class Own(keras.regularizers.Regularizer):
        def __call__(self, x):
            return keras.ops.sum(x)

        def get_config(self):
            return {}

    x = keras.Input((4,))
    model = keras.Model(x, layers.Dense(2, kernel_regularizer=Own(), name="head")(x))
    with pytest.raises(UserError, match="head: tf_keras has no equal of kernel_regularizer Own"):
        equivalents.same(model.layers[-1], tf_keras.layers.Dense)


def test_a_missing_extra_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    with pytest.raises(UserError, match=r"needs tf-keras: pip install 'kerascnn\[tfmot\]'"):
        extra.import_extra("tf_keras")
