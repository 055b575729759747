"""Sources: official formats by their bytes, lists, splits of a folder, what is made up."""

import gzip
import struct
import sys

import numpy as np
import pytest
import tensorflow as tf
from image_files import jpeg, picture

from kerascnn.config import DataConfig
from kerascnn.data import load_data, load_source
from kerascnn.data.shapes import NAMES, draw
from kerascnn.errors import UserError


def test_fashion_mnist_is_read_from_files_named_as_mnists(tmp_path):
    folder = tmp_path / "fashion-mnist"
    folder.mkdir()
    for part in ("train", "t10k"):
        images = struct.pack(">BBBBIII", 0, 0, 8, 3, 20, 28, 28) + bytes(range(245)) * 64
        labels = struct.pack(">BBBBI", 0, 0, 8, 1, 20) + bytes(i % 10 for i in range(20))
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    source = load_source(DataConfig(name="fashion_mnist"), tmp_path)
    assert source.names[9] == "Ankle boot" and source.shape == (28, 28, 1)
    assert source.train.images[0, 1, 2, 0] == 30


def test_cifar100_has_fine_labels_behind_coarse_ones(tmp_path):
    folder = tmp_path / "cifar-100-binary"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 200), ("test", 100)):
        records = rng.integers(0, 256, (count, 3074), np.uint8)
        records[:, 0], records[:, 1] = 3, np.arange(count) % 100
        records.tofile(folder / f"{part}.bin")
    source = load_source(DataConfig(name="cifar100"), tmp_path)
    raw = (folder / "train.bin").read_bytes()
    assert source.train.images[1, 5, 7].tolist() == [
        raw[3074 + 2 + 1024 * c + 32 * 5 + 7] for c in range(3)
    ]
    assert source.train.labels[:3].tolist() == [0, 1, 2] and len(source.names) == 100
    assert source.names[0] == "apple" and source.names[99] == "worm"
    (folder / "test.bin").write_bytes(raw[:3073])
    with pytest.raises(UserError, match=r"test\.bin: expected records of 3074 bytes, got 3073"):
        load_source(DataConfig(name="cifar100"), tmp_path)


def test_synthetic_images_are_as_many_as_asked_and_all_differ():
    config = DataConfig(
        name="synthetic", size=(8, 9), channels=1, classes=4, images=100, validation=0.2
    )
    data = load_data(config)
    assert data.shape == (8, 9, 1) and len(data.names) == 4
    assert (len(data.train), len(data.validation), len(data.test)) == (80, 20, 20)
    parts = [data.pixels(split) for split in (data.train, data.validation, data.test)]
    assert len({image.tobytes() for part in parts for image in part}) == 120


def test_a_shape_is_a_pure_function_of_seed_and_number():
    first, again, other = (draw(seed, 11, (40, 50)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    data = load_data(DataConfig(name="shapes", size=(40, 50), images=120))
    number = int(np.flatnonzero(data.train.images.numbers == 11)[0])
    np.testing.assert_array_equal(data.pixels(data.train)[number], first.image)


@pytest.mark.parametrize("number", range(12))
def test_box_and_mask_of_a_shape_are_where_it_is(number):
    shape = draw(3, number, (60, 80))
    mask = shape.mask.numpy().astype(bool)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1]
    assert shape.box.numpy().tolist() == box and int(shape.label) == number % len(NAMES)
    inside, outside = (shape.image.numpy()[where].mean(0) for where in (mask, ~mask))
    assert np.abs(inside - outside).min() > 40  # 60 without noise, which is clipped at the ends
    assert 0.01 < mask.mean() < 0.5


@pytest.fixture
def listed(tmp_path):
    """Writes a CSV file beside nine images of three classes, from lines."""
    for i in range(9):
        (tmp_path / f"{i}.jpg").write_bytes(jpeg(picture(20, 20, seed=i)))

    def write(*lines):
        path = tmp_path / "list.csv"
        path.write_text("\n".join(lines) + "\n")
        return DataConfig(name="csv", path=str(path), size=(20, 20), validation=0.4)

    return write


def test_a_list_names_images_labels_and_splits(listed):
    lines = [f"{i}.jpg,{10 - i % 2},{['train', 'val', 'test'][i % 3]}" for i in range(9)]
    data = load_data(listed("path,label,split", *lines))
    assert data.names == ("9", "10")  # numbers, not letters
    assert [len(s) for s in (data.train, data.validation, data.test)] == [3, 3, 3]
    assert sorted(path[-5:-4] for path in data.validation.images) == [b"1", b"4", b"7"]


def test_a_list_without_splits_is_split(listed):
    data = load_data(listed("label,path", *[f"{'ab'[i % 2]},{i}.jpg" for i in range(9)]))
    assert [len(s) for s in (data.train, data.validation, data.test)] == [4, 3, 2]
    assert all(set(s.labels) == {0, 1} for s in (data.train, data.validation, data.test))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,label", "0.jpg,a"], "expected a first line with the columns path and label"),
        (["path,label"], "lists no images"),
        (["path,label", "0.jpg,a", "1.jpg,"], "line 3: the column 'label' is empty"),
        (["path,label,split", "0.jpg,a,dev"], "line 2: split 'dev', expected train"),
        (["path,label", "0.jpg,a", "1.jpg,a"], "expected 2 or more classes"),
        (["path,label", "0.jpg,a", "1.jpg,a", "2.jpg,b"], "0 images of the class 'b' to train"),
        (["path,label", *["99.jpg,a"] * 3, *["1.jpg,b"] * 3], "no such file: .*99.jpg"),
    ],
)
def test_a_list_that_cannot_be_trained_on_is_named_with_its_line(listed, lines, message):
    with pytest.raises(UserError, match=message):
        load_data(listed(*lines))


