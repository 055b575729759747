"""A run that is evaluated by a resized middle shows its images so, wherever they come from."""

import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.data import read_image
from kerascnn.evaluation import pictures_of, predict
from kerascnn.evaluation.outputs import logits_of
from kerascnn.training import open_run

SHAPE = (32, 32, 1)


def seen(path):
    transforms = configs.DataConfig(
        name="digits", evaluate=[{"resize_short": 40}, "center_crop"]
    ).evaluate
    return read_image(path, SHAPE, "stretch", transforms)


def test_pictures_of_its_data_are_resized_and_cropped(middle_run):
    data = open_run(middle_run).data()
    pictures = pictures_of(data, data.test)
    fitted = pictures.fitted(range(len(pictures)), SHAPE, "stretch")
    wanted = np.stack([seen(path.decode()) for path in data.test.images])
    np.testing.assert_array_equal(fitted, wanted)
    assert pictures.whole(0, 1).shape == (48, 96, 1)


def test_what_it_says_of_a_file_is_what_it_says_of_the_middle(middle_run, kerascnn):
    path = next((middle_run.parent / "photos").rglob("*.jpg"))
    opened = open_run(middle_run)
    logits = logits_of(opened, seen(path)[None].astype("float32"))[0]
    share = np.exp(logits).max() / np.exp(logits).sum()
    ((label, probability),) = predict(opened, [path], top=1)[0]
    assert probability == pytest.approx(share, rel=1e-5)
    code, out, err = kerascnn("predict", middle_run, path, "--json")
    assert code == 0, err
    assert f'"label": "{label}"' in out and f"{probability:.5f}"[:6] in out
