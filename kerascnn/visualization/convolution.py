"""An image under kernels that people designed, and the page that shows convolution by numbers."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import unknown
from kerascnn.numpy_ops import Window, canny, filtered, kernels
from kerascnn.numpy_ops.edges import gradient
from kerascnn.visualization.arithmetic import Animation, animate_conv, animate_conv_transpose
from kerascnn.visualization.pages import Picture, write_page

COLUMNS, WIDTH = 5, 2.6  # of a figure: images side by side, and inches of each


@dataclass(frozen=True)
class Response:
    """title: what it is. kernel: (height, width), or None for what is no single kernel's. signed:
    whether it is drawn around zero, as derivatives are."""

    title: str
    response: np.ndarray
    kernel: np.ndarray | None = None
    signed: bool = False


def _smooth(name, kernel):
    return lambda image: [Response(name, filtered(image, kernel), kernel)]


def _sobel(image):
    down, right = kernels.sobel(0), kernels.sobel(1)
    return [
        Response("Sobel, to the right", filtered(image, right), right, True),
        Response("Sobel, downwards", filtered(image, down), down, True),
        Response("size of the gradient", gradient(image)[0]),
    ]


def _laplacian(image):
    kernel = kernels.laplacian()
    return [Response("Laplacian", filtered(image, kernel), kernel, True)]


def _gabor(image):
    made = []
    for degrees in (0, 45, 90, 135):
        kernel = kernels.gabor(orientation=math.radians(degrees))
        title = f"Gabor, {degrees} degrees"
        made.append(Response(title, filtered(image, kernel), kernel, True))
    return made


def _canny(image):
    return [Response("Canny's edges", canny(image).astype(float))]


FILTERS: dict[str, Callable[[np.ndarray], list[Response]]] = {
    "box": _smooth("mean of 5x5", kernels.box(5)),
    "gaussian": _smooth("Gaussian, sigma 2", kernels.gaussian(2.0)),
    "sharpen": _smooth("sharpened", kernels.sharpen()),
    "sobel": _sobel,
    "laplacian": _laplacian,
    "gabor": _gabor,
    "canny": _canny,
}


def convolved_figure(image: np.ndarray, names: Sequence[str]) -> Any:
    """Draws an image, kernels and what they make of it.

    Args:
        image: (height, width), grey levels from 0 to 255.
        names: of `FILTERS`.

    Returns:
        A matplotlib figure: the image first, then each response with its kernel above it. What has
        both signs is drawn blue below zero and red above.

    Raises:
        UserError: an unknown name.
    """
    responses = [each for name in names for each in _filter(name)(image)]
    from matplotlib.figure import Figure

    lines = math.ceil((1 + len(responses)) / COLUMNS)
    columns = min(COLUMNS, 1 + len(responses))
    height = WIDTH * image.shape[0] / image.shape[1]
    figure = Figure((WIDTH * columns, (1.5 + height) * lines), dpi=110, layout="constrained")
    ratios = [1.0, max(0.3, height)] * lines
    grid = figure.subplots(2 * lines, columns, squeeze=False, height_ratios=ratios)
    for axes in grid.ravel():
        axes.set_axis_off()
    places = [(grid[2 * i, j], grid[2 * i + 1, j]) for i in range(lines) for j in range(columns)]
    places[0][1].imshow(image, "gray", vmin=0, vmax=255)
    places[0][1].set_title("image", fontsize=9)
    for (above, below), each in zip(places[1:], responses, strict=False):
        below.set_title(each.title, fontsize=9)
        below.imshow(each.response, **_looks(each.response, each.signed))
        if each.kernel is not None:
            above.imshow(each.kernel, **_looks(each.kernel, bool((each.kernel < 0).any())))
            above.set_title("{}x{} kernel".format(*each.kernel.shape), fontsize=8)
    return figure


def _filter(name):
    if name not in FILTERS:
        raise unknown("kernel", name, FILTERS)
    return FILTERS[name]


def _looks(values, signed):
    if not signed:
        return {"cmap": "gray"}
    most = float(np.abs(values).max()) or 1.0
    return {"cmap": "RdBu_r", "vmin": -most, "vmax": most}


IMAGE = np.array(
    [[1, 2, 0, 3, 1], [0, 1, 3, 1, 0], [2, 2, 1, 0, 2], [3, 0, 1, 2, 1], [1, 1, 0, 2, 3]], float
)[..., None]
KERNEL = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]], float)[..., None, None]


def write_convolution_page(path: str | Path, pictures: Sequence[Picture] = ()) -> None:
    """Writes one HTML page: convolution on small grids, number by number; it needs no server.

    Stride, padding, dilation, groups, transposition, and that a convolution moves with its image
    while a maximum over it stays. Every number is computed by kerascnn.numpy_ops.

    Args:
        path: the .html file. pictures: what stands first on the page.

    Raises:
        UserError: a file that cannot be written.
    """
    lead = (
        "What networks call convolution multiplies the kernel with what it lies on, unmirrored, "
        "and adds up; at each stop one number. Hold the pointer over a grid to pause it."
    )
    animations = [_as_picture(*each) for each in _examples()]
    write_page(path, "Convolution, number by number", lead, [*pictures, *animations])


def _as_picture(title: str, told: str, animation: Animation) -> Picture:
    return Picture(title, told, animation.svg)


def _examples():
    """(title, sentence, animation), from the plain convolution on."""
    yield "Stride 1", f"{_sizes()} Kernel: a derivative to the left.", animate_conv(IMAGE, KERNEL)
    variations: Sequence[tuple[str, dict[str, Any]]] = (
        ("Stride 2", dict(strides=2)),
        ("Padding 1", dict(padding=1)),
        ("Stride 2, padding same", dict(strides=2, padding="same")),
        ("Dilation 2", dict(dilation_rate=2)),
    )
    for title, options in variations:
        kernel = KERNEL[:2, :2] if "dilation_rate" in options else KERNEL
        yield title, _sizes(kernel=kernel, **options), animate_conv(IMAGE, kernel, **options)
    channels = np.stack([IMAGE[:3, :3, 0] + shift for shift in range(4)], -1) % 4
    kernel = np.array([1, 0, -1, 2, 0, 1, 1, -1] * 2, float).reshape(2, 2, 2, 2)
    yield (
        "Groups: 4 channels in 2 groups, 2 filters",
        "A filter sees the channels of its own group: the first filter the upper two, the second "
        "the lower two. That halves weights and multiplications.",
        animate_conv(channels, kernel, groups=2),
    )
    small, stamp = IMAGE[:2, :3], np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]], float)
    yield (
        "Transposed, stride 2",
        "Every pixel stamps the kernel, times its value, two pixels apart; where stamps overlap "
        "they add up. The way back through the shapes of a convolution with stride 2: 2x3 to 5x7.",
        animate_conv_transpose(small, stamp[..., None, None], strides=2),
    )
    yield from _moved()


def _moved():
    """The 4x4 example: equivariance of the convolution, invariance of the maximum."""
    image = np.zeros((4, 4, 1))
    image[0:2, 0:2, 0] = [[1, 2], [3, 1]]
    moved = np.roll(image, (2, 1), axis=(0, 1))
    kernel = np.array([[1, 1], [0, 2]], float)[..., None, None]
    padding = ((1, 1), (1, 1))
    title = "A convolution moves with its image"
    for each, told in (
        (image, "A pattern on 4x4."),
        (
            moved,
            "The same pattern, two down and one to the right: the output has moved by as much "
            "(equivariance), and so its maximum over all places is the same (invariance).",
        ),
    ):
        yield title, told, animate_conv(each, kernel, padding=padding)
        title = "The image moved"


def _sizes(kernel: np.ndarray = KERNEL, **options: Any) -> str:
    """The formula of the output size with its numbers, for `IMAGE`."""
    window = Window.over(IMAGE.shape[:2], kernel.shape[:2], **options)
    n, k, s, d = (
        each[0] for each in (window.size, window.kernel_size, window.strides, window.dilation_rate)
    )
    p = sum(window.pads[0])
    reach = f"{d}·({k} - 1) - 1" if d > 1 else f"{k}"
    return f"Output size ⌊({n} + {p} - {reach}) / {s}⌋ + 1 = {window.out[0]}."
