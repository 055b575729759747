"""The NumPy operators: by hand, loops against im2col, against Keras, against differences."""

import keras
import numpy as np
import pytest

from kerascnn import UserError, numpy_ops

# Different along every axis, so that no two axes can be mistaken for each other.
SIZE, KERNEL_SIZE = (5, 4, 3), (3, 2, 2)


def random(*shape, dtype="float64"):
    """Normal numbers, the same ones for a shape in every run."""
    return np.random.default_rng(shape).standard_normal(shape).astype(dtype)


def image(*rows):
    """One image of one channel with these rows, or this row: (1, *size, 1)."""
    pixels = np.array(rows, dtype=float)
    return pixels[None, ..., None]


# By hand


SQUARE = np.arange(9.0).reshape(1, 3, 3, 1)
ONE_TO_FOUR = np.array([[1.0, 2], [3, 4]])[..., None, None]


@pytest.mark.parametrize("conv", [numpy_ops.conv, numpy_ops.conv_loops])
def test_conv_by_hand(conv):
    # 27 = 0*1 + 1*2 + 3*3 + 4*4, and mirrored 13 = 0*4 + 1*3 + 3*2 + 4*1
    np.testing.assert_array_equal(conv(SQUARE, ONE_TO_FOUR), image([27, 37], [57, 67]))
    mirrored = conv(SQUARE, ONE_TO_FOUR, flip_kernel=True)
    np.testing.assert_array_equal(mirrored, image([13, 23], [43, 53]))
    dilated = conv(SQUARE, ONE_TO_FOUR, np.array([0.5]), dilation_rate=2)
    np.testing.assert_array_equal(dilated, image([0 * 1 + 2 * 2 + 6 * 3 + 8 * 4 + 0.5]))


@pytest.mark.parametrize("conv", [numpy_ops.conv, numpy_ops.conv_loops])
def test_flipped_conv_is_the_convolution_of_mathematics(conv):
    signal, kernel = random(7), random(3)
    y = conv(image(*signal), kernel[:, None, None], padding=2, flip_kernel=True)
    np.testing.assert_allclose(y[0, :, 0], np.convolve(signal, kernel), atol=1e-14)


@pytest.mark.parametrize("conv", [numpy_ops.conv, numpy_ops.conv_loops])
def test_the_11x11x4_example(conv):
    """Claim: X 11x11x4 under 5x5 filters with stride 2 gives 4x4, since (11 - 5) / 2 + 1 = 4."""
    x, kernel, bias = random(11, 11, 4), random(5, 5, 4, 2), np.array([0.25, -4.0])
    v = conv(x[None], kernel, bias, strides=2)[0]
    assert v.shape == (4, 4, 2)
    w0, w1 = kernel[..., 0], kernel[..., 1]
    assert v[0, 0, 0] == pytest.approx(np.sum(x[:5, :5, :] * w0) + bias[0])
    assert v[1, 0, 0] == pytest.approx(np.sum(x[2:7, :5, :] * w0) + bias[0])
    assert v[3, 0, 0] == pytest.approx(np.sum(x[6:11, :5, :] * w0) + bias[0])
    assert v[0, 2, 1] == pytest.approx(np.sum(x[:5, 4:9, :] * w1) + bias[1])


@pytest.mark.parametrize("gradients", [numpy_ops.conv_gradients, numpy_ops.conv_loops_gradients])
def test_a_shared_weight_sums_over_all_places(gradients):
    x, kernel = image(0, 1, 2, 3), np.array([10.0, 1])[:, None, None]
    dx, dkernel, dbias = gradients(image(1, 1, 1), x, kernel)
    np.testing.assert_array_equal(dkernel.ravel(), [0 + 1 + 2, 1 + 2 + 3])
    np.testing.assert_array_equal(dx.ravel(), [10, 11, 11, 1])
    np.testing.assert_array_equal(dbias, [3])


def test_depthwise_conv_keeps_the_filters_of_a_channel_together():
    x = np.array([[[1.0, 10], [2, 20]]])  # two pixels, two channels
    kernel = np.array([[[1.0, 2], [3, 4]]])  # one tap, two filters a channel
    y = numpy_ops.depthwise_conv(x, kernel)
    np.testing.assert_array_equal(y, [[[1, 2, 30, 40], [2, 4, 60, 80]]])


