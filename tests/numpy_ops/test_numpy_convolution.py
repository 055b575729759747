"""Convolution by im2col and by loops, and depthwise convolution."""

from functools import partial

import keras
import numpy as np
import pytest
from operator_checks import (
    KERNEL_SIZE,
    SIZE,
    assert_equals_keras,
    check_float32_stays,
    check_gradients,
    image,
    random,
    with_kernel,
)

from kerascnn import UserError, numpy_ops
from kerascnn.numpy_ops import convolution

SQUARE = np.arange(9.0).reshape(1, 3, 3, 1)
ONE_TO_FOUR = np.array([[1.0, 2], [3, 4]])[..., None, None]
# Keras refuses strides together with dilation, and compiles every grouped call anew (slow).
STEPS = [dict(strides=1), dict(strides=2), dict(strides=3), dict(dilation_rate=2)]
CONV_CASES = [(rank, options, 1) for rank in (1, 2, 3) for options in STEPS]
CONV_CASES += [(1, STEPS[3], 4), (2, STEPS[0], 2), (2, STEPS[1], 4), (3, STEPS[1], 2)]
X, K = np.zeros((1, 5, 5, 4)), np.zeros((3, 3, 4, 6))


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


@pytest.mark.parametrize("block", [1, 100])
def test_the_matrix_may_be_made_in_parts(block, monkeypatch):
    x, kernel = random(2, 7, 5, 4), random(3, 2, 2, 6)
    options = dict(strides=(1, 2), padding="same", groups=2)
    monkeypatch.setattr(convolution, "BLOCK", block)
    expected = numpy_ops.conv_loops(x, kernel, **options)
    np.testing.assert_allclose(numpy_ops.conv(x, kernel, **options), expected, atol=1e-12)


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


def cases(dtype):
    """name -> what `with_kernel` makes."""
    conv = partial(with_kernel, numpy_ops.conv, numpy_ops.conv_gradients, dtype=dtype)
    loops = partial(with_kernel, numpy_ops.conv_loops, numpy_ops.conv_loops_gradients, dtype=dtype)
    depthwise = partial(
        with_kernel, numpy_ops.depthwise_conv, numpy_ops.depthwise_conv_gradients, dtype=dtype
    )
    return {
        "conv1d": conv((2, 7, 3), (3, 3, 4), (4,), strides=2, padding="same"),
        "conv2d": conv((2, 6, 5, 4), (3, 2, 2, 6), (6,), strides=(2, 1), padding=1, groups=2),
        "conv3d": conv((1, 4, 3, 5, 2), (2, 2, 2, 2, 3), (3,), dilation_rate=(1, 1, 2)),
        "true conv": conv((2, 5, 5, 2), (3, 2, 2, 3), (3,), strides=2, flip_kernel=True),
        "conv_loops": loops(
            (1, 4, 3, 2),
            (2, 2, 1, 2),
            (2,),
            padding=((0, 1), (1, 0)),
            groups=2,
        ),
        "depthwise1d": depthwise((2, 7, 3), (3, 3, 2), (6,), dilation_rate=2),
        "depthwise2d": depthwise((2, 5, 6, 2), (3, 3, 2, 2), (4,), strides=2, padding="same"),
    }


@pytest.mark.parametrize("name", cases("float64"))
def test_convolution_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_convolution_in_float32_stays_float32(name):
    check_float32_stays(*cases("float32")[name])


@pytest.mark.parametrize(
    "message, call",
    [
        (
            r"one to three axes of size, got shapes \(1, 5, 5, 4\) and \(3, 4, 6\)",
            lambda: numpy_ops.conv(X, K[0]),
        ),
        (
            r"groups=2: .* 4 channels of x, .* got \(3, 3, 4, 6\)",
            lambda: numpy_ops.conv(X, K, groups=2),
        ),
        (r"groups=4: .* multiple of groups", lambda: numpy_ops.conv(X, K[:, :, :1], groups=4)),
        (r"groups=0: expected", lambda: numpy_ops.conv(X, K, groups=0)),
        (
            r"unknown padding 'smae'; did you mean 'same'",
            lambda: numpy_ops.conv(X, K, padding="smae"),
        ),
        (r"padding: .* 2 numbers .*, got \(1,\)", lambda: numpy_ops.conv(X, K, padding=(1,))),
        (r"strides: .* from 1 on, or 2 of them, got 0", lambda: numpy_ops.conv(X, K, strides=0)),
        (r"strides: .* got \(1, 1, 1\)", lambda: numpy_ops.conv_loops(X, K, strides=(1, 1, 1))),
        (
            r"reaches over \(7, 7\), the padded image has \(5, 5\)",
            lambda: numpy_ops.conv(X, K, dilation_rate=3),
        ),
        (
            r"dy: expected \(1, 3, 3, 6\), .* got \(1, 5, 5, 6\)",
            lambda: numpy_ops.conv_gradients(np.zeros((1, 5, 5, 6)), X, K),
        ),
    ],
)
def test_convolution_says_what_it_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()
