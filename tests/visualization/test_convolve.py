"""Convolution by eye: pictures of images, and the page of numbers."""

import re

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn import UserError, numpy_ops
from kerascnn.visualization import FILTERS, animate_conv, animate_conv_transpose, convolved_figure

X = np.arange(25.0).reshape(5, 5, 1)
K = np.array([[1.0, -2], [0, 3]])[..., None, None]


@pytest.fixture
def photo(tmp_path):
    """A white square on black, as a file."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:30, 20:40] = 255
    path = tmp_path / "square.png"
    path.write_bytes(tf.io.encode_png(pixels).numpy())
    return path


def frames(svg):
    return re.findall(r'<g class="frame.*?</g>', svg, re.DOTALL)


def texts(part, kind):
    return re.findall(rf'<text class="{kind}"[^>]*>([^<]*)', part)


@pytest.mark.parametrize(
    "options", [{}, dict(strides=2), dict(padding="same"), dict(dilation_rate=3)]
)
def test_each_frame_tells_a_sum_and_what_it_makes(options):
    made = animate_conv(X, K, **options)
    y = numpy_ops.conv(X[None], K, **options).ravel()
    assert made.steps == y.size == len(frames(made.svg))
    for frame, number in zip(frames(made.svg), y, strict=True):
        products, result = texts(frame, "sum")
        assert result == f"= {number:g}"
        plain = products.replace("·", "*")
        assert eval(plain) == number
        assert frame.count('class="seen"') == 4 and frame.count('class="got"') == 1


def test_a_filter_sees_its_own_group_alone():
    x, kernel = np.ones((3, 3, 4)), np.ones((2, 2, 2, 2))
    made = animate_conv(x, kernel, groups=2)
    first, *_, last = frames(made.svg)
    rows = [
        {float(y) for y in re.findall(r'class="seen" x="[\d.]+" y="([\d.]+)"', frame)}
        for frame in (first, last)
    ]
    assert max(rows[0]) < min(rows[1])
    assert "kernel of filter 2" in last and texts(last, "sum")[-1] == "= 8"


def test_a_transposed_convolution_stamps_until_all_is_there():
    x = np.array([[1.0, 2], [3, 4]])[..., None]
    made = animate_conv_transpose(x, K, strides=1)
    y = numpy_ops.conv_transpose(x[None], K)[0, ..., 0]
    *_, last = frames(made.svg)
    assert made.steps == 4 and "adds 4 times the kernel" in last
    numbers = re.findall(r'<text x="([\d.]+)" y="([\d.]+)">([-\d]+)', last)
    assert {n for _, _, n in numbers} >= {f"{v:g}" for v in y.ravel()}


@pytest.mark.parametrize("name", FILTERS)
def test_every_kernel_is_drawn_with_what_it_makes(name):
    image = np.zeros((30, 40))
    image[10:25, 20:] = 200
    figure = convolved_figure(image, [name])
    shown = [axes for axes in figure.axes if axes.images]
    assert len(shown) >= 2
    for axes in shown:
        pixels = np.asarray(axes.images[0].get_array())
        is_kernel = pixels.shape[0] % 2 == 1
        assert is_kernel or (pixels.shape == image.shape and len(np.unique(pixels)) > 1)


def test_convolve_writes_a_picture(kerascnn, photo, tmp_path):
    out = tmp_path / "edges.png"
    code, said, err = kerascnn("convolve", photo, "--kernel", "sobel", "--out", out)
    assert code == 0 and str(out) in said, err
    with Image.open(out) as picture:
        assert picture.width > 1000


def test_convolve_writes_a_page_without_scripts(kerascnn, photo, tmp_path):
    out = tmp_path / "page.html"
    code, _, err = kerascnn("convolve", photo, "--kernel", "canny", "--out", out)
    assert code == 0, err
    page = out.read_text()
    for word in ("Stride 2", "Padding 1", "Dilation 2", "Groups", "Transposed", "equivariance"):
        assert word in page
    assert page.count("<svg") == 9 and "data:image/png;base64," in page
    assert "<script" not in page and not re.search(r'(?:src|href)="https?:', page)


def test_mistakes_are_told(kerascnn, photo, tmp_path):
    for arguments, told in (
        (["--out", tmp_path / "x.png"], "expected an IMAGE to convolve"),
        ([photo, "--kernel", "sobl"], "unknown kernel 'sobl'; did you mean 'sobel'?"),
        ([photo, "--out", tmp_path / "x.pdf"], "expected an .html file for a page, got 'x.pdf'"),
    ):
        code, _, err = kerascnn("convolve", *arguments)
        assert code == 2 and told in err
    with pytest.raises(UserError, match=r"64 steps at most, .* got 81"):
        animate_conv(np.zeros((10, 10, 1)), K)
    with pytest.raises(UserError, match=r"got \(5, 5, 2\)"):
        animate_conv_transpose(np.zeros((5, 5, 2)), K)
