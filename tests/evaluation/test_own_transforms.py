"""A run that is evaluated by a resized middle shows its images so, wherever they come from."""

import numpy as np
import pytest
from image_files import jpeg, picture

import kerascnn.config as configs
from kerascnn.data import read_image
from kerascnn.evaluation import pictures_of, predict
from kerascnn.evaluation.outputs import logits_of
from kerascnn.training import open_run, train

SHAPE = (32, 32, 1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """LeNet-5 after an epoch on photos of two classes, wider than they are high."""
    root = tmp_path_factory.mktemp("transforms")
    for i in range(24):
        path = root / "photos" / "ab"[i % 2] / f"{i:02}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(jpeg(picture(48, 96, seed=i)))
    changes = [
        "data.name=folder",
        f"data.path={root / 'photos'}",
        "data.channels=1",
        "data.size=[32,32]",
        "data.batch_size=8",
        "data.validation=0.3",
        "data.evaluate=[{resize_short: 40}, center_crop]",
        "optimizer.schedule={name: constant, peak: 0.01}",
        "training.epochs=1",
    ]
    return train(configs.load("configs/digits/lenet5.yaml", changes), root / "run").path


def seen(path):
    transforms = configs.DataConfig(
        name="digits", evaluate=[{"resize_short": 40}, "center_crop"]
    ).evaluate
    return read_image(path, SHAPE, "stretch", transforms)


def test_pictures_of_its_data_are_resized_and_cropped(run):
    data = open_run(run).data()
    pictures = pictures_of(data, data.test)
    fitted = pictures.fitted(range(len(pictures)), SHAPE, "stretch")
    wanted = np.stack([seen(path.decode()) for path in data.test.images])
    np.testing.assert_array_equal(fitted, wanted)
    assert pictures.whole(0, 1).shape == (48, 96, 1)


def test_what_it_says_of_a_file_is_what_it_says_of_the_middle(run, kerascnn):
    path = next((run.parent / "photos").rglob("*.jpg"))
    opened = open_run(run)
    logits = logits_of(opened, seen(path)[None].astype("float32"))[0]
    share = np.exp(logits).max() / np.exp(logits).sum()
    ((label, probability),) = predict(opened, [path], top=1)[0]
    assert probability == pytest.approx(share, rel=1e-5)
    code, out, err = kerascnn("predict", run, path, "--json")
    assert code == 0, err
    assert f'"label": "{label}"' in out and f"{probability:.5f}"[:6] in out