def test_conv_transpose_stamps_the_kernel():
    kernel = np.array([1.0, 10, 100])[:, None, None]
    y = numpy_ops.conv_transpose(image(1, 2, 3), kernel, strides=2)
    np.testing.assert_array_equal(y, image(1, 10, 102, 20, 203, 30, 300))
    cropped = numpy_ops.conv_transpose(image(1, 2, 3), kernel, strides=2, padding=1)
    np.testing.assert_array_equal(cropped, image(10, 102, 20, 203, 30))


@pytest.mark.parametrize("i, k, s, p, extra", [(2, 3, 2, 1, 0), (2, 3, 2, 1, 1), (4, 4, 2, 1, 0)])
def test_conv_transpose_reaches_every_size_that_leads_back(i, k, s, p, extra):
    """s (i - 1) + k - 2 p + output_padding: 3, 4 and 8."""
    size = s * (i - 1) + k - 2 * p + extra
    x, kernel = random(1, i, i, 2), random(k, k, 3, 2)
    options = dict(strides=s, padding=p)
    y = numpy_ops.conv_transpose(x, kernel, output_size=size, **options)
    assert y.shape == (1, size, size, 3)
    assert numpy_ops.conv(y, kernel, **options).shape == x.shape
    if not extra:
        assert numpy_ops.conv_transpose(x, kernel, **options).shape == y.shape


def test_max_pool_by_hand():
    y, indices = numpy_ops.max_pool(np.arange(16).reshape(1, 4, 4, 1), 2)
    np.testing.assert_array_equal(y, image([5, 7], [13, 15]))
    np.testing.assert_array_equal(indices, image([5, 7], [13, 15]))  # row * 4 + column


def test_a_maximum_sends_its_gradient_to_the_winner():
    # The 9 wins twice under overlapping windows; of the two 4s the first one wins.
    y, indices = numpy_ops.max_pool(image(1, 9, 3, 4, 4), 3, strides=1)
    np.testing.assert_array_equal(y, image(9, 9, 4))
    dx = numpy_ops.max_pool_gradient(image(10, 20, 5), indices, (5,))
    np.testing.assert_array_equal(dx, image(0, 30, 0, 5, 0))


def test_padding_never_wins_and_never_counts():
    x = -SQUARE - 1
    y, indices = numpy_ops.max_pool(x, 2, padding="same")
    np.testing.assert_array_equal(y, image([-1, -3], [-7, -9]))
    np.testing.assert_array_equal(indices, image([0, 2], [6, 8]))
    ceil_mode = numpy_ops.average_pool(x, 2, padding=((0, 1), (0, 1)))
    np.testing.assert_array_equal(ceil_mode, image([-3, -4.5], [-7.5, -9]))
    dx = numpy_ops.average_pool_gradient(image([4, 4], [4, 4]), (3, 3), 2, padding="same")
    np.testing.assert_array_equal(dx, image([1, 1, 2], [1, 1, 2], [2, 2, 4]))


def test_max_unpool_puts_the_values_back_where_they_were():
    x = random(2, 4, 6, 3)
    y, indices = numpy_ops.max_pool(x, 2)
    back = numpy_ops.max_unpool(y, indices, (4, 6))
    won = x == y.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_array_equal(back, np.where(won, x, 0))
    np.testing.assert_array_equal(numpy_ops.max_unpool_gradient(back, indices), y)


def test_nearest_unpool_by_hand():
    y = numpy_ops.nearest_unpool(image([1, 2]), (2, 3))
    np.testing.assert_array_equal(y, image([1, 1, 1, 2, 2, 2], [1, 1, 1, 2, 2, 2]))
    dx = numpy_ops.nearest_unpool_gradient(np.arange(12.0).reshape(1, 2, 6, 1), (2, 3))
    np.testing.assert_array_equal(dx, image([0 + 1 + 2 + 6 + 7 + 8, 3 + 4 + 5 + 9 + 10 + 11]))


def test_batch_norm_by_hand():
    x = np.array([[1.0], [3.0]])  # mean 2, variance 1
    gamma, beta = np.array([10.0]), np.array([5.0])
    y, mean, variance = numpy_ops.batch_norm_train(x, gamma, beta, epsilon=0)
    np.testing.assert_array_equal(y, [[-5], [15]])
    assert (mean, variance) == (2, 1)
    assert numpy_ops.moving_average(np.array([4.0]), mean, momentum=0.75) == 3.5


