"""What a convolution also is, and what kernels alone say."""

import math

import numpy as np
import pytest
from operator_checks import KERNEL_SIZE, SIZE, image, random

from kerascnn import UserError, numpy_ops
from kerascnn.numpy_ops import kernels

OPTIONS = [
    dict(strides=1),
    dict(strides=(2, 1, 3), padding="same"),
    dict(dilation_rate=(1, 3, 2), padding=((0, 2), (1, 2), (2, 1))),
    dict(groups=2, padding=1),
]


def case(rank, options):
    options = {k: v[:rank] if isinstance(v, tuple) else v for k, v in options.items()}
    groups = options.get("groups", 1)
    x = random(2, *SIZE[:rank], 4)
    return x, random(*KERNEL_SIZE[:rank], 4 // groups, 2 * groups), options


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_four_forms_of_convolution_are_equal(rank, options):
    x, kernel, options = case(rank, options)
    y = numpy_ops.conv(x, kernel, **options)
    flat = x.reshape(len(x), -1)
    fft = numpy_ops.conv_fft(x, kernel, **options)
    matrix = numpy_ops.toeplitz_matrix(kernel, SIZE[:rank], **options)
    weights, _ = numpy_ops.shared_dense_weights(kernel, SIZE[:rank], **options)
    # float64: sums of some ten products, which an FFT adds up in another order.
    np.testing.assert_allclose(fft, y, atol=1e-12)
    np.testing.assert_allclose((flat @ matrix.T).reshape(y.shape), y, atol=1e-12)
    np.testing.assert_allclose((flat @ weights).reshape(y.shape), y, atol=1e-12)


def test_fft_keeps_float32_and_adds_the_bias():
    x, kernel = random(1, 5, 5, 2, dtype="float32"), random(3, 3, 2, 2, dtype="float32")
    bias = np.array([1, -2], "float32")
    y = numpy_ops.conv_fft(x, kernel, bias)
    assert y.dtype == "float32"
    np.testing.assert_allclose(y, numpy_ops.conv(x, kernel, bias), atol=1e-5)


def test_the_matrix_of_one_axis_has_equal_diagonals():
    matrix = numpy_ops.toeplitz_matrix(np.array([1.0, 2, 3])[:, None, None], (5,))
    np.testing.assert_array_equal(matrix, [[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]])


def test_its_transpose_is_the_transposed_convolution():
    kernel, small = random(3, 3, 1, 1), random(1, 2, 3, 1)
    matrix = numpy_ops.toeplitz_matrix(kernel, (5, 7), strides=2)
    finer = numpy_ops.conv_transpose(small, kernel, strides=2, output_size=(5, 7))
    np.testing.assert_allclose(matrix.T @ small.ravel(), finer.ravel(), atol=1e-14)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_shared_weight_gets_what_all_its_places_get(options):
    x, kernel, options = case(2, options)
    dy = random(*numpy_ops.conv(x, kernel, **options).shape)
    _, places = numpy_ops.shared_dense_weights(kernel, SIZE[:2], **options)
    dweights = x.reshape(2, -1).T @ dy.reshape(2, -1)  # of a Dense layer
    dkernel = np.zeros(kernel.size)
    np.add.at(dkernel, places[places >= 0], dweights[places >= 0])
    expected = numpy_ops.conv_gradients(dy, x, kernel, **options)[1]
    np.testing.assert_allclose(dkernel.reshape(kernel.shape), expected, atol=1e-12)


def test_a_kernel_as_large_as_the_image_is_a_fully_connected_layer():
    x, kernel = random(3, 4, 5, 2), random(4, 5, 2, 6)
    np.testing.assert_allclose(
        numpy_ops.conv(x, kernel).reshape(3, 6), x.reshape(3, -1) @ kernel.reshape(-1, 6)
    )
    weights, places = numpy_ops.shared_dense_weights(kernel, (4, 5))
    np.testing.assert_array_equal(weights, kernel.reshape(-1, 6))
    assert len(np.unique(places)) == places.size  # nothing is shared


def test_a_1x1_kernel_is_a_dense_layer_at_every_pixel():
    x, kernel = random(2, 4, 3, 5), random(1, 1, 5, 7)
    np.testing.assert_allclose(numpy_ops.conv(x, kernel), x @ kernel[0, 0], atol=1e-14)


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_two_convolutions_are_one(rank):
    x, first = random(2, *(n + 3 for n in SIZE[:rank]), 2), random(*KERNEL_SIZE[:rank], 2, 3)
    second = random(*(2,) * rank, 3, 4)
    one = numpy_ops.composed_kernel(first, second)
    assert one.shape == (*(k + 1 for k in KERNEL_SIZE[:rank]), 2, 4)
    twice = numpy_ops.conv(numpy_ops.conv(x, first), second)
    np.testing.assert_allclose(numpy_ops.conv(x, one), twice, atol=1e-12)


def test_kernels_multiply_as_polynomials_do_and_in_any_order():
    a, b = random(3)[:, None, None], random(4)[:, None, None]
    product = numpy_ops.composed_kernel(a, b)
    np.testing.assert_allclose(product.ravel(), np.polymul(a.ravel(), b.ravel()), atol=1e-14)
    np.testing.assert_allclose(product, numpy_ops.composed_kernel(b, a), atol=1e-14)


def test_convolution_moves_with_the_image_and_the_maximum_stays():
    """Claim, on 4x4: T(x) * k = T(x * k), so a global maximum is the same."""
    x, moved = np.zeros((1, 6, 6, 1)), np.zeros((1, 6, 6, 1))  # 4x4 and a margin
    x[0, 1:3, 1:3, 0] = moved[0, 3:5, 2:4, 0] = [[1, 2], [3, 4]]
    kernel = random(2, 2, 1, 1)
    y, y_moved = (numpy_ops.conv(each, kernel, padding="same") for each in (x, moved))
    np.testing.assert_allclose(y_moved, np.roll(y, (2, 1), axis=(1, 2)), atol=1e-15)
    (most, where), (same, elsewhere) = map(numpy_ops.global_max_pool, (y, y_moved))
    np.testing.assert_allclose(most, same)
    assert elsewhere - where == 2 * 6 + 1


@pytest.mark.parametrize(
    "kernel, rank",
    [
        (kernels.sobel(0), 1),
        (kernels.gaussian(1.2), 1),
        (kernels.box(5), 1),
        (kernels.laplacian(), 2),
        (kernels.gabor(orientation=0.0), 2),  # a separable wave, less its mean
        (kernels.gabor(orientation=math.pi / 4, aspect=0.5), 4),
    ],
)
def test_the_rank_of_known_kernels(kernel, rank):
    found = numpy_ops.kernel_rank(kernel)
    assert found == rank if rank < 4 else found >= rank
    exact = numpy_ops.separable_approximation(kernel, int(found))
    assert exact.error < 1e-7


def test_the_best_separable_kernel_misses_the_other_singular_values():
    kernel = random(5, 4, 2, 3)
    made = numpy_ops.separable_approximation(kernel)
    assert made.columns.shape == (5, 1, 2, 3) and made.rows.shape == (1, 4, 2, 3)
    values = np.linalg.svd(np.moveaxis(kernel, (0, 1), (2, 3)), compute_uv=False)
    missed = np.linalg.norm(values[..., 1:]) / np.linalg.norm(values)
    assert made.error == pytest.approx(missed)
    x = random(1, 8, 8, 1)
    one = numpy_ops.separable_approximation(kernels.gaussian(1.0))
    column, row = one.columns[..., None], one.rows[..., None, None].reshape(1, -1, 1, 1)
    in_turn = numpy_ops.conv(numpy_ops.conv(x, column.reshape(-1, 1, 1, 1)), row)
    whole = numpy_ops.conv(x, kernels.gaussian(1.0)[..., None, None])
    np.testing.assert_allclose(in_turn, whole, atol=1e-12)


def test_derivatives_of_a_ramp():
    rows, columns = np.mgrid[:6, :7].astype(float)
    ramp = image(*(2 * rows + 5 * columns))
    for axis, slope in ((0, 2), (1, 5)):
        y = numpy_ops.conv(ramp, kernels.sobel(axis)[..., None, None])
        np.testing.assert_allclose(y, 8 * slope)  # 4 across, and two pixels apart
    np.testing.assert_allclose(numpy_ops.conv(ramp, kernels.laplacian()[..., None, None]), 0)
    sharp = numpy_ops.conv(ramp, kernels.sharpen()[..., None, None])
    np.testing.assert_allclose(sharp, ramp[:, 1:-1, 1:-1])
    for smooth in (kernels.box(3), kernels.gaussian(0.8, 3)):
        np.testing.assert_allclose(
            numpy_ops.conv(ramp, smooth[..., None, None]), ramp[:, 1:-1, 1:-1]
        )


def test_gabor_answers_to_its_own_orientation():
    _, x = np.mgrid[:41, :41]
    stripes = np.cos(2 * math.pi * x / 6)
    answers = {
        turn: np.abs(numpy_ops.filtered(stripes, kernels.gabor(orientation=turn))).max()
        for turn in (0.0, math.pi / 4, math.pi / 2)
    }
    assert answers[0.0] > 5 * answers[math.pi / 4] > 0
    assert answers[0.0] > 5 * answers[math.pi / 2]
    assert kernels.gabor().sum() == pytest.approx(0, abs=1e-12)


def test_canny_outlines_a_square_thinly():
    square = np.zeros((40, 40))
    square[10:30, 12:28] = 200
    edges = numpy_ops.canny(square)
    rows, _ = np.nonzero(edges)
    assert {*rows} <= {*range(8, 12), *range(28, 32), *range(12, 28)}
    assert not edges[14:26, 16:24].any() and not edges[:7].any()
    assert 60 <= edges.sum() <= 72  # once around: 2 (20 + 16) = 72 less the corners
    assert not numpy_ops.canny(np.full((9, 9), 7.0)).any()


@pytest.mark.parametrize(
    "message, call",
    [
        (r"size: expected an odd number.* got 4", lambda: kernels.box(4)),
        (r"axis: expected 0.* got 2", lambda: kernels.sobel(2)),
        (r"rank: expected 1 to 3 .* got 4", lambda: numpy_ops.separable_approximation(SOBEL, 4)),
        (r"low, high: .* got 0.5 and 0.2", lambda: numpy_ops.canny(SOBEL, low=0.5)),
        (r"reaches over", lambda: numpy_ops.toeplitz_matrix(SOBEL[..., None, None], (2, 4))),
    ],
)
def test_kernels_say_what_they_expected_and_what_came(message, call):
    with pytest.raises(UserError, match=message):
        call()


SOBEL = kernels.sobel(0)
