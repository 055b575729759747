"""Output sizes against Keras, by enumeration, and the sentences for what does not fit."""

import re
from itertools import product

import pytest
from keras import layers

from kerascnn import UserError
from kerascnn.analysis import conv_size, pool_size, transposed_size
from kerascnn.layers import CeilMaxPooling2D

STEPS = [(1, 1), (2, 1), (3, 1), (1, 2)]  # stride and dilation; Keras refuses both at once


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_convolution_has_the_size_that_keras_gives(padding):
    for size, kernel, (stride, dilation) in product([7, 12, 13], [1, 2, 3, 4], STEPS):
        layer = layers.Conv1D(1, kernel, stride, padding, dilation_rate=dilation)
        arguments = {"stride": stride, "padding": padding, "rounding": "floor"}
        expected = layer.compute_output_shape((None, size, 1))[1]
        assert conv_size(size, kernel, dilation=dilation, **arguments) == expected
        layer = layers.MaxPooling1D(kernel, stride, padding)
        expected = layer.compute_output_shape((None, size, 1))[1]
        assert pool_size(size, kernel, **arguments) == expected


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("output_padding", [None, 0, 1])
def test_a_transposed_convolution_has_the_size_that_keras_gives(padding, output_padding):
    for size, kernel, (stride, dilation) in product([1, 4, 5], [1, 2, 3, 4, 5], STEPS):
        if output_padding is not None and output_padding >= stride:
            continue  # refused by both
        layer = layers.Conv1DTranspose(
            1, kernel, stride, padding, output_padding, dilation_rate=dilation
        )
        found = transposed_size(
            size,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            output_padding=output_padding,
        )
        assert found == layer.compute_output_shape((None, size, 1))[1]


def test_a_transposed_convolution_undoes_a_convolution():
    for kernel, stride, padding in [(3, 2, 1), (4, 2, 1), (5, 3, (2, 1))]:
        for size in range(9, 20):
            out = conv_size(size, kernel, stride=stride, padding=padding, rounding="floor")
            sides = (padding, padding) if isinstance(padding, int) else padding
            lost = (size + sum(sides) - kernel) % stride
            back = transposed_size(out, kernel, stride=stride, padding=padding, output_padding=lost)
            assert back == size


@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2), (3, 3), (2, 3)])
@pytest.mark.parametrize("padding", [0, 1])
def test_rounding_up_adds_the_window_that_still_holds_a_pixel(kernel, stride, padding):
    for size in range(3, 14):
        windows, start = 0, -padding
        covered = start  # the first place, counted with the padding, that no window has yet
        while covered < size + padding and start < size:
            windows += 1
            covered = start + kernel
            start += stride
        found = pool_size(size, kernel, stride=stride, padding=padding, rounding="ceil")
        assert found == windows
        if stride <= kernel and padding == 0:
            layer = CeilMaxPooling2D(kernel, stride)
            assert layer.compute_output_shape((None, size, size, 1))[1] == windows


def test_the_stride_of_a_pooling_is_its_size():
    assert pool_size(12, 3) == pool_size(12, 3, stride=3) == 4


def test_what_is_left_over_is_named_with_paddings_that_fit():
    with pytest.raises(
        UserError,
        match=re.escape(
            "a kernel that reaches over 3 in steps of 2 leaves 1 of 10 + 0 + 0 pixels over; "
            'padding=(0, 1) fits, or rounding="floor", which gives 4'
        ),
    ):
        conv_size(10, 3, stride=2)


def test_a_kernel_larger_than_its_input_is_named_with_paddings_that_fit():
    with pytest.raises(
        UserError,
        match=r"reaches over 5 does not fit into 3 \+ 0 \+ 0 pixels; "
        r"padding=1 fits",
    ):
        conv_size(3, 3, dilation=2, rounding="floor")


def test_where_no_padding_helps_an_input_size_is_offered():
    with pytest.raises(
        UserError, match="no padding smaller than the kernel fits; an input of 9 or 11 does"
    ):
        conv_size(10, 1, stride=2)
    assert conv_size(9, 1, stride=2) == 5
    assert conv_size(11, 1, stride=2) == 6


def test_every_padding_that_is_offered_fits():
    offered = 0
    for size in range(4, 12):
        for kernel in range(1, 6):
            for stride in range(2, 5):
                for padding in (0, 1, (0, 1)):
                    try:
                        conv_size(size, kernel, stride=stride, padding=padding)
                        continue
                    except UserError as error:
                        found = re.search(r"padding=(.*?) fits", str(error))
                    for words in found[1].split(" or ") if found else ():
                        numbers = [int(n) for n in re.findall(r"\d+", words)]
                        fitting = numbers[0] if len(numbers) == 1 else tuple(numbers)
                        assert conv_size(size, kernel, stride=stride, padding=fitting) >= 1
                        offered += 1
    assert offered > 100


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv_size(8, 3, padding="full"), "padding: expected .* got 'full'"),
        (lambda: conv_size(8, 3, padding=(1, -1)), r"padding: expected .* got \(1, -1\)"),
        (lambda: conv_size(8, 3, stride=0), "stride: expected an integer from 1, got 0"),
        (lambda: conv_size(8, 3, rounding="up"), "rounding: expected one of exact, floor, ceil"),
        (
            lambda: transposed_size(4, 3, stride=2, output_padding=2),
            "output_padding: expected 0 to 1, less than the stride, got 2",
        ),
        (
            lambda: transposed_size(1, 3, padding=2),
            r"padding 2 \+ 2 cuts off all of the 3 pixels; expected a sum of at most 2",
        ),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(UserError, match=message):
        call()