def test_cross_entropy_by_hand_and_without_overflow():
    targets = np.eye(4)[[0, 2]]
    assert numpy_ops.softmax_cross_entropy(np.zeros((2, 4)), targets) == pytest.approx(np.log(4))
    sure = np.array([[1e4, 0, 0, 0], [1e4, 0, 0, 0]])  # right once, and wrong by 1e4 once
    assert numpy_ops.softmax_cross_entropy(sure, targets) == 1e4 / 2
    gradient = numpy_ops.softmax_cross_entropy_gradient(sure, targets)
    np.testing.assert_array_equal(gradient, [[0, 0, 0, 0], [0.5, 0, -0.5, 0]])


# Loops against im2col


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("strides", [1, (2, 1, 3)])
@pytest.mark.parametrize("padding", ["valid", "same", 1, ((0, 2), (1, 0), (2, 1))])
@pytest.mark.parametrize("dilation_rate", [1, (1, 3, 2)])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("flip_kernel", [False, True])
def test_loops_and_im2col_agree(rank, strides, padding, dilation_rate, groups, flip_kernel):
    options = dict(strides=strides, padding=padding, dilation_rate=dilation_rate)
    options = {k: v[:rank] if isinstance(v, tuple) else v for k, v in options.items()}
    options |= dict(groups=groups, flip_kernel=flip_kernel)
    x = random(2, *SIZE[:rank], 4)
    kernel, bias = random(*KERNEL_SIZE[:rank], 4 // groups, 2 * groups), random(2 * groups)
    y = numpy_ops.conv(x, kernel, bias, **options)
    np.testing.assert_allclose(y, numpy_ops.conv_loops(x, kernel, bias, **options), atol=1e-12)
    dy = random(*y.shape)
    expected = numpy_ops.conv_loops_gradients(dy, x, kernel, **options)
    for gradient, value in zip(
        numpy_ops.conv_gradients(dy, x, kernel, **options), expected, strict=True
    ):
        np.testing.assert_allclose(gradient, value, atol=1e-12)


# Against Keras: float32 sums of at most 3*2*2*4 products of size one, each rounded to 6e-8


def assert_equals_keras(y, from_keras):
    np.testing.assert_allclose(y, keras.ops.convert_to_numpy(from_keras), atol=1e-5)


# Keras refuses strides together with dilation, and compiles every grouped call anew (slow).
STEPS = [dict(strides=1), dict(strides=2), dict(strides=3), dict(dilation_rate=2)]
CONV_CASES = [(rank, options, 1) for rank in (1, 2, 3) for options in STEPS]
CONV_CASES += [(1, STEPS[3], 4), (2, STEPS[0], 2), (2, STEPS[1], 4), (3, STEPS[1], 2)]


@pytest.mark.parametrize("rank, options, groups", CONV_CASES)
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv_equals_keras(rank, options, groups, padding):
    x = random(2, *(n + 2 for n in SIZE[:rank]), 4, dtype="float32")
    kernel = random(*KERNEL_SIZE[:rank], 4 // groups, 8, dtype="float32")
    y = numpy_ops.conv(x, kernel, padding=padding, groups=groups, **options)
    assert_equals_keras(y, keras.ops.conv(x, kernel, padding=padding, **options))


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("options", STEPS)
def test_depthwise_conv_equals_keras(rank, padding, options):
    x = random(2, *(n + 2 for n in SIZE[:rank]), 4, dtype="float32")
    kernel = random(*KERNEL_SIZE[:rank], 4, 3, dtype="float32")
    y = numpy_ops.depthwise_conv(x, kernel, padding=padding, **options)
    assert_equals_keras(y, keras.ops.depthwise_conv(x, kernel, padding=padding, **options))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3, 4])  # shorter than the kernel, as long, longer
def test_conv_transpose_equals_keras(rank, padding, strides):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    kernel = random(*KERNEL_SIZE[:rank], 3, 4, dtype="float32")
    y = numpy_ops.conv_transpose(x, kernel, padding=padding, strides=strides)
    assert_equals_keras(y, keras.ops.conv_transpose(x, kernel, strides, padding))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("pool_size, strides", [(2, None), (3, 2), (2, 1), (2, 3)])
