"""TFRecord shards, as `kerascnn data shard` writes them: any record of any shard is read by itself.

index.json                          classes, counts and shards of each split
train-00000-of-00008.tfrecord       image files as they were, in tf.train.Example records
train-00000-of-00008.json           where its records stand, what they show, its checksum

A record carries a checksum of its own (CRC-32C), which TensorFlow compares when it reads it.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.files import read_json

INDEX = "index.json"
IMAGE, LABEL, FILENAME = "image/encoded", "image/class/label", "image/filename"
FRAME = 16  # bytes around a record: its length, and a checksum of each
SPLITS = ("train", "validation", "test")

Number = Annotated[int, Field(ge=0, lt=2**50)]


class ShardIndex(BaseModel):
    """The JSON beside a shard. records: (file name, offset, bytes, label, EXIF orientation)."""

    model_config = ConfigDict(frozen=True)
    sha256: str
    bytes: Number
    records: tuple[tuple[str, Number, Number, Number, Annotated[int, Field(ge=1, le=8)]], ...]


class SplitIndex(BaseModel):
    """images, and counts of them for each class. shards: the names of the files."""

    model_config = ConfigDict(frozen=True)
    images: Number
    counts: tuple[Number, ...]
    shards: Annotated[tuple[str, ...], Field(min_length=1)]


class Index(BaseModel):
    """index.json. left_out: why files were not taken -> how many."""

    model_config = ConfigDict(frozen=True)
    format: Literal["kerascnn-shards-1"]
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    splits: dict[Literal["train", "validation", "test"], SplitIndex]
    left_out: dict[str, int] = {}


class Records:
    """Image files in TFRecord shards.

    shards: paths. places: (n, 3) int64, of each image the number of its shard, the offset of its
    record and the bytes of that. names: (n,), of the files they were.
    """

    encoded = True

    def __init__(self, shards: list[Path], places: np.ndarray, names: np.ndarray) -> None:
        self.shards, self.places, self.names = shards, places, names

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, indices: np.ndarray) -> "Records":
        return Records(self.shards, self.places[indices], self.names[indices])

    def fetcher(self) -> Callable[[Any], Any]:
        """A function of a graph: index, () int64 -> the bytes of an image file."""
        import tensorflow as tf

        paths = tf.constant([os.fsencode(path) for path in self.shards])
        places = tf.constant(self.places)

        def fetch(index):
            shard, offset, size = tf.unstack(places[index])
            record = record_at(paths[shard], offset, size)
            wanted = {IMAGE: tf.io.FixedLenFeature([], tf.string)}
            return tf.io.parse_single_example(record, wanted)[IMAGE]

        return fetch

    def name(self, index: int) -> str:
        shard, offset, _ = self.places[index]
        return f"{self.shards[shard]}: the record at byte {offset} ({self.names[index]})"


def record_at(path: Any, offset: Any, size: Any) -> Any:
    """The record of a TFRecord file that starts at a byte, () string; its checksum is compared."""
    import tensorflow as tf

    kind = {"output_types": [tf.string], "output_shapes": [[]]}
    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=path[None], compression_type="", buffer_size=size + FRAME, byte_offsets=[offset]
    )
    first = tf.raw_ops.TakeDataset(input_dataset=records, count=1, **kind)
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **kind)[0]


def image_shards(folder: str | Path) -> Source:
    """The images of a folder of shards; their classes and splits are those of its index.json.

    Raises:
        UserError: no index, a shard that is missing or of another size, an index that is none.
    """
    folder = Path(folder)
    path = folder / INDEX
    if not folder.is_dir() or not path.exists():
        raise UserError(
            f"no {INDEX} in {folder}: kerascnn data shard IMAGES --out {folder} makes it"
        )
    index = _read(Index, path)
    if not {"train", "test"} <= set(index.splits):
        raise UserError(f"{path}: lacks the images to train or to test on; shard the folder anew")
    splits = {name: _split(folder, part, index) for name, part in index.splits.items()}
    return Source(
        splits["train"],
        splits["test"],
        index.classes,
        None,
        dict(index.left_out),
        splits.get("validation"),
    )


def _split(folder, part, index):
    shards, places, names, labels, turns = [], [], [], [], []
    for name in part.shards:
        shard = folder / name
        if Path(name).name != name:
            raise UserError(f"{folder / INDEX}: a shard {name!r} outside its folder")
        about = shard_index(shard)
        if not shard.is_file() or shard.stat().st_size != about.bytes:
            raise UserError(f"{shard}: missing, or not whole; run kerascnn data shard again")
        for image, offset, size, label, turn in about.records:
            if offset + size + FRAME > about.bytes or label >= len(index.classes):
                raise UserError(f"{shard.with_suffix('.json')}: does not fit its shard")
            places.append((len(shards), offset, size))
            names.append(image)
            labels.append(label)
            turns.append(turn)
        shards.append(shard)
    counts = np.bincount(labels, minlength=len(index.classes))
    if len(labels) != part.images or counts.tolist() != list(part.counts):
        raise UserError(f"{folder / INDEX}: counts other images than its shards hold; shard anew")
    records = Records(shards, np.array(places, np.int64), np.array(names, object))
    return Split(records, np.array(labels, np.int32), np.array(turns, np.int8))


def shard_index(shard: Path) -> ShardIndex:
    """The JSON beside a shard; UserError where there is none that fits."""
    return _read(ShardIndex, shard.with_suffix(".json"))


def _read(schema, path):
    try:
        return schema.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path}: {place}: {first['msg'].lower()}; shard the folder anew") from None
