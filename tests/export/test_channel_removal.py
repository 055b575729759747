"""Channel removal: the thinner network is the wide one without what did not matter."""

from functools import partial

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.pruning.channel_choice import Multiplications, choose
from export.pruning.channel_criteria import importance, slim
from export.pruning.channel_groups import LOCKED, find_groups
from export.pruning.channel_removal import channel_widths, narrow, remove_channels
from export.pruning.loss_slopes import slopes
from export.subject.samples import Samples
from kerascnn import models as zoo
from kerascnn.analysis import count
from kerascnn.errors import UserError

CIFAR = (32, 32, 3)
SMALL_TABLE = (
    ((32, (32, 32), (32, 48), 16),),
    ((None, (32, 40), (32, 48), None), (32, (32, 40), (32, 48), 16)),
    ((16, (32, 40), (32, 48), 16),),
)

# fmt: off
FAMILIES = {  # one small network of each, and the share of multiplications asked for
    "lenet5": (zoo.lenet.lenet5, (32, 32, 1), 0.7),
    "lenet5_1998": (zoo.lenet.lenet5_1998, (32, 32, 1), 0.9),
    "mlp": (partial(zoo.mlp.mlp, (64, 32)), (8, 8, 1), 0.5),
    "alexnet": (partial(zoo.alexnet.alexnet, 2), (67, 67, 3), 0.5),
    "zfnet": (partial(zoo.zfnet.zfnet, (64, 64, 64)), (67, 67, 3), 0.9),
    "nin": (zoo.network_in_network.nin_cifar, (16, 16, 3), 0.5),
    "vgg": (partial(zoo.vgg.vgg, ((3,),) * 5), CIFAR, 0.5),
    "googlenet": (zoo.googlenet.googlenet, (64, 64, 3), 0.5),
    "bn_inception": (partial(zoo.bn_inception.bn_inception, SMALL_TABLE, separable=True), CIFAR,
                     0.5),
    "inception_v3": (zoo.inception_v3.inception_v3, (75, 75, 3), 0.5),
    "squeezenet": (partial(zoo.squeezenet.squeezenet, (32, 3), ((16,) * 2, (16,)), bypass=True),
                   CIFAR, 0.5),
    "resnet": (partial(zoo.resnet.resnet, zoo.resnet.bottleneck, (1, 1)), CIFAR, 0.5),
    "resnet_cifar": (partial(zoo.resnet_cifar.resnet_cifar, 1), CIFAR, 0.5),
    "resnet_v2": (partial(zoo.resnet_v2.resnet_v2, (2, 1)), CIFAR, 0.5),
    "wide_resnet": (partial(zoo.wide_resnet.wide_resnet, 1, 2, dropout=0.3), CIFAR, 0.5),
    "stochastic_depth": (partial(zoo.stochastic_depth.resnet_stochastic_depth, 1), CIFAR, 0.5),
    "resnext": (partial(zoo.resnext.resnext, (2, 1), 32, 4), CIFAR, 0.5),
    "densenet": (partial(zoo.densenet.densenet, (2, 2), growth=16), CIFAR, 0.5),
    "fractalnet": (partial(zoo.fractalnet.fractalnet, 2, (16, 32)), CIFAR, 0.5),
    "mobilenet_v1": (partial(zoo.mobilenet_v1.mobilenet_v1, alpha=0.25), CIFAR, 0.5),
    "mobilenet_v2": (partial(zoo.mobilenet_v2.mobilenet_v2, alpha=0.35), CIFAR, 0.5),
    "xception": (zoo.xception.xception, (71, 71, 3), 0.5),
    "shufflenet_v1": (partial(zoo.shufflenet_v1.shufflenet_v1, 3, 24, (240, 480, 960)), CIFAR, 0.9),
    "shufflenet_v2": (partial(zoo.shufflenet_v2.shufflenet_v2, (48, 96, 192), 256), CIFAR, 0.7),
    "mlperf_tiny": (zoo.mlperf_tiny.ds_cnn, (49, 10, 1), 0.5),
}
# fmt: on
QUICK = {  # of each way that channels are tied to each other one; the others are marked full
    *("lenet5", "lenet5_1998", "mlp", "squeezenet", "resnet", "resnet_v2", "resnext", "densenet"),
    *("fractalnet", "mobilenet_v2", "shufflenet_v2"),
}