def test_pooling_equals_keras(rank, padding, pool_size, strides):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    options = dict(strides=strides, padding=padding)
    in_keras = dict(strides=strides or pool_size, padding=padding)
    y, _ = numpy_ops.max_pool(x, pool_size, **options)
    assert_equals_keras(y, keras.ops.max_pool(x, pool_size, **in_keras))
    y = numpy_ops.average_pool(x, pool_size, **options)
    assert_equals_keras(y, keras.ops.average_pool(x, pool_size, **in_keras))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_nearest_unpool_equals_keras(rank):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    layer = getattr(keras.layers, f"UpSampling{rank}D")((2, 3, 1)[:rank] if rank > 1 else 2)
    assert_equals_keras(numpy_ops.nearest_unpool(x, (2, 3, 1)[:rank]), layer(x))


def test_batch_norm_equals_keras():
    x = 3 + 2 * random(4, 5, 6, 3, dtype="float32")
    layer = keras.layers.BatchNormalization()
    layer.build(x.shape)
    gamma, beta, moving_mean, moving_variance = 1 + np.abs(random(4, 3, dtype="float32"))
    layer.set_weights([gamma, beta, moving_mean, moving_variance])
    tested = numpy_ops.batch_norm_test(x, gamma, beta, moving_mean, moving_variance)
    assert_equals_keras(tested, layer(x, training=False))
    trained, mean, variance = numpy_ops.batch_norm_train(x, gamma, beta)
    assert_equals_keras(trained, layer(x, training=True))
    assert_equals_keras(numpy_ops.moving_average(moving_mean, mean), layer.moving_mean)
    assert_equals_keras(numpy_ops.moving_average(moving_variance, variance), layer.moving_variance)


def test_cross_entropy_equals_keras():
    logits = random(5, 7, dtype="float32")
    targets = 0.9 * np.eye(7, dtype="float32")[[0, 3, 6, 3, 1]] + np.float32(0.1 / 7)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    assert_equals_keras(numpy_ops.softmax_cross_entropy(logits, targets), loss(targets, logits))


# Gradients against finite differences


def with_kernel(operator, gradients, *shapes, output_size=None, **options):
    """The case of an operator of x, kernel and bias."""
    size = {} if output_size is None else {"output_size": output_size}
    return (
        lambda x, kernel, bias: operator(x, kernel, bias, **options, **size),
        lambda dy, x, kernel, bias: gradients(dy, x, kernel, **options),
        [random(*shape) for shape in shapes],
    )


def of_conv(*shapes, **options):
    return with_kernel(numpy_ops.conv, numpy_ops.conv_gradients, *shapes, **options)


def of_depthwise(*shapes, **options):
    gradients = numpy_ops.depthwise_conv_gradients
    return with_kernel(numpy_ops.depthwise_conv, gradients, *shapes, **options)


def of_transpose(*shapes, **options):
    gradients = numpy_ops.conv_transpose_gradients
    return with_kernel(numpy_ops.conv_transpose, gradients, *shapes, **options)


def of_max_pool(shape, pool_size, **options):
    def gradient(dy, x):
        _, indices = numpy_ops.max_pool(x, pool_size, **options)
        return (numpy_ops.max_pool_gradient(dy, indices, x.shape[1:-1]),)

    return lambda x: numpy_ops.max_pool(x, pool_size, **options)[0], gradient, [random(*shape)]


def of_average_pool(shape, *args, **options):
    def gradient(dy, x):
        return (numpy_ops.average_pool_gradient(dy, x.shape[1:-1], *args, **options),)

    return lambda x: numpy_ops.average_pool(x, *args, **options), gradient, [random(*shape)]


_, OVERLAPPING = numpy_ops.max_pool(random(2, 5, 5, 2), 3, strides=1)  # winners are shared
TARGETS = np.abs(random(4, 5))  # no row sums to one, which the gradient must not need
GAMMA, BETA, MEAN, VARIANCE = np.abs(random(4, 3))

