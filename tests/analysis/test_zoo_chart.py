"""The picture of the zoo: what is on it, and that its names can be read."""

import re

import pytest
from matplotlib.figure import Figure

from kerascnn import UserError
from kerascnn.analysis import zoo_chart
from kerascnn.models import models, registry, variant
from kerascnn.models.published import KERAS_IO


@pytest.fixture
def drawn(monkeypatch):
    """The figures that are drawn while a test runs."""
    figures = []

    class Recorded(Figure):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            figures.append(self)

    monkeypatch.setattr("matplotlib.figure.Figure", Recorded)
    return figures


def names(figure):
    return [text for text in figure.axes[0].texts if text.get_text()]


def test_every_imagenet_network_with_a_published_accuracy_is_on_it(drawn, tmp_path):
    zoo_chart(tmp_path / "zoo.png")
    rows = {name: variant(name).row for name in models()}
    expected = [
        name
        for name, row in rows.items()
        if row.top1 and row.num_classes == 1000 and row.published.protocol == "one-crop"
    ]
    figure = drawn[0]
    assert sorted(text.get_text() for text in names(figure)) == sorted(expected)
    assert (tmp_path / "zoo.png").read_bytes().startswith(b"\x89PNG")

    discs = figure.axes[0].collections[0]
    assert discs.get_offsets().tolist() == [[rows[n].macs, rows[n].top1] for n in expected]
    areas = discs.get_sizes() / [rows[n].params for n in expected]
    assert areas == pytest.approx(areas[0])

    # Names stand inside the frame and do not cover one another.
    frame = figure.axes[0].get_window_extent()
    boxes = [text.get_window_extent() for text in names(figure)]
    for i, box in enumerate(boxes):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_accuracies_of_one_protocol_share_an_axis_that_says_which(drawn, tmp_path):
    zoo_chart(tmp_path / "one.png")
    assert "the central crop of each image" in drawn[0].axes[0].get_ylabel()
    shown = {text.get_text() for text in names(drawn[0])}
    assert not shown & {"zfnet", "vgg16_c", "resnext101_64x4d", "resnet152_v2"}
    zoo_chart(tmp_path / "several.png", protocol="several-crops")
    assert {text.get_text() for text in names(drawn[1])} == {"zfnet", "zfnet_wide"}
    assert "several crops" in drawn[1].axes[0].get_ylabel()


def test_another_protocol_is_told_by_those_there_are(tmp_path):
    with pytest.raises(UserError, match="unknown protocol 'one_crop'; did you mean 'one-crop'"):
        zoo_chart(tmp_path / "zoo.png", protocol="one_crop")
    with pytest.raises(UserError, match=r"'zfnet\*' matches none; those have several-crops"):
        zoo_chart(tmp_path / "zoo.png", pattern="zfnet*")


def test_a_pattern_picks_networks_and_svg_keeps_them_as_vectors(drawn, tmp_path):
    zoo_chart(tmp_path / "zoo.svg", pattern="mobilenet_v1*")
    texts = [text.get_text() for text in names(drawn[0])]
    assert "mobilenet_v1" in texts
    assert all(text.startswith("mobilenet_v1") for text in texts)
    assert re.match(r"<\?xml.*<svg", (tmp_path / "zoo.svg").read_text(), re.DOTALL)


def test_names_at_one_place_are_drawn_apart_and_tied_to_their_discs(drawn, tmp_path, monkeypatch):
    row = registry.row(params=10**7, macs=10**9, top1=70.0, published=KERAS_IO)
    crowd = {f"same{i}": registry.Variant(f"same{i}", row, None, "paper", 2000) for i in range(8)}
    monkeypatch.setattr(registry, "_variants", crowd)
    zoo_chart(tmp_path / "zoo.png")
    boxes = [text.get_window_extent() for text in names(drawn[0])]
    assert len(boxes) == 8
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    x, _ = drawn[0].axes[0].transData.transform((10**9, 70))
    far = [box for box in boxes if min(abs(box.x0 - x), abs(box.x1 - x)) > 40]
    assert len(drawn[0].axes[0].lines) >= len(far)


def test_a_file_of_another_kind_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"path: expected a .png or .svg file, got 'zoo.pdf'"):
        zoo_chart(tmp_path / "zoo.pdf")


def test_a_pattern_that_matches_nothing_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"top-1 of one-crop, 'lenet\*' matches none"):
        zoo_chart(tmp_path / "zoo.png", pattern="lenet*")


def test_one_command_draws_it(kerascnn, drawn, tmp_path):
    path = tmp_path / "charts" / "zoo.svg"
    code, out, _ = kerascnn("chart", "--out", path, "vgg*")
    assert (code, out.split()) == (0, ["->", str(path)])
    assert path.read_text().rstrip().endswith("</svg>")
    assert "vgg16" in [text.get_text() for text in names(drawn[0])]


def test_a_command_that_cannot_draw_says_why_and_leaves_nothing(kerascnn, tmp_path, monkeypatch):
    code, _, err = kerascnn("chart", "--out", tmp_path / "zoo.jpg")
    assert code == 2
    assert "expected a .png or .svg file, got 'zoo.jpg'" in err

    def full_disk(self, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full_disk)
    code, _, err = kerascnn("chart", "--out", tmp_path / "zoo.png", "vgg*")
    assert code == 2
    assert "No space left on device" in err
    assert not list(tmp_path.iterdir())