@pytest.mark.parametrize(
    ("parts", "sizes"),
    [
        ({"train": 4, "val": 2, "test": 3}, (8, 4, 6)),
        ({"train": 4, "validation": 3}, (4, 4, 6)),  # as ImageNet: these are the test images
        ({"train": 4, "test": 3}, (4, 4, 6)),
    ],
)
def test_sub_folders_are_the_splits(tmp_path, parts, sizes):
    for part, count in parts.items():
        for name in ("cat", "dog"):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                (tmp_path / part / name / f"{i}.jpg").write_bytes(jpeg(picture(8, 8)))
    config = DataConfig(name="folder", path=str(tmp_path), size=(8, 8), validation=0.5)
    data = load_data(config)
    assert tuple(len(s) for s in (data.train, data.validation, data.test)) == sizes


@pytest.mark.parametrize(
    ("config", "package"),
    [
        ({"name": "tfds", "dataset": "mnist"}, "tensorflow-datasets"),
        ({"name": "array_record", "path": "."}, "array_record"),
    ],
)
def test_a_package_that_is_not_installed_is_named(config, package, monkeypatch):
    for module in ("tensorflow_datasets", "array_record.python.array_record_data_source"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"needs .*pip install .*{package}"):
        load_source(DataConfig(**config))


class Written:
    """What array_record's data source is: a sequence of the records of files."""

    def __init__(self, files):
        from kerascnn.data.shards import IMAGE, LABEL

        self.records = []
        for i in range(20 if "train" in files[0] else 6):
            features = {
                IMAGE: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[jpeg(picture(9, 9, seed=i))])
                ),
                LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[i % 2])),
            }
            example = tf.train.Example(features=tf.train.Features(feature=features))
            self.records.append(example.SerializeToString())

    def __len__(self):
        return len(self.records)

    def __getitem__(self, index):
        return self.records[index]


def test_records_of_a_sequence_are_read_by_their_number(tmp_path, monkeypatch):
    """With a stand-in for the package, which few have: the contract that both sides share."""
    module = type(sys)("array_record_data_source")
    module.ArrayRecordDataSource = Written
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_data_source", module)
    for part in ("train", "test"):
        (tmp_path / f"{part}-0.array_record").write_bytes(b"")
    (tmp_path / "classes.json").write_text('{"classes": ["cat", "dog"]}')
    config = DataConfig(name="array_record", path=str(tmp_path), size=(9, 9), validation=0.2)
    data = load_data(config)
    assert [len(s) for s in (data.train, data.validation, data.test)] == [16, 4, 6]
    images = data.pixels(data.test)
    for i, image in enumerate(images):
        wanted = tf.io.decode_jpeg(jpeg(picture(9, 9, seed=i))).numpy()
        np.testing.assert_array_equal(image, wanted)
    assert data.test.labels.tolist() == [0, 1] * 3
