"""Transposed convolution."""

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

X, K = np.zeros((1, 5, 5, 4)), np.zeros((3, 3, 4, 6))


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


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2, 3, 4])  # shorter than the kernel, as long, longer
def test_conv_transpose_equals_keras(rank, padding, strides):
    x = random(2, *SIZE[:rank], 4, dtype="float32")
    kernel = random(*KERNEL_SIZE[:rank], 3, 4, dtype="float32")
    y = numpy_ops.conv_transpose(x, kernel, padding=padding, strides=strides)
    assert_equals_keras(y, keras.ops.conv_transpose(x, kernel, strides, padding))


def cases(dtype):
    """name -> what `with_kernel` makes."""
    transpose = partial(
        with_kernel, numpy_ops.conv_transpose, numpy_ops.conv_transpose_gradients, dtype=dtype
    )
    return {
        "transpose1d": transpose((2, 3, 2), (3, 4, 2), (4,), strides=2, dilation_rate=2),
        "transpose2d": transpose((2, 3, 4, 2), (3, 2, 3, 2), (3,), strides=3, padding="same"),
        "transpose2d of an exact size": transpose(
            (1, 3, 3, 2),
            (3, 3, 2, 2),
            (2,),
            strides=2,
            padding=1,
            output_size=(6, 5),
        ),
        "transpose3d": transpose((1, 2, 3, 2, 2), (2, 3, 2, 1, 2), (1,), strides=(1, 2, 2)),
    }


@pytest.mark.parametrize("name", cases("float64"))
def test_transposed_convolution_gradients_equal_finite_differences(name):
    check_gradients(*cases("float64")[name])


@pytest.mark.parametrize("name", cases("float32"))
def test_transposed_convolution_in_float32_stays_float32(name):
    check_float32_stays(*cases("float32")[name])


@pytest.mark.parametrize(
    "message, call",
    [
        (
            r"filters, channels\), got shapes \(1, 5, 5, 4\) and \(3, 3, 4, 6\)",
            lambda: numpy_ops.conv_transpose(X, K),
        ),
        (
            r"output_size: expected \(11, 11\) to \(12, 12\), got \(13, 13\)",
            lambda: numpy_ops.conv_transpose(X, K.swapaxes(2, 3), strides=2, output_size=13),
        ),
        (
            r"output_size: expected \(9, 9\) to \(10, 10\), got \(8, 9\)",
            lambda: numpy_ops.conv_transpose(
                X, K.swapaxes(2, 3), strides=2, padding="same", output_size=(8, 9)
            ),
        ),
        (
            r"dy: .* from \(1, 5, 5, 4\) to \(1, 3, 3, 6\), expected x's \(1, 5, 5, 6\)",
            lambda: numpy_ops.conv_transpose_gradients(X, np.zeros((1, 5, 5, 6)), K),
        ),
    ],
)
def test_transposed_convolution_says_what_it_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()
