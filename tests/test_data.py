"""Data: official formats byte by byte, splits that do not leak, batches that repeat."""

import gzip
import math
import os
import resource
import struct

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.config import DataConfig
from kerascnn.data import load_data, load_source
from kerascnn.data.augmentation import Chain, uniform_numbers
from kerascnn.errors import UserError


def idx(array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return gzip.compress(header + array.tobytes())


@pytest.fixture
def mnist_folder(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for part, count in (("train", 60), ("t10k", 20)):
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        labels = (np.arange(count) % 10).astype(np.uint8)
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(labels))
    return folder


@pytest.fixture
def cifar_folder(tmp_path):
    rng = np.random.default_rng(0)
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
        records = rng.integers(0, 256, (20, 3073), np.uint8)
        records[:, 0] = np.arange(20) % 10
        records.tofile(folder / f"{name}.bin")
    return folder


def test_mnist_is_read_from_its_idx_files(mnist_folder):
    source = load_source(DataConfig(name="mnist"), mnist_folder.parent)
    raw = gzip.decompress((mnist_folder / "train-images-idx3-ubyte.gz").read_bytes())
    assert source.train.images.shape == (60, 28, 28, 1)
    assert source.train.images[1, 2, 3, 0] == raw[16 + 28 * 28 + 2 * 28 + 3]
    assert source.test.labels.tolist() == [i % 10 for i in range(20)]


def test_cifar10_planes_become_channels(cifar_folder):
    source = load_source(DataConfig(name="cifar10"), cifar_folder)
    raw = (cifar_folder / "data_batch_2.bin").read_bytes()
    record = raw[3073 : 2 * 3073]
    row, column = 5, 7
    planes = [record[1 + 1024 * c + 32 * row + column] for c in range(3)]
    assert source.train.images[21, row, column].tolist() == planes
    assert source.train.labels[21] == record[0]


def test_the_environment_names_the_folder(mnist_folder, monkeypatch):
    monkeypatch.setenv("KERASCNN_DATA", str(mnist_folder.parent))
    assert len(load_source(DataConfig(name="mnist")).train) == 60


def test_a_truncated_gzip_is_named(mnist_folder):
    path = mnist_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(UserError, match=r"train-images.*not a whole gzip file; fetch it again"):
        load_source(DataConfig(name="mnist"), mnist_folder)


def test_an_idx_file_that_is_too_short_is_named(mnist_folder):
    path = mnist_folder / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(UserError, match="expected 28 bytes, got 27"):
        load_source(DataConfig(name="mnist"), mnist_folder)


def test_a_truncated_cifar_batch_is_named(cifar_folder):
    path = cifar_folder / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"data_batch_3.bin: expected records of 3073 bytes"):
        load_source(DataConfig(name="cifar10"), cifar_folder)


def test_a_missing_folder_says_what_was_looked_for(tmp_path):
    with pytest.raises(UserError, match=r"no data_batch_1.bin in .*cifar-10-batches-bin or "):
        load_source(DataConfig(name="cifar10"), tmp_path)


def digits(**changes):
    return load_data(DataConfig(name="digits", batch_size=64, **changes), seed=0)


def test_validation_is_taken_from_the_training_images_class_by_class():
    data = digits(validation=0.2)
    assert len(data.test) == 500
    assert len(data.train) + len(data.validation) == 1797 - 500
    whole = np.bincount(np.concatenate([data.train.labels, data.validation.labels]))
    assert np.bincount(data.validation.labels).tolist() == [round(0.2 * n) for n in whole]


def take(batches):
    images, labels = zip(*[(x.numpy(), y.numpy()) for x, y in batches], strict=True)
    return np.concatenate(images), np.concatenate(labels)


def test_an_epoch_shows_each_image_once():
    data = digits(size=[8, 8])
    steps = data.steps_per_epoch()
    images, _ = take(data.training_batches(seed=0, steps=steps))
    shown = {image.tobytes() for image in images}
    stored = {image.astype(np.float32).tobytes() for image in data.train.images}
    assert shown <= stored
    assert len(shown) == steps * 64


