"""Where images come from. Every source gives raw pixels, uint8, and knows nothing of models.

Official formats are parsed here, never unpickled: MNIST's gzipped IDX files, the binary version
of CIFAR-10. Where no folder is given, keras.datasets fetches the same images.
"""

import gzip
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif"}
DATA_DIR_VARIABLE = "KERASCNN_DATA"
CIFAR10_RECORD = 1 + 3 * 32 * 32


@dataclass(frozen=True)
class Split:
    """Images and what they show.

    images: (n, height, width, channels) uint8, or n paths of image files.
    labels: (n,) int32, an index into the names of the source.
    """

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.labels)

    def take(self, indices):
        """Returns the split made of `indices`, in that order."""
        return Split(self.images[indices], self.labels[indices])

    @property
    def in_memory(self):
        return self.images.ndim == 4


@dataclass(frozen=True)
class Source:
    """names: the classes in the order of their labels. shape: (height, width, channels)."""

    train: Split
    test: Split
    names: tuple[str, ...]
    shape: tuple[int, int, int] | None


def load_source(config, data_dir=None):
    """Loads the images a `DataConfig` names.

    Args:
        config: its `name` (and `path` for a folder of one's own).
        data_dir: the folder that holds `mnist` or `cifar-10-batches-bin`; by default what the
            environment variable KERASCNN_DATA says, else keras.datasets.

    Raises:
        UserError: a file is missing, truncated, or not of its official format.
    """
    data_dir = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if config.name == "digits":
        return digits()
    if config.name == "folder":
        if not config.path:
            raise UserError("data.name is 'folder': say which one in data.path")
        return image_folder(config.path)
    reader = {"mnist": mnist, "cifar10": cifar10}[config.name]
    return reader(data_dir) if data_dir else _from_keras(config.name)


def digits():
    """The UCI handwritten digits that scikit-learn carries: 1,797 images, 8x8x1.

    Their 17 grey levels are spread over 0..255. A fixed stratified 500 are the test images.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = np.rint(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int32)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=500, stratify=labels, random_state=0
    )
    whole = Split(images, labels)
    names = tuple(str(d) for d in range(10))
    return Source(whole.take(train), whole.take(test), names, (8, 8, 1))


def mnist(data_dir):
    """MNIST from its four gzipped IDX files, in `data_dir` or `data_dir`/mnist: 28x28x1."""
    folder = _inside(data_dir, "mnist", "train-images-idx3-ubyte.gz")
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(folder / f"{part}-images-idx3-ubyte.gz", dimensions=3)
        labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz", dimensions=1)
        if len(images) != len(labels):
            raise UserError(f"{folder}: {len(images)} {part} images, but {len(labels)} labels")
        parts.append(Split(images[..., None], labels.astype(np.int32)))
    return Source(*parts, tuple(str(d) for d in range(10)), (28, 28, 1))


def read_idx(path, *, dimensions):
    """Reads a gzipped IDX file of unsigned bytes with that many dimensions."""
    try:
        raw = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path}: not a whole gzip file; fetch it again") from None
    magic = bytes([0, 0, 8, dimensions])
    start = 4 + 4 * dimensions
    if raw[:4] != magic or len(raw) < start:
        raise UserError(f"{path}: expected an IDX header {magic.hex()}, got {raw[:4].hex()}")
    shape = np.frombuffer(raw, ">u4", dimensions, 4).astype(np.int64)
    expected = start + int(shape.prod())
    if len(raw) != expected:
        raise UserError(f"{path}: expected {expected} bytes, got {len(raw)}; fetch it again")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def cifar10(data_dir):
    """The binary version of CIFAR-10, in `data_dir` or `data_dir`/cifar-10-batches-bin: 32x32x3."""
    folder = _inside(data_dir, "cifar-10-batches-bin", "data_batch_1.bin")
    batches = [read_cifar10(folder / f"data_batch_{i}.bin") for i in range(1, 6)]
    train = Split(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
    test = Split(*read_cifar10(folder / "test_batch.bin"))
    return Source(train, test, CIFAR10_NAMES, (32, 32, 3))


CIFAR10_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def read_cifar10(path):
    """Reads one batch: records of a label byte and 3 x 32 x 32 bytes, channels first."""
    try:
        raw = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if raw.size == 0 or raw.size % CIFAR10_RECORD:
        raise UserError(
            f"{path}: expected records of {CIFAR10_RECORD} bytes, got {raw.size} bytes; "
            "fetch the binary version again"
        )
    records = raw.reshape(-1, CIFAR10_RECORD)
    labels = records[:, 0].astype(np.int32)
    if labels.max() > 9:
        raise UserError(f"{path}: a label {labels.max()}, expected 0..9: not CIFAR-10's file")
    pixels = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), labels


def image_folder(path):
    """Images in class folders: `path`/CLASS/*.jpg, or `path`/train/CLASS and `path`/test/CLASS.

    Without a test folder, every fifth image of each class, in the order of names, is a test image.
    """
    root = Path(path)
    if not root.is_dir():
        raise UserError(f"no such folder: {root}")
    if (root / "train").is_dir() and (root / "test").is_dir():
        names = _classes(root / "train")
        unknown_classes = set(_classes(root / "test")) - set(names)
        if unknown_classes:
            raise UserError(f"{root}/test: classes that {root}/train lacks: {unknown_classes}")
        parts = [_scan(root / part, names) for part in ("train", "test")]
        train, test = (Split(np.array(p), np.array(y, np.int32)) for p, y, _ in parts)
    else:
        names = _classes(root)
        paths, labels, positions = _scan(root, names)
        whole = Split(np.array(paths), np.array(labels, np.int32))
        held_out = np.array(positions) % 5 == 4
        train, test = whole.take(~held_out), whole.take(held_out)
    if not len(train) or not len(test):
        raise UserError(f"{root}: expected at least 5 images a class, to train and to test on")
    return Source(train, test, tuple(names), None)


def _classes(folder):
    names = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(names) < 2:
        raise UserError(f"{folder}: expected a folder for each of 2 or more classes")
    return names


def _scan(folder, names):
    """Paths, labels, and the position of each image within its class."""
    paths, labels, positions = [], [], []
    for label, name in enumerate(names):
        found = sorted(
            str(p) for p in (folder / name).glob("*") if p.suffix.lower() in IMAGE_SUFFIXES
        )
        paths += found
        labels += [label] * len(found)
        positions += range(len(found))
    return paths, labels, positions


def _inside(data_dir, name, witness):
    """The folder that holds `witness`: data_dir itself, or data_dir/name."""
    folders = [Path(data_dir).expanduser() / name, Path(data_dir).expanduser()]
    for folder in folders:
        if (folder / witness).exists():
            return folder
    raise UserError(f"no {witness} in {folders[0]} or {folders[1]}; see README, 'Data'")


def _from_keras(name):
    """keras.datasets' copy; for a machine that may download."""
    import keras

    try:
        (x, y), (u, v) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # urllib, ssl and socket raise a dozen kinds
        raise UserError(
            f"{name} could not be downloaded ({str(error).splitlines()[0]}); "
            f"give its folder with --data-dir or {DATA_DIR_VARIABLE}"
        ) from None
    names = CIFAR10_NAMES if name == "cifar10" else tuple(str(d) for d in range(10))
    x, u = (a if a.ndim == 4 else a[..., None] for a in (x, u))
    train = Split(x, y.reshape(-1).astype(np.int32))
    return Source(train, Split(u, v.reshape(-1).astype(np.int32)), names, x.shape[1:])
