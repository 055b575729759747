"""data show: a picture one can look at, and the counts."""

import numpy as np
import pytest
from PIL import Image

CONFIG = "configs/digits/lenet5.yaml"


@pytest.mark.parametrize("train", ["[]", "[mixup]"])
def test_a_sheet_is_drawn_and_the_counts_told(kerascnn, tmp_path, train):
    out = tmp_path / "sheet.png"
    code, told, err = kerascnn("data", "show", CONFIG, "--out", out, f"data.train={train}")
    assert code == 0, err
    with Image.open(out) as sheet:
        assert sheet.size == (1600, 1000)
        assert len(np.unique(np.asarray(sheet.convert("L")))) > 100
    assert "1,797 images of 10 classes: 0 178, 1 182" in told


def test_many_classes_and_grey_images_fit_on_a_sheet(kerascnn, tmp_path):
    given = ["data.name=synthetic", "data.size=[32,32]", "data.classes=200", "data.channels=1"]
    out = tmp_path / "sheet.svg"
    code, told, err = kerascnn(
        "data", "show", CONFIG, "--out", out, "data.images=600", "data.validation=0.4", *given
    )
    assert code == 0, err
    assert "images of 200 classes: 4 (class_000) to 4 (class_000) of each" in told
    assert "200 classes, largest first" in out.read_text() or out.stat().st_size > 10_000


def test_another_kind_of_picture_is_refused(kerascnn, tmp_path):
    code, _, err = kerascnn("data", "show", CONFIG, "--out", tmp_path / "sheet.pdf")
    assert code == 2 and "expected a .png or .svg file, got 'sheet.pdf'" in err
    assert not list(tmp_path.iterdir())