# Operator, its gradients, its inputs.
CASES = {
    "conv1d": of_conv((2, 7, 3), (3, 3, 4), (4,), strides=2, padding="same"),
    "conv2d": of_conv((2, 6, 5, 4), (3, 2, 2, 6), (6,), strides=(2, 1), padding=1, groups=2),
    "conv3d": of_conv((1, 4, 3, 5, 2), (2, 2, 2, 2, 3), (3,), dilation_rate=(1, 1, 2)),
    "true conv": of_conv((2, 5, 5, 2), (3, 2, 2, 3), (3,), strides=2, flip_kernel=True),
    "conv_loops": with_kernel(
        numpy_ops.conv_loops, numpy_ops.conv_loops_gradients,
        (1, 4, 3, 2), (2, 2, 1, 2), (2,), padding=((0, 1), (1, 0)), groups=2,
    ),
    "depthwise1d": of_depthwise((2, 7, 3), (3, 3, 2), (6,), dilation_rate=2),
    "depthwise2d": of_depthwise((2, 5, 6, 2), (3, 3, 2, 2), (4,), strides=2, padding="same"),
    "transpose1d": of_transpose((2, 3, 2), (3, 4, 2), (4,), strides=2, dilation_rate=2),
    "transpose2d": of_transpose((2, 3, 4, 2), (3, 2, 3, 2), (3,), strides=3, padding="same"),
    "transpose2d of an exact size": of_transpose(
        (1, 3, 3, 2), (3, 3, 2, 2), (2,), strides=2, padding=1, output_size=(6, 5),
    ),
    "transpose3d": of_transpose((1, 2, 3, 2, 2), (2, 3, 2, 1, 2), (1,), strides=(1, 2, 2)),
    "max_pool1d": of_max_pool((2, 7, 3), 3, strides=2, padding="same"),
    "max_pool2d": of_max_pool((2, 5, 5, 2), 3, strides=1),
    "max_pool3d": of_max_pool((1, 4, 4, 3, 2), 2, padding=((0, 0), (1, 1), (0, 1))),
    "average_pool1d": of_average_pool((2, 7, 3), 3, strides=2, padding="same"),
    "average_pool2d": of_average_pool((2, 5, 4, 2), (3, 2), strides=1, padding=1),
    "average_pool3d": of_average_pool((1, 4, 4, 3, 2), 2),
    "max_unpool": (
        lambda y: numpy_ops.max_unpool(y, OVERLAPPING, (5, 5)),
        lambda dx, y: (numpy_ops.max_unpool_gradient(dx, OVERLAPPING),),
        [random(2, 3, 3, 2)],
    ),
    "nearest_unpool": (
        lambda x: numpy_ops.nearest_unpool(x, (2, 1, 3)),
        lambda dy, x: (numpy_ops.nearest_unpool_gradient(dy, (2, 1, 3)),),
        [random(1, 2, 3, 2, 2)],
    ),
    "batch_norm_train": (
        lambda x, gamma, beta: numpy_ops.batch_norm_train(x, gamma, beta)[0],
        lambda dy, x, gamma, beta: numpy_ops.batch_norm_train_gradients(dy, x, gamma),
        [random(2, 3, 4, 3), GAMMA, BETA],
    ),
    "batch_norm_test": (
        lambda x, gamma, beta: numpy_ops.batch_norm_test(x, gamma, beta, MEAN, VARIANCE),
        lambda dy, x, gamma, beta: numpy_ops.batch_norm_test_gradients(
            dy, x, gamma, MEAN, VARIANCE
        ),
        [random(2, 3, 4, 3), GAMMA, BETA],
    ),
    "softmax_cross_entropy": (
        lambda logits: numpy_ops.softmax_cross_entropy(logits, TARGETS),
        lambda dy, logits: (dy * numpy_ops.softmax_cross_entropy_gradient(logits, TARGETS),),
        [random(4, 5)],
    ),
}  # fmt: skip


def differences(operator, inputs, dy, step=1e-5):
    """Central differences of sum(dy * operator(*inputs)), for every number of every input."""
    for changed in inputs:
        slopes = np.empty_like(changed)
        for index, value in np.ndenumerate(changed.copy()):
            sums = []
            for moved in (value + step, value - step):
                changed[index] = moved
                sums.append(np.sum(dy * operator(*inputs)))
            changed[index] = value
            slopes[index] = (sums[0] - sums[1]) / (2 * step)
        yield slopes


