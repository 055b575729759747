"""Output sizes along one axis: of convolution, transposed convolution and pooling.

    reach = dilation * (kernel - 1) + 1
    convolution, pooling     (size + before + after - reach) / stride + 1
    transposed convolution   stride * (size - 1) + reach - before - after + output_padding

Source: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from kerascnn.errors import UserError

Padding = int | str | tuple[int, int]  # zeros on each side, (before, after), "valid" or "same"
ROUNDING = ("exact", "floor", "ceil")


def conv_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    rounding: str = "exact",
) -> int:
    """Number of positions of a convolution's kernel along an axis of `size` pixels.

    Args:
        size, kernel, stride, dilation: integers from 1.
        padding: zeros on each side, as an integer or (before, after); "valid" is none, "same" as
            many as make ceil(size / stride) positions.
        rounding: what happens to pixels that are left over. "exact" refuses them; "floor" leaves
            them out, as Keras, torch and TFLite do; "ceil" adds one more window, which reaches
            over the end.

    Raises:
        UserError: the kernel is larger than the padded input, or with "exact", pixels are left
            over; it names paddings that fit.
    """
    _positive(size=size, kernel=kernel, stride=stride, dilation=dilation)
    if rounding not in ROUNDING:
        raise UserError(f"rounding: expected one of {', '.join(ROUNDING)}, got {rounding!r}")
    if padding == "same":
        return -(-size // stride)
    before, after = _sides(padding)
    reach = dilation * (kernel - 1) + 1
    room = size + before + after - reach
    offer = _offer(size, reach, stride, before + after)
    if room < 0:
        raise UserError(
            f"a kernel that reaches over {reach} does not fit into {size} + {before} + {after} "
            f"pixels; {offer}"
        )
    left = room % stride
    if left and rounding == "exact":
        raise UserError(
            f"a kernel that reaches over {reach} in steps of {stride} leaves {left} of "
            f"{size} + {before} + {after} pixels over; {offer}, or "
            f'rounding="floor", which gives {room // stride + 1}'
        )
    return room // stride + 1 + (left > 0 and rounding == "ceil")


def pool_size(
    size: int,
    kernel: int,
    *,
    stride: int | None = None,
    padding: Padding = 0,
    dilation: int = 1,
    rounding: str = "exact",
) -> int:
    """Number of windows of a pooling along an axis of `size` pixels.

    Arguments and errors as in `conv_size`, but that the stride is the kernel by default, and that
    with rounding="ceil" (Caffe, torch's ceil_mode) no window starts behind the last pixel.
    """
    stride = kernel if stride is None else stride
    out = conv_size(
        size, kernel, stride=stride, padding=padding, dilation=dilation, rounding=rounding
    )
    if rounding == "ceil" and padding != "same" and (out - 1) * stride >= size + _sides(padding)[0]:
        return out - 1
    return out


def transposed_size(
    size: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: Padding = 0,
    dilation: int = 1,
    output_padding: int | None = None,
) -> int:
    """Size of the output of a transposed convolution along an axis of `size` pixels.

    Args:
        size, kernel, stride, dilation: integers from 1.
        padding: what is cut off on each side, as an integer or (before, after); or Keras' words:
            "valid" cuts nothing off and makes at least size * stride, "same" makes just that.
        output_padding: added behind, less than the stride. With "same" it replaces the size by
            stride * (size - 1) + reach % 2 + output_padding.

    Raises:
        UserError: nothing is left, or output_padding is not less than the stride.
    """
    _positive(size=size, kernel=kernel, stride=stride, dilation=dilation)
    if output_padding is not None and not 0 <= output_padding < stride:
        raise UserError(
            f"output_padding: expected 0 to {stride - 1}, less than the stride, "
            f"got {output_padding}"
        )
    reach = dilation * (kernel - 1) + 1
    spread = stride * (size - 1)
    if padding == "same":
        return size * stride if output_padding is None else spread + reach % 2 + output_padding
    if padding == "valid" and output_padding is None:
        return spread + max(reach, stride)
    before, after = _sides(padding)
    full = spread + reach + (output_padding or 0)
    if full <= before + after:
        raise UserError(
            f"padding {before} + {after} cuts off all of the {full} pixels; expected a sum of at "
            f"most {full - 1}"
        )
    return full - before - after


def _offer(size, reach, stride, given):
    """Names the paddings nearest to the `given` sum that leave nothing over."""
    fits = [
        total
        for total in range(2 * reach - 1)
        if size + total >= reach and (size + total - reach) % stride == 0
    ]
    even = [total for total in fits if total % 2 == 0]
    best = {min(sums, key=lambda total: abs(total - given)) for sums in (fits, even) if sums}
    sides = [str(t // 2) if t % 2 == 0 else f"({t // 2}, {t - t // 2})" for t in sorted(best)]
    if sides:
        return f"padding={' or '.join(sides)} fits"
    less = size - (size - reach) % stride
    return f"no padding smaller than the kernel fits; an input of {less} or {less + stride} does"


def _sides(padding):
    if padding == "valid":
        return 0, 0
    sides = (padding, padding) if isinstance(padding, int) else padding
    if isinstance(sides, str) or len(sides) != 2 or min(sides) < 0:
        raise UserError(
            'padding: expected "valid", "same", an integer from 0 or (before, after), '
            f"got {padding!r}"
        )
    return tuple(sides)


def _positive(**values):
    for name, value in values.items():
        if value < 1:
            raise UserError(f"{name}: expected an integer from 1, got {value}")
