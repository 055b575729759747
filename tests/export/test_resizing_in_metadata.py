"""A file tells how its images were evaluated: by its metadata, for app, page and Python."""

import json

import numpy as np
import pytest

import kerascnn.config as configs
from export.delivery.classifier import open_classifier
from export.proof.resizing import RESIZES, resize_in_words, resize_of
from kerascnn.data import read_image

MIDDLE = (
    "bilinear to a shorter side of 40, half-pixel centers, aspect kept; then the middle "
    "height x width"
)


def transforms(*entries):
    return configs.DataConfig(name="digits", evaluate=entries).evaluate


def test_words_are_read_as_they_are_written():
    short = transforms({"resize_short": 40}, "center_crop")
    assert resize_in_words("stretch", short, (32, 32)) == MIDDLE
    assert resize_of(MIDDLE) == ("stretch", short)
    for rule, words in RESIZES.items():
        assert resize_in_words(rule, (), (32, 32)) == words
        assert resize_of(words) == (rule, ())


@pytest.mark.parametrize("entries", [["center_crop"], [{"resize_short": 20}, "center_crop"]])
def test_what_no_app_does_is_told_in_other_words(entries):
    """Which an app refuses: it knows none but these."""
    words = resize_in_words("stretch", transforms(*entries), (32, 32))
    assert words not in (*RESIZES.values(), MIDDLE) and words.startswith("as kerascnn's ")


def test_a_file_is_shown_the_middle_wherever_it_stands(middle_run, kerascnn, tmp_path):
    code, _, err = kerascnn("convert", middle_run, "--to", "tflite", "--recipe", "float32")
    assert code == 0, err
    file = middle_run / "model_float32.tflite"
    metadata = json.loads((middle_run / "model_float32.tflite.json").read_text())
    assert metadata["inputs"][0]["resize"] == MIDDLE
    assert MIDDLE in (middle_run / "model_float32.tflite.md").read_text()
    path = next((middle_run.parent / "photos").rglob("*.jpg"))
    seen = read_image(path, (32, 32, 1), "stretch", transforms({"resize_short": 40}, "center_crop"))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in (file.name, f"{file.name}.json"):
        (moved / name).write_bytes((middle_run / name).read_bytes())
    for place in (file, moved / file.name):
        with open_classifier(place) as classifier:
            ((_, probability),) = classifier.predict([path], 1)[0]
            logits = classifier.predictor.answer(seen[None].astype("float32"))[0]
        share = np.exp(logits).max() / np.exp(logits).sum()
        assert probability == pytest.approx(share, rel=1e-4)
