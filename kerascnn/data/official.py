"""The official formats, byte by byte: gzipped IDX files, the binary versions of CIFAR.

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

CIFAR_IMAGE = 3 * 32 * 32  # bytes
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
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile
cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp
lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom
oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake
spider squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor
train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CIFAR100_NAMES = tuple(_CIFAR100.split())
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
DIGIT_NAMES = tuple(str(digit) for digit in range(10))
MOST_BYTES = 2**30  # of a file, unpacked; MNIST's largest has 47 million, EMNIST's 640 million


def mnist(data_dir: str | Path) -> Source:
    """MNIST from its four gzipped IDX files, in `data_dir` or `data_dir`/mnist: 28x28x1."""
    return _idx_files(_inside(data_dir, "mnist", "train-images-idx3-ubyte.gz"), DIGIT_NAMES)


def fashion_mnist(data_dir: str | Path) -> Source:
    """Fashion-MNIST, files named as MNIST's, in `data_dir` or `data_dir`/fashion-mnist."""
    folder = _inside(data_dir, "fashion-mnist", "train-images-idx3-ubyte.gz", "fashion_mnist")
    return _idx_files(folder, FASHION_NAMES)


def _idx_files(folder, names):
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
    train, test = parts
    return Source(train, test, names, (28, 28, 1))


def read_idx(path: str | Path, *, dimensions: int) -> np.ndarray:
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


def cifar10(data_dir: str | Path) -> Source:
    """The binary version of CIFAR-10, in `data_dir` or `data_dir`/cifar-10-batches-bin: 32x32x3."""
    folder = _inside(data_dir, "cifar-10-batches-bin", "data_batch_1.bin")
    batches = [read_cifar10(folder / f"data_batch_{i}.bin") for i in range(1, 6)]
    train = Split(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
    test = Split(*read_cifar10(folder / "test_batch.bin"))
    return Source(train, test, CIFAR10_NAMES, (32, 32, 3))


def cifar100(data_dir: str | Path) -> Source:
    """The binary version of CIFAR-100, in `data_dir` or `data_dir`/cifar-100-binary: 32x32x3.

    Labels are the 100 fine ones.
    """
    folder = _inside(data_dir, "cifar-100-binary", "train.bin")
    parts = [Split(*read_cifar100(folder / f"{part}.bin")) for part in ("train", "test")]
    return Source(parts[0], parts[1], CIFAR100_NAMES, (32, 32, 3))


def read_cifar10(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads one batch: records of a label byte and 3 x 32 x 32 bytes, channels first.

    Returns:
        (images, (n, 32, 32, 3) uint8; labels, (n,) int32).
    """
    return _cifar_records(path, 1, len(CIFAR10_NAMES), "CIFAR-10")


def read_cifar100(path: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Reads CIFAR-100's records, of a coarse label, a fine label and 3 x 32 x 32 bytes.

    Returns:
        (images, (n, 32, 32, 3) uint8; fine labels, (n,) int32).
    """
    return _cifar_records(path, 2, len(CIFAR100_NAMES), "CIFAR-100")


def _cifar_records(path, label_bytes, classes, title):
    """(images, labels) of records of so many label bytes, the last of which counts."""
    path, size = readable_file(path, most=MOST_BYTES), label_bytes + CIFAR_IMAGE
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if raw.size == 0 or raw.size % size:
        raise UserError(
            f"{path}: expected records of {size} bytes, got {raw.size} bytes; "
            "fetch the binary version again"
        )
    records = raw.reshape(-1, size)
    labels = records[:, label_bytes - 1].astype(np.int32)
    if labels.max() >= classes:
        raise UserError(
            f"{path}: a label {labels.max()}, expected 0..{classes - 1}: not {title}'s file"
        )
    pixels = records[:, label_bytes:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(pixels), labels


def _inside(data_dir, name, witness, *others):
    """The folder that holds `witness`: data_dir/name, or of another name, or data_dir itself."""
    root = Path(data_dir).expanduser()
    folders = [*(root / n for n in (name, *others)), root]
    for folder in folders:
        if (folder / witness).exists():
            return folder
    raise UserError(f"no {witness} in {folders[0]} or {root}; see README, 'Data'")