def test_batches_repeat_under_a_seed_and_differ_between_epochs_and_seeds():
    data = digits(train=[{"pad_crop": 2}, "flip"])
    steps = data.steps_per_epoch()
    first, labels = take(data.training_batches(seed=0, steps=2 * steps))
    again, _ = take(data.training_batches(seed=0, steps=2 * steps))
    other, _ = take(data.training_batches(seed=1, steps=2 * steps))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert labels[: len(labels) // 2].tolist() != labels[len(labels) // 2 :].tolist()


def test_a_resumed_run_sees_the_batches_it_would_have_seen():
    data = digits(train=[{"pad_crop": 2}])
    whole, _ = take(data.training_batches(seed=3, steps=10))
    rest, _ = take(data.training_batches(seed=3, first_step=6, steps=4))
    np.testing.assert_array_equal(whole[6 * 64 :], rest)


def test_pad_crop_shifts_and_flip_mirrors():
    image = np.arange(36, dtype=np.float32).reshape(1, 6, 6, 1) + 1
    images = np.repeat(image, 64, axis=0)
    config = DataConfig(name="digits", train=["flip", {"pad_crop": 1}])
    chain = Chain(config.train, (6, 6, 1), "stretch")
    made = chain.of_batch(tf.constant(images), uniform_numbers(64, chain.draws, 0, 0)).numpy()
    padded = np.pad(image[0, ..., 0], 1)
    views = [padded[r : r + 6, c : c + 6] for r in range(3) for c in range(3)]
    mirrored = np.pad(image[0, :, ::-1, 0], 1)
    views += [mirrored[r : r + 6, c : c + 6] for r in range(3) for c in range(3)]
    possible = {view.astype(np.float32).tobytes() for view in views}
    found = {m.tobytes() for m in made[..., 0]}
    assert found <= possible
    assert len(found) > 9  # 64 draws out of 18 views: fewer than 10 would be a stuck generator


def test_images_of_a_folder_are_read_resized_and_split(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(10):
            pixels = np.full((20 + i, 30, 3), 10 * i + (100 if name == "dog" else 0), np.uint8)
            tf.io.write_file(str(tmp_path / name / f"{i}.png"), tf.io.encode_png(pixels))
    config = DataConfig(name="folder", path=str(tmp_path), size=[16, 24], validation=0.25)
    data = load_data(config)
    assert data.names == ("cat", "dog")
    assert data.shape == (16, 24, 3)
    assert (len(data.train), len(data.validation), len(data.test)) == (12, 4, 4)
    images, labels = take(data.batches(data.test))
    assert images.shape == (4, 16, 24, 3)
    assert images[:, 0, 0, 0].tolist() == [40, 90, 140, 190]
    assert labels.tolist() == [0, 0, 1, 1]


def test_a_gzip_file_is_unpacked_no_further_than_its_header_says(mnist_folder):
    """A gigabyte of zeros behind the header of 20 labels: a megabyte on the disk."""
    path = mnist_folder / "t10k-labels-idx1-ubyte.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(struct.pack(">BBBBI", 0, 0, 8, 1, 20))
        for _ in range(64):
            file.write(bytes(2**24))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(
        UserError, match=r"t10k-labels.*expected 28 bytes, got more; fetch it again"
    ):
        load_source(DataConfig(name="mnist"), mnist_folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10  # kB


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((2**32 - 1,) * 3, "promises 79,228,162,458,924,105,385,300,197,375 bytes"),
        ((20, 30, 28), r"expected images of 28 x 28, got \(20, 30, 28\)"),
        ((0, 28, 28), "expected images of 28 x 28"),
    ],
)
def test_idx_sizes_that_are_not_mnists(mnist_folder, shape, match):
    path = mnist_folder / "t10k-images-idx3-ubyte.gz"
    body = bytes(math.prod(shape)) if max(shape) < 100 else b""
    path.write_bytes(gzip.compress(struct.pack(">BBBBIII", 0, 0, 8, 3, *shape) + body))
    with pytest.raises(UserError, match=match):
        load_source(DataConfig(name="mnist"), mnist_folder)


def test_a_label_that_is_no_digit(mnist_folder):
    (mnist_folder / "t10k-labels-idx1-ubyte.gz").write_bytes(idx(np.full(20, 10, np.uint8)))
    with pytest.raises(UserError, match=r"a label 10 of t10k, expected 0\.\.9"):
        load_source(DataConfig(name="mnist"), mnist_folder)


@pytest.mark.parametrize("name", ["t10k-labels-idx1-ubyte.gz", "test_batch.bin"])
def test_a_pipe_or_a_device_is_no_data(mnist_folder, cifar_folder, name):
    kind, folder = ("mnist", mnist_folder) if "idx" in name else ("cifar10", cifar_folder)
    for replace in (os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        (folder / name).unlink()
        replace(folder / name)
        with pytest.raises(UserError, match=f"{name}: expected a file, got a device or pipe"):
            load_source(DataConfig(name=kind), folder)


def test_a_margin_that_may_miss_the_image_is_refused():
    with pytest.raises(UserError, match=r"data\.train: pad_crop: 8 with images of 8 x 8"):
        digits(train=[{"pad_crop": 8}])
