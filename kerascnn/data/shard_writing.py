"""Writes image files into TFRecord shards: in parallel, again where it was interrupted.

A shard is done when its JSON stands beside it; one that is done is kept where it still is what the
JSON says. index.json comes last.
"""

import hashlib
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data.folders import image_folder
from kerascnn.data.shards import (
    FILENAME,
    FRAME,
    IMAGE,
    INDEX,
    LABEL,
    SPLITS,
    Index,
    ShardIndex,
    SplitIndex,
    shard_index,
)
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.files import replacing, write_json
from kerascnn.locks import locked

SHARD_BYTES = 2**27  # of a shard, roughly: few enough files, small enough to be copied one by one
SHARD_NAME = re.compile(rf"({'|'.join(SPLITS)})-\d{{5,}}-of-\d{{5,}}\.(tfrecord|json)")
SEED = 0  # of the order of images in shards: neighbours on the disk are of any class


@dataclass(frozen=True)
class Sharded:
    """What `shard_folder` left. kept: shards that were there already."""

    index: Index
    written: int
    kept: int


def shard_folder(
    folder: str | Path,
    out: str | Path,
    *,
    shard_bytes: int = SHARD_BYTES,
    workers: int | None = None,
    told: Callable[[int, int], None] = lambda done, of: None,
) -> Sharded:
    """Writes the images of class folders (`image_folder`) into TFRecord shards in `out`.

    Files are copied as they are, not decoded again. What a run that was interrupted has left is
    checked by its checksum and kept.

    Args:
        shard_bytes: about how large a shard is. workers: threads; all cores by default.
        told: is called with the shards done and all of them.

    Raises:
        UserError: what `image_folder` says of the folder, or `out` cannot be written.
    """
    root, source, out = Path(folder), image_folder(folder), Path(out)
    parts = {"train": source.train, "validation": source.validation, "test": source.test}
    with locked(out):
        jobs, splits = [], {}
        for name in SPLITS:
            if (split := parts[name]) is None:
                continue
            portions = _portions(split, shard_bytes)
            shards = [f"{name}-{i:05}-of-{len(portions):05}" for i in range(len(portions))]
            jobs += [
                (out / f"{shard}.tfrecord", split.take(which))
                for shard, which in zip(shards, portions, strict=True)
            ]
            splits[name] = SplitIndex(
                images=len(split),
                counts=tuple(np.bincount(split.labels, minlength=len(source.names)).tolist()),
                shards=tuple(f"{shard}.tfrecord" for shard in shards),
            )
        _remove_others(out, {shard for shard, _ in jobs})
        (out / INDEX).unlink(missing_ok=True)  # what it promised may be written anew now
        written = _write_all(jobs, root, workers or os.cpu_count() or 1, told)
        index = _index(source, splits)
        write_json(out / INDEX, index.model_dump(mode="json"))
    return Sharded(index, written, len(jobs) - written)


def _remove_others(out, shards):
    """Removes shards of another division into shards: nothing refers to them any more."""
    for path in out.iterdir():
        if SHARD_NAME.fullmatch(path.name) and path.with_suffix(".tfrecord") not in shards:
            path.unlink()


def _index(source: Source, splits):
    return Index(
        format="kerascnn-shards-1",
        classes=source.names,
        splits=splits,
        left_out=source.left_out,
    )


def _write_all(jobs, root, workers, told):
    """Writes the shards that are not there; returns how many."""
    written = 0
    with ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(_write, shard, split, root) for shard, split in jobs]
        try:
            for number, future in enumerate(futures, 1):
                written += future.result()
                told(number, len(jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return written


def _portions(split: Split, shard_bytes):
    """Indices of the images of each shard, in an order drawn once."""
    order = np.random.default_rng(SEED).permutation(len(split))
    sizes = np.array([Path(os.fsdecode(split.images[i])).stat().st_size for i in order])
    count = max(1, round(sizes.sum() / shard_bytes))
    return np.array_split(order, min(count, len(split)))


def _write(shard, split, root):
    """Writes a shard and its JSON, if they are not there; returns whether it did."""
    files = [os.fsdecode(path) for path in split.images]
    names = [_name_in(root, file) for file in files]
    if _is_there(shard, names, split):
        return False
    import tensorflow as tf

    records, offset = [], 0
    with replacing(shard) as temporary:
        name: Any = os.fsencode(temporary)  # TensorFlow takes bytes, which its stubs do not know
        with tf.io.TFRecordWriter(name) as writer:
            for i, file in enumerate(files):
                record = _example(file, int(split.labels[i]), names[i])
                writer.write(record)
                turn = int(split.orientations[i])
                records.append((names[i], offset, len(record), int(split.labels[i]), turn))
                offset += len(record) + FRAME
        if temporary.stat().st_size != offset:
            raise UserError(f"{shard}: could not be written whole; is the disk full?")
        digest = _sha256(temporary)
    about = ShardIndex(sha256=digest, bytes=offset, records=tuple(records))
    write_json(shard.with_suffix(".json"), about.model_dump(mode="json"))
    return True


def _name_in(root, file):
    """The path of an image in its folder, as JSON can hold it."""
    return os.path.relpath(file, root).encode("utf-8", "backslashreplace").decode()


def _example(file, label, name):
    import tensorflow as tf

    def bytes_of(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    try:
        encoded = Path(file).read_bytes()
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    features = {
        IMAGE: bytes_of(encoded),
        FILENAME: bytes_of(name.encode()),
        LABEL: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _is_there(shard, names, split):
    """Whether a shard stands there whole, of these images with these labels."""
    if not shard.exists() or not shard.with_suffix(".json").exists():
        return False
    try:
        about = shard_index(shard)
    except UserError:
        return False
    held = [(name, label, turn) for name, _, _, label, turn in about.records]
    wanted = zip(names, split.labels.tolist(), split.orientations.tolist(), strict=True)
    return held == [*wanted] and _sha256(shard) == about.sha256


def _sha256(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
