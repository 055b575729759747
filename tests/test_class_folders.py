"""Folders of one's own images: what is taken, what is not, and what cannot be trained."""

import os

import numpy as np
import pytest
import tensorflow as tf
from image_files import picture

from kerascnn.config import DataConfig
from kerascnn.data import load_data, load_source
from kerascnn.errors import UserError

LENET = "configs/digits/lenet5.yaml"
PNG = tf.io.encode_png(np.zeros((4, 4, 3), np.uint8)).numpy()


@pytest.fixture
def photos(tmp_path):
    """Makes class folders: photos(cat=5) or photos(**{"train/cat": 2}); returns their root."""

    def make(**counts):
        for name, count in counts.items():
            folder = tmp_path / "photos" / name
            folder.mkdir(parents=True)
            for i in range(count):
                (folder / f"{i:03}.png").write_bytes(PNG)
        return tmp_path / "photos"

    return make


def source(root):
    return load_source(DataConfig(name="folder", path=str(root), size=(8, 8)))


def parted(**counts):
    return {name.replace("_", "/"): count for name, count in counts.items()}


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            {"cat": 9, "dog": 0},
            r"photos/dog: 0 images \(\.bmp, .*expected at least 3, to train, to",
        ),
        ({"cat": 9, "dog": 2}, "photos/dog: 2 images"),
        ({"cat": 9}, "photos: expected a folder for each of 2 or more classes"),
        (
            parted(train_cat=9, train_dog=1, test_cat=2, test_dog=2),
            "train/dog: 1 images .* least 2",
        ),
        (parted(train_cat=9, train_dog=9, test_cat=2, test_dog=0), "test/dog: 0 images .* least 1"),
        (parted(train_cat=9, train_dog=9, test_cat=2, test_hen=2), "test: lacks the class 'dog'"),
        (
            parted(train_cat=9, train_dog=9, test_cat=2, test_dog=2, test_hen=2),
            "train: lacks the class 'hen'",
        ),
    ],
)
def test_a_class_that_cannot_be_trained_is_named_with_its_folder(photos, counts, line):
    with pytest.raises(UserError, match=line):
        source(photos(**counts))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_every_class_is_trained_validated_and_tested(photos, share):
    root = photos(cat=40, dog=3, hen=4, pig=6)
    config = DataConfig(name="folder", path=str(root), size=(8, 8), validation=share)
    data = load_data(config)
    for split in (data.train, data.validation, data.test):
        assert set(split.labels) == {0, 1, 2, 3}
    assert len(data.train) + len(data.validation) + len(data.test) == 53


def test_the_summary_says_what_was_taken_and_what_was_not(photos, kerascnn, tmp_path):
    root = photos(cat=12, dog=10)
    for name in ("a.webp", "b.WEBP", "c.tif", ".DS_Store", "README"):
        (root / "cat" / name).write_bytes(b"")
    (root / "dog" / "small").mkdir()
    (root / "dog" / "small" / "x.png").write_bytes(PNG)
    (root / "list.csv").write_text("")
    code, out, err = kerascnn(
        "train",
        LENET,
        "--out",
        tmp_path / "run",
        "data.name=folder",
        f"data.path={root}",
        "data.channels=1",
        "data.size=[32,32]",
        "training.epochs=2",
        "data.validation=0.4",
    )
    assert code == 0, err
    (line,) = [line for line in out.splitlines() if "images of" in line]
    assert f"{root}: 22 images of 2 classes: cat 12, dog 10; 7 not taken: 2 .webp, " in line
    for reason in (
        "1 .tif",
        "1 hidden",
        "1 of other names",
        "1 in sub-folders",
        "1 beside the class folders",
    ):
        assert reason in line


def test_the_summary_of_many_classes_is_short(photos):
    counts = {f"kind{i:03}": 3 for i in range(100)} | {"kind007": 4, "kind042": 6}
    root = photos(**counts)
    data = load_data(DataConfig(name="folder", path=str(root), size=(8, 8), validation=0.4))
    assert data.summary() == ("304 images of 100 classes: 3 (kind000) to 6 (kind042) of each")


@pytest.mark.parametrize("replace", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_pipe_or_a_device_called_an_image_is_named(photos, replace):
    root = photos(cat=5, dog=5)
    replace(root / "dog" / "x.jpg")
    with pytest.raises(UserError, match=r"dog/x\.jpg: expected a file, got a device or pipe"):
        source(root)


def test_a_class_whose_name_is_not_utf8_is_named(photos, kerascnn, tmp_path):
    root = photos(cat=5, dog=5)
    (root / "dog").rename(os.fsdecode(os.fsencode(root) + b"/d\xf6g"))
    code, _, err = kerascnn(
        "train",
        LENET,
        "--out",
        tmp_path / "run",
        "data.name=folder",
        f"data.path={root}",
        "data.channels=1",
        "data.size=[32,32]",
    )
    assert code == 2
    assert r"photos/d\udcf6g: the name of a class has to be UTF-8" in err


def test_training_ends_in_a_line_that_names_the_damaged_file(photos, kerascnn, tmp_path):
    root = photos(cat=6, dog=5)
    whole = tf.io.encode_png(picture(200, 200)).numpy()
    (root / "cat" / "000.png").write_bytes(whole[:-700])
    out = tmp_path / "run"
    code, _, err = kerascnn(
        "train",
        LENET,
        "--out",
        out,
        "data.name=folder",
        f"data.path={root}",
        "data.channels=1",
        "data.size=[32,32]",
        "data.validation=0.4",
    )
    assert code == 2
    (line,) = err.strip().splitlines()
    assert "cat/000.png: a damaged PNG image, which cannot be decoded; get it anew" in line


def test_opening_a_folder_decodes_nothing(photos):
    """Only headers are read: a file that is all header passes, and ten thousand take a second."""
    root = photos(cat=5, dog=5)
    (root / "cat" / "000.png").write_bytes(PNG[:33])
    assert len(source(root).train) == 8
