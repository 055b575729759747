"""The official formats, byte by byte: MNIST's gzipped IDX files, CIFAR-10's binary version.

Nothing is unpickled. A file is believed no further than its header promises.
"""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.files import readable_file

CIFAR10_RECORD = 1 + 3 * 32 * 32
CIFAR10_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
DIGIT_NAMES = tuple(str(digit) for digit in range(10))
MOST_BYTES = 2**30  # of a file, unpacked; MNIST's largest has 47 million, EMNIST's 640 million


def mnist(data_dir):
    """MNIST from its four gzipped IDX files, in `data_dir` or `data_dir`/mnist: 28x28x1."""
    folder = _inside(data_dir, "mnist", "train-images-idx3-ubyte.gz")
    parts = []
    for part in ("train", "t10k"):
        path = folder / f"{part}-images-idx3-ubyte.gz"
        images = read_idx(path, dimensions=3)
        labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz", dimensions=1)
        if images.shape[1:] != (28, 28) or not len(images):
            raise UserError(f"{path}: expected images of 28 x 28, got {images.shape}")
        if len(images) != len(labels):
            raise UserError(f"{folder}: {len(images)} {part} images, but {len(labels)} labels")
        if labels.max() > 9:
            raise UserError(f"{folder}: a label {labels.max()} of {part}, expected 0..9")
        parts.append(Split(images[..., None], labels.astype(np.int32)))
    return Source(*parts, DIGIT_NAMES, (28, 28, 1))


def read_idx(path, *, dimensions):
    """Reads a gzipped IDX file of unsigned bytes with that many dimensions.

    No more is unpacked than the header promises: a gzip file may hold a thousand times its size.
    """
    path = readable_file(path, most=MOST_BYTES)
    magic = bytes([0, 0, 8, dimensions])
    start = 4 + 4 * dimensions
    try:
        with gzip.open(path) as file:
            header = file.read(start)
            if header[:4] != magic or len(header) < start:
                got = header[:4].hex()
                raise UserError(f"{path}: expected an IDX header {magic.hex()}, got {got}")
            shape = [int(n) for n in np.frombuffer(header, ">u4", dimensions, 4)]
            promised = math.prod(shape)
            if promised > MOST_BYTES:
                raise UserError(
                    f"{path}: its header promises {promised:,} bytes, expected at most "
                    f"{MOST_BYTES:,}; fetch it again"
                )
            raw = file.read(promised + 1)
    except (OSError, EOFError, zlib.error):
        raise UserError(f"{path}: not a whole gzip file; fetch it again") from None
    if len(raw) != promised:
        got = "more" if len(raw) > promised else start + len(raw)
        raise UserError(f"{path}: expected {start + promised} bytes, got {got}; fetch it again")
    return np.frombuffer(raw, np.uint8).reshape(shape)


def cifar10(data_dir):
    """The binary version of CIFAR-10, in `data_dir` or `data_dir`/cifar-10-batches-bin: 32x32x3."""
    folder = _inside(data_dir, "cifar-10-batches-bin", "data_batch_1.bin")
    batches = [read_cifar10(folder / f"data_batch_{i}.bin") for i in range(1, 6)]
    train = Split(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
    test = Split(*read_cifar10(folder / "test_batch.bin"))
    return Source(train, test, CIFAR10_NAMES, (32, 32, 3))


def read_cifar10(path):
    """Reads one batch: records of a label byte and 3 x 32 x 32 bytes, channels first."""
    path = readable_file(path, most=MOST_BYTES)
    try:
        raw = np.fromfile(path, np.uint8)
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


def _inside(data_dir, name, witness):
    """The folder that holds `witness`: data_dir itself, or data_dir/name."""
    folders = [Path(data_dir).expanduser() / name, Path(data_dir).expanduser()]
    for folder in folders:
        if (folder / witness).exists():
            return folder
    raise UserError(f"no {witness} in {folders[0]} or {folders[1]}; see README, 'Data'")
