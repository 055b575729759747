"""Data sets that other packages hold: tensorflow-datasets by name, ArrayRecord files.

Both are read through Grain's contract, a sequence whose records are had by their number. The
packages are extras; a message names what is missing.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.shards import IMAGE, LABEL
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.files import read_json

TFDS_SPLITS = {"validation": ("validation", "val"), "test": ("test",)}
CLASSES = "classes.json"  # beside ArrayRecord files: {"classes": [...]}


class Sequenced:
    """Image files in a sequence of Python: `sequence[number]` is a record, `of(record)` its bytes.

    numbers: (n,) int64. title: what messages call it.
    """

    encoded = True

    def __init__(
        self,
        sequence: Sequence[Any],
        of: Callable[[Any], bytes],
        numbers: np.ndarray,
        title: str,
    ) -> None:
        self.sequence, self.of, self.numbers, self.title = sequence, of, numbers, title

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, indices: np.ndarray) -> "Sequenced":
        return Sequenced(self.sequence, self.of, self.numbers[indices], self.title)

    def fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> the bytes of an image file."""
        import tensorflow as tf

        def read(index):
            return self.of(self.sequence[int(self.numbers[index])])

        def fetch(index):
            return tf.ensure_shape(tf.numpy_function(read, [index], tf.string), [])

        return fetch

    def name(self, index: int) -> str:
        return f"{self.title}: record {self.numbers[index]}"


def tfds_images(name: str, data_dir: str | Path | None = None) -> Source:
    """A data set of tensorflow-datasets that has images and labels, prepared if it is not yet.

    Its splits are train, test and validation where it has them. Where it has no test images, the
    validation images are those; where it has neither, every fifth training image.
    """
    tfds = _imported("tensorflow_datasets", "tfds", "tensorflow-datasets array_record")
    skip = {"image": tfds.decode.SkipDecoding()}
    try:
        builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
        builder.download_and_prepare()
        features = builder.info.features
        names = tuple(features["label"].names)
        has = set(builder.info.splits)
        parts = {
            part: next((known for known in called if known in has), None)
            for part, called in {"train": ("train",), **TFDS_SPLITS}.items()
        }
        if parts["train"] is None or "image" not in features:
            raise KeyError("image" if parts["train"] else "train")
        sources = {
            part: builder.as_data_source(split, decoders=skip)
            for part, split in parts.items()
            if split
        }
    except Exception as error:  # of a registry, a download, a format
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"tensorflow-datasets: {name}: {reason}") from None
    splits = {
        part: _sequenced(found, lambda r: r["image"], lambda r: r["label"], f"{name}, {part}")
        for part, found in sources.items()
    }
    return _source(splits, names)


def array_records(folder: str | Path) -> Source:
    """ArrayRecord files of tf.train.Example records, with keys as those of TFRecord shards.

    The names of the files begin with train, test or validation; classes.json beside them lists
    the names of the classes.
    """
    module = _imported(
        "array_record.python.array_record_data_source", "array_record", "array_record"
    )
    folder = Path(folder)
    names = read_json(folder / CLASSES).get("classes")
    if not isinstance(names, list) or len(names) < 2 or not all(isinstance(n, str) for n in names):
        raise UserError(f"{folder / CLASSES}: expected {{'classes': [names]}} of 2 or more")
    splits = {}
    for part in ("train", "validation", "test"):
        files = sorted(str(p) for p in folder.glob(f"{part}*") if "array" in p.suffix)
        if files:
            records = module.ArrayRecordDataSource(files)
            splits[part] = _sequenced(records, _encoded, _label, f"{folder}, {part}")
    if "train" not in splits:
        raise UserError(f"{folder}: expected files train*.array_record")
    found = max(int(split.labels.max()) for split in splits.values())
    if found >= len(names):
        raise UserError(f"{folder / CLASSES}: {len(names)} classes, and a label {found}")
    return _source(splits, tuple(names))


def _imported(module, source, packages):
    """A module of packages that few need: they are no extras of this one."""
    try:
        return import_module(module)
    except ImportError:
        raise UserError(
            f"data.name {source!r} needs {packages.replace(' ', ' and ')}: pip install {packages}"
        ) from None


def _sequenced(sequence, of, label, title):
    labels = np.array([int(label(sequence[i])) for i in range(len(sequence))], np.int32)
    return Split(Sequenced(sequence, of, np.arange(len(labels)), title), labels)


def _source(splits, names):
    train, test, validation = (splits.get(part) for part in ("train", "test", "validation"))
    if test is None and validation is not None:
        test, validation = validation, None
    if test is None:
        held_out = np.arange(len(train)) % 5 == 4
        train, test = train.take(~held_out), train.take(held_out)
    return Source(train, test, names, None, validation=validation)


def _example(record):
    import tensorflow as tf

    return tf.train.Example.FromString(record).features.feature


def _encoded(record):
    return _example(record)[IMAGE].bytes_list.value[0]


def _label(record):
    return _example(record)[LABEL].int64_list.value[0]