@pytest.mark.parametrize("name", CASES)
def test_gradients_equal_finite_differences(name):
    """Within 1e-7: a step of 1e-5 errs by 1e-10 where the operator bends, by 1e-10 in rounding."""
    operator, gradients, inputs = CASES[name]
    inputs = [array.copy() for array in inputs]
    dy = random(*np.shape(operator(*inputs)))
    expected = list(differences(operator, inputs, dy))
    for gradient, slopes in zip(gradients(dy, *inputs), expected, strict=True):
        np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_float32_stays_float32(name, monkeypatch):
    for constant in ("TARGETS", "MEAN", "VARIANCE"):
        monkeypatch.setitem(globals(), constant, globals()[constant].astype("float32"))
    operator, gradients, inputs = CASES[name]
    inputs = [array.astype("float32") for array in inputs]
    y = operator(*inputs)
    dtypes = {array.dtype for array in (y, *gradients(np.ones_like(y), *inputs))}
    assert dtypes == {np.dtype("float32")}


def test_every_operator_has_its_gradient():
    public = set(numpy_ops.__all__) - {"Window", "moving_average"}
    operators = {name for name in public if "_gradient" not in name}
    assert operators == {n for n in operators if public & {f"{n}_gradient", f"{n}_gradients"}}


# Errors


X, K = np.zeros((1, 5, 5, 4)), np.zeros((3, 3, 4, 6))


@pytest.mark.parametrize("message, call", [
    (r"one to three axes of size, got shapes \(1, 5, 5, 4\) and \(3, 4, 6\)",
     lambda: numpy_ops.conv(X, K[0])),
    (r"groups=2: .* 4 channels of x, .* got \(3, 3, 4, 6\)",
     lambda: numpy_ops.conv(X, K, groups=2)),
    (r"groups=4: .* multiple of groups", lambda: numpy_ops.conv(X, K[:, :, :1], groups=4)),
    (r"groups=0: expected", lambda: numpy_ops.conv(X, K, groups=0)),
    (r"unknown padding 'smae'; did you mean 'same'", lambda: numpy_ops.conv(X, K, padding="smae")),
    (r"padding: .* 2 numbers .*, got \(1,\)", lambda: numpy_ops.conv(X, K, padding=(1,))),
    (r"strides: .* from 1 on, or 2 of them, got 0", lambda: numpy_ops.conv(X, K, strides=0)),
    (r"strides: .* got \(1, 1, 1\)", lambda: numpy_ops.conv_loops(X, K, strides=(1, 1, 1))),
    (r"reaches over \(7, 7\), the padded image has \(5, 5\)",
     lambda: numpy_ops.conv(X, K, dilation_rate=3)),
    (r"dy: expected \(1, 3, 3, 6\), .* got \(1, 5, 5, 6\)",
     lambda: numpy_ops.conv_gradients(np.zeros((1, 5, 5, 6)), X, K)),
    (r"filters, channels\), got shapes \(1, 5, 5, 4\) and \(3, 3, 4, 6\)",
     lambda: numpy_ops.conv_transpose(X, K)),
    (r"output_size: expected \(11, 11\) to \(12, 12\), got \(13, 13\)",
     lambda: numpy_ops.conv_transpose(X, K.swapaxes(2, 3), strides=2, output_size=13)),
    (r"output_size: expected \(9, 9\) to \(10, 10\), got \(8, 9\)",
     lambda: numpy_ops.conv_transpose(
         X, K.swapaxes(2, 3), strides=2, padding="same", output_size=(8, 9))),
    (r"dy: .* from \(1, 5, 5, 4\) to \(1, 3, 3, 6\), expected x's \(1, 5, 5, 6\)",
     lambda: numpy_ops.conv_transpose_gradients(X, np.zeros((1, 5, 5, 6)), K)),
    (r"max_pool: padding \(\(2, 2\), \(2, 2\)\) wins under a window of \(2, 2\)",
     lambda: numpy_ops.max_pool(X, 2, padding=2)),
    (r"average_pool: .* sees only padding", lambda: numpy_ops.average_pool(X, 2, padding=2)),
    (r"indices: expected shape \(1, 5, 5, 4\), 0 to 15 .* 0 to 16",
     lambda: numpy_ops.max_unpool(X, np.arange(100).reshape(X.shape) % 17, (4, 4))),
    (r"factors: .* or 2 of them, got \(2, 2, 2\)",
     lambda: numpy_ops.nearest_unpool(X, (2, 2, 2))),
    (r"targets as probabilities .* got shapes \(3, 4\) and \(3,\)",
     lambda: numpy_ops.softmax_cross_entropy(np.zeros((3, 4)), np.zeros(3))),
])  # fmt: skip
def test_errors_say_what_was_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()
