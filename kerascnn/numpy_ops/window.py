"""The sliding window, which convolution and pooling share, and its gradient.

Along one axis, output i looks at the padded input in s i, s i + d, ..., s i + d (k - 1): stride s,
dilation d, kernel size k. Of n inputs with p zeros around them this makes
floor((n + p_before + p_after - d (k - 1) - 1) / s) + 1 outputs.

Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerascnn.errors import UserError, unknown

PerAxis = int | Sequence[int]  # one number for every axis, or one for each
Padding = str | int | Sequence[int | Sequence[int]]  # see `Window.over`
Gradients = tuple[np.ndarray, np.ndarray, np.ndarray]  # of three arguments, each of its shape


@dataclass(frozen=True)
class Window:
    """Where a kernel stops on its way over an image. Each field has one entry an axis of size.

    size: of the image. pads: (before, after). out: the number of stops.
    """

    size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    out: tuple[int, ...]

    @classmethod
    def over(
        cls,
        size: Sequence[int],
        kernel_size: PerAxis,
        *,
        strides: PerAxis = 1,
        padding: Padding = "valid",
        dilation_rate: PerAxis = 1,
    ) -> "Window":
        """Returns the window of `kernel_size` that slides over an image of `size`.

        Args:
            size: (height, width), or one or three numbers: as many as the image has axes.
            kernel_size, strides, dilation_rate: one number, or one an axis.
            padding: "valid" pads nothing; "same" gives ceil(size / strides) outputs and pads the
                odd one behind, as Keras does; a number pads as many on every side; one number or
                one (before, after) an axis.

        Raises:
            UserError: an argument of the wrong length or below one, an unknown padding, a kernel
                larger than the padded image.
        """
        size = tuple(size)
        kernel_size = per_axis("kernel_size", kernel_size, len(size))
        strides = per_axis("strides", strides, len(size))
        dilation_rate = per_axis("dilation_rate", dilation_rate, len(size))
        reach = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation_rate, strict=True)]
        pads = pad_widths(padding, size, reach, strides)
        padded = tuple(n + sum(p) for n, p in zip(size, pads, strict=True))
        if any(n < r for n, r in zip(padded, reach, strict=True)):
            raise UserError(
                f"the kernel reaches over {tuple(reach)}, the padded image has {padded}; "
                "expected a larger image, a smaller kernel or more padding"
            )
        out = tuple((n - r) // s + 1 for n, r, s in zip(padded, reach, strides, strict=True))
        return cls(size, kernel_size, strides, dilation_rate, pads, out)

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first to the last pixel that the kernel sees: d (k - 1) + 1."""
        axes = zip(self.kernel_size, self.dilation_rate, strict=True)
        return tuple(d * (k - 1) + 1 for k, d in axes)

    def check_output(self, dy: np.ndarray, batch: int, channels: int) -> None:
        """Raises UserError unless dy is (batch, *out, channels)."""
        expected = (batch, *self.out, channels)
        if dy.shape != expected:
            raise UserError(
                f"dy: expected {expected}, the shape of the operator's output, got {dy.shape}"
            )

    def pad(self, x: np.ndarray, value: float = 0) -> np.ndarray:
        """Puts `value` around the images.  (batch, *size, C) -> (batch, *padded, C)."""
        return np.pad(x, [(0, 0), *self.pads, (0, 0)], constant_values=value)

    def crop(self, padded: np.ndarray) -> np.ndarray:
        """Takes the padding off again.  (batch, *padded, C) -> (batch, *size, C)."""
        inside = (slice(p[0], p[0] + n) for n, p in zip(self.size, self.pads, strict=True))
        return padded[(slice(None), *inside)]

    def slices(self, stop: Sequence[int]) -> tuple[slice, ...]:
        """What the kernel sees of a padded image at `stop`, an index into `out`: slices."""
        axes = zip(stop, self.kernel_size, self.strides, self.dilation_rate, strict=True)
        return tuple(slice(s * i, s * i + d * (k - 1) + 1, d) for i, k, s, d in axes)

    def gather(self, x: np.ndarray, *, fill: float = 0) -> np.ndarray:
        """What the kernel sees at every stop.  (batch, *size, C) -> (batch, *out, *kernel, C).

        A view of the padded images: a pixel that is seen several times is still stored once.
        """
        rank = len(self.size)
        axes = tuple(range(1, rank + 1))
        view = np.lib.stride_tricks.sliding_window_view(self.pad(x, fill), self.reach, axes)
        stops = (slice(None, None, s) for s in self.strides)
        holes = (slice(None, None, d) for d in self.dilation_rate)
        view = view[(slice(None), *stops, slice(None), *holes)]  # (batch, *out, C, *kernel)
        return np.moveaxis(view, rank + 1, -1)

    def scatter(self, patches: np.ndarray) -> np.ndarray:
        """The gradient of `gather`.  (batch, *out, *kernel, C) -> (batch, *size, C).

        Adds every patch where `gather` took it from: a pixel seen several times gets the sum.
        """
        padded = [n + sum(p) for n, p in zip(self.size, self.pads, strict=True)]
        x = np.zeros((len(patches), *padded, patches.shape[-1]), patches.dtype)
        every_stop = (slice(None),) * (1 + len(self.size))
        for offset in np.ndindex(self.kernel_size):
            axes = zip(offset, self.out, self.strides, self.dilation_rate, strict=True)
            seen = (slice(d * a, d * a + s * (o - 1) + 1, s) for a, o, s, d in axes)
            x[(slice(None), *seen)] += patches[(*every_stop, *offset)]
        return self.crop(x)


def per_axis(name: str, value: PerAxis, rank: int) -> tuple[int, ...]:
    """Returns `value` as a tuple of `rank` whole numbers from one on; one number is repeated."""
    numbers = (int(value),) * rank if isinstance(value, int | np.integer) else tuple(value)
    if len(numbers) != rank or min(numbers) < 1:
        raise UserError(f"{name}: expected a number from 1 on, or {rank} of them, got {value}")
    return numbers


def pad_widths(
    padding: Padding, size: Sequence[int], reach: Sequence[int], strides: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Returns (before, after) for each axis; `padding` as in `Window.over`."""
    if padding == "valid":
        return ((0, 0),) * len(size)
    if padding == "same":
        axes = zip(size, reach, strides, strict=True)
        missing = [max((-(-n // s) - 1) * s + r - n, 0) for n, r, s in axes]
        return tuple((m // 2, m - m // 2) for m in missing)
    if isinstance(padding, str):
        raise unknown("padding", padding, ["valid", "same"])
    widths = (padding,) * len(size) if isinstance(padding, int | np.integer) else tuple(padding)
    pairs = tuple((w, w) if isinstance(w, int | np.integer) else tuple(w) for w in widths)
    if len(pairs) != len(size) or any(len(pair) != 2 or min(pair) < 0 for pair in pairs):
        raise UserError(
            f"padding: expected 'valid', 'same', a number from 0 on, or {len(size)} numbers or "
            f"(before, after) pairs, got {padding}"
        )
    return tuple((pair[0], pair[1]) for pair in pairs)