def lively(model, seed=0):
    """Gives biases and batch normalizations values that no initializer gives."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name in ("beta", "bias", "moving_mean"):
            weight.assign(rng.normal(0, 0.2, weight.shape))
    return model


def scale_rows(groups, chosen, factor):
    """Scales every weight that multiplies a channel of the chosen groups."""
    for name, weights in groups.weights.items():
        for variable, weight in zip(groups.model.get_layer(name).weights, weights, strict=True):
            if weight.rows:
                axis, labels = weight.rows
                kernel = np.moveaxis(ops.convert_to_numpy(variable).copy(), axis, -1)
                kernel[..., chosen[labels]] *= factor
                variable.assign(np.moveaxis(kernel, -1, axis))


def random_scores(groups):
    scores = np.random.default_rng(1).random(groups.count)
    scores[LOCKED] = np.inf
    return scores


def predict(model, images):
    """All outputs of a model side by side."""
    outputs = keras.tree.flatten(model(images, training=False))
    return np.concatenate([ops.convert_to_numpy(x) for x in outputs], axis=-1)


def noise(model, images=2):
    shape = (images, *model.input_shape[1:])
    return np.random.default_rng(2).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    "family", [f if f in QUICK else pytest.param(f, marks=pytest.mark.full) for f in FAMILIES]
)
def test_without_silent_channels_the_output_is_the_same(family):
    builder, shape, macs = FAMILIES[family]
    model = lively(builder(input_shape=shape, num_classes=4))
    images = noise(model)
    groups = find_groups(model)
    multiple_of = 1 if family == "shufflenet_v1" else 8
    keep = choose(groups, random_scores(groups), macs, multiple_of)
    thin = narrow(groups, keep)
    scale_rows(groups, ~keep, 0)
    expected = predict(groups.model, images)
    scale = max(1, np.abs(expected).max())  # deep random networks give hundreds, rounded as such
    assert np.abs(predict(thin, images) - expected).max() < 1e-5 * scale
    assert not np.allclose(predict(model, images), expected)  # the channels did matter
    assert [x.name for x in thin.layers] == [x.name for x in model.layers]
    assert count(thin).macs <= macs * count(model).macs


def test_channels_that_are_zero_go_first_and_change_nothing():
    model = lively(zoo.resnet.resnet(zoo.resnet.basic, (1, 1), input_shape=CIFAR, num_classes=4))
    dead = np.random.default_rng(0).permutation(64)[:16]
    for name in ("gamma", "beta"):
        variable = getattr(model.get_layer("stage1_block1_1_bn"), name)
        values = ops.convert_to_numpy(variable).copy()
        values[dead] = 0
        variable.assign(values)
    share = 1 - 2 * 16 * 64 * 9 * 8 * 8 / count(model).macs  # two 3x3 kernels lose 16 of 64
    thin = remove_channels(model, share, criterion="gamma")
    widths = channel_widths(model, thin)
    narrower = {width.name: width.after for width in widths if width.after < width.before}
    assert narrower == {"stage1_block1_1_conv": 48}
    assert count(thin).macs == share * count(model).macs
    np.testing.assert_allclose(predict(thin, noise(model)), predict(model, noise(model)), atol=1e-5)


def user_model():
    """Nested and shared layers, operators, two named outputs: what a user may bring."""
    image = keras.Input((8, 8, 16))
    x = layers.Conv2D(16, 3, padding="same", name="inner_conv")(image)
    inner = keras.Model(image, layers.BatchNormalization(name="inner_bn")(x), name="inner")
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="stem")(image)
    x = inner(inner(x))
    x = layers.Conv2D(16, 1, name="gated")(x) * layers.Activation("sigmoid")(x) + 1.0
    gate = layers.Reshape((1, 1, 16))(layers.GlobalAveragePooling2D()(x))
    x = layers.PReLU(shared_axes=(1, 2), alpha_initializer="uniform")(x * gate)
    x = layers.SeparableConv2D(24, 3, depth_multiplier=2, activation="relu", name="separable")(x)
    x = layers.Conv2DTranspose(16, 3, 2, activation="relu", name="transposed")(x)
    x = layers.LayerNormalization(name="mixing")(x)
    x = layers.Dense(32, activation="tanh", name="hidden")(layers.Reshape((-1,))(x))
    first = layers.Dense(4, activation="softmax", name="first")(x)
    return keras.Model(image, {"first": first, "second": layers.Dense(2, name="second")(x)})


def test_a_users_model_keeps_its_outputs_and_what_is_unknown():
    model = lively(user_model())
    groups = find_groups(model)
    keep = choose(groups, random_scores(groups), 0.5, 8)
    thin = narrow(groups, keep)
    scale_rows(groups, ~keep, 0)
    np.testing.assert_allclose(
        predict(thin, noise(model)), predict(groups.model, noise(model)), atol=1e-5
    )
    assert {name: x.shape for name, x in thin.output.items()} == {
        "first": (None, 4),
        "second": (None, 2),
    }
    # Layer normalization mixes channels: its input stays. The shared convolution is one channel
    # group with all that its two calls meet.
    assert thin.get_layer("transposed").filters == 16
    inner = thin.get_layer("inner")
    assert inner.get_layer("inner_conv").filters == thin.get_layer("stem").filters == 8


def test_a_layer_that_mixes_channels_locks_the_model():
    image = keras.Input((8, 8, 3))
    x = layers.GroupNormalization(4)(layers.Conv2D(32, 3)(image))
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(x)))
    with pytest.raises(UserError, match=r"at least 1\.000, got 0\.9: no more channels"):
        remove_channels(model, 0.9, criterion="l2")


@pytest.mark.full
def test_resnext_loses_whole_groups_and_shufflenet_a_part_of_each():
    builder, shape, macs = FAMILIES["resnext"]
    thin = remove_channels(builder(input_shape=shape, num_classes=4), macs, criterion="l2")
    grouped = [x for x in thin.layers if getattr(x, "groups", 1) > 1]
    assert {x.filters // x.groups for x in grouped} == {4, 8}  # stage 2 is twice as wide
    assert any(x.groups < 32 for x in grouped)

    builder, shape, macs = FAMILIES["shufflenet_v1"]
    model = builder(input_shape=shape, num_classes=4)
    thin = remove_channels(model, macs, criterion="l2", multiple_of=1)
    wide, narrower = (x.get_layer("stage1_block2_3_conv") for x in (model, thin))
    assert narrower.groups == wide.groups == 3
    assert narrower.filters < wide.filters and narrower.filters % 3 == 0


@pytest.fixture(scope="module")
def resnet():
    return lively(zoo.resnet_cifar.resnet_cifar(1, input_shape=CIFAR, num_classes=4))


@pytest.fixture(scope="module")
def mobilenet():
    return lively(zoo.mobilenet_v1.mobilenet_v1(alpha=0.25, input_shape=CIFAR, num_classes=4))


@pytest.mark.parametrize("multiple_of", [8, pytest.param(1, marks=pytest.mark.full)])
def test_the_target_is_met_and_widths_are_multiples(mobilenet, multiple_of):
    thin = remove_channels(mobilenet, 0.6, criterion="l1", multiple_of=multiple_of)
    share = count(thin).macs / count(mobilenet).macs
    assert share <= 0.6
    assert share > 0.59 or multiple_of > 1  # single channels come close to any share
    widths = channel_widths(mobilenet, thin)
    for width in widths:
        filters = getattr(thin.get_layer(width.name), "filters", None)
        assert width.after == (filters or 4)  # 4 logits
        assert width.after % multiple_of == 0 or width.after == width.before
        assert width.after >= width.before / 8
    assert any(width.after < width.before for width in widths)


def test_what_is_counted_while_channels_are_chosen_is_what_the_network_has(mobilenet):
    groups = find_groups(mobilenet)
    keep = choose(groups, random_scores(groups), 0.6, 8)
    counted = Multiplications(groups)
    assert counted(keep) == count(narrow(groups, keep)).macs
    assert counted(np.ones(groups.count, bool)) == count(mobilenet).macs


def test_where_a_multiple_does_not_reach_the_share_a_smaller_one_does(mobilenet, capsys):
    """All but an eighth can go, yet no layer gets below a multiple."""
    thin = remove_channels(mobilenet, 0.1, criterion="l2", multiple_of=32)
    assert count(thin).macs <= 0.1 * count(mobilenet).macs
    said = capsys.readouterr().out.strip().splitlines()
    assert len(said) == 1 and "multiples of 32 do not reach 0.1 of the" in said[0]
    multiple = int(said[0].rsplit(" ", 1)[1])
    assert 1 < multiple < 32
    for width in channel_widths(mobilenet, thin):
        assert width.after % multiple == 0 or width.after == width.before


def test_a_file_of_keras_layers_stays_one(mobilenet, tmp_path):
    thin = remove_channels(mobilenet, 0.5, criterion="l2")
    modules = {layer["module"] for layer in thin.get_config()["layers"]}
    assert modules == {"keras.layers"}
    thin.save(tmp_path / "thin.keras")
    loaded = keras.models.load_model(tmp_path / "thin.keras")
    np.testing.assert_array_equal(predict(loaded, noise(thin)), predict(thin, noise(thin)))


def test_taylor_is_the_slope_of_the_loss(resnet):
    """(d loss / d s)^2 for a factor s on everything that multiplies a channel."""
    images, labels = noise(resnet, 8), np.arange(8) % 4
    groups = find_groups(resnet)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    samples = Samples((images,), (labels,))
    scores = importance(groups, "taylor", partial(slopes, groups, resnet, samples, loss))
    for name in ("stage1_block1_1_conv", "stem_conv"):  # one consumer; all blocks of the stages
        best = max(groups.outputs[name], key=lambda group: scores[group])
        chosen = np.arange(groups.count) == best
        losses = []
        for factor in (0.99, 1.01 / 0.99, 1 / 1.01):  # the last one restores the weights
            losses.append(mean_loss(groups.model, images, labels))
            scale_rows(groups, chosen, factor)
        slope = abs(losses[2] - losses[1]) / 0.02
        # Differences of float32 losses near 1 are exact to 1e-6, which 0.02 makes 5e-5.
        assert slope == pytest.approx(np.sqrt(scores[best]), rel=0.02, abs=1e-4)
        assert slope > 5e-3


def mean_loss(model, images, labels):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return float(loss(labels, model(images, training=False)))


def test_norms_are_compared_within_their_layer(resnet):
    groups = find_groups(resnet)
    kernel = groups.model.get_layer("stage1_block1_1_conv").kernel
    filters = np.abs(ops.convert_to_numpy(kernel)).sum((0, 1, 2))
    scores = importance(groups, "l1")[groups.outputs["stage1_block1_1_conv"]]
    np.testing.assert_allclose(scores, filters / filters.mean(), rtol=1e-5)
    assert np.isinf(importance(groups, "l2")[LOCKED])


def test_slimming_shrinks_the_scales_and_leaves_no_trace(tmp_path):
    def trained(strength):
        keras.utils.set_random_seed(0)
        model = zoo.resnet_cifar.resnet_cifar(1, input_shape=(8, 8, 3), num_classes=4)
        if strength:
            slim(model, strength)
        model.compile(
            keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        )
        model.fit(noise(model, 32), np.arange(32) % 4, epochs=3, verbose=0)
        return model

    def scales(model):
        found = [x.gamma for x in model.layers if isinstance(x, layers.BatchNormalization)]
        return np.concatenate([np.abs(ops.convert_to_numpy(x)) for x in found])

    plain, slimmed = trained(0), trained(0.1)
    # Three steps of 0.1 x 0.1 against each scale, beside what the loss of the task does to both.
    assert np.mean(scales(plain) - scales(slimmed)) == pytest.approx(0.03, abs=0.01)
    slimmed.save(tmp_path / "slim.keras")
    assert slimmed.losses and not keras.models.load_model(tmp_path / "slim.keras").losses


def test_what_does_not_fit_is_said_in_one_line(resnet):
    vgg_like = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Conv2D(16, 3), layers.Flatten(), layers.Dense(2)]
    )
    with pytest.raises(UserError, match="share between 0 and 1, got 50"):
        remove_channels(resnet, 50)
    with pytest.raises(UserError, match=r"at least 0\.\d+, got 0\.01: no more channels"):
        remove_channels(resnet, 0.01, criterion="l2")
    with pytest.raises(UserError, match="multiple_of: expected at least 1, got 0"):
        remove_channels(resnet, 0.5, multiple_of=0)
    with pytest.raises(UserError, match="did you mean 'taylor'"):
        remove_channels(resnet, 0.5, criterion="tayler")
    with pytest.raises(UserError, match="taylor needs data, inputs and targets as fit takes"):
        remove_channels(resnet, 0.5)
    with pytest.raises(UserError, match="no batch normalization with a scale"):
        remove_channels(vgg_like, 0.5, criterion="gamma")
    with pytest.raises(UserError, match="slimming: expected batch normalization"):
        slim(vgg_like, 1e-4)
