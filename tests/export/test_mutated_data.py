"""300 damaged data files: each is read or refused in one line, in seconds and little memory."""

import gzip
import io
import resource
import struct
import time

import keras
import numpy as np
import pytest
import tensorflow as tf
from image_files import bmp, gif, jpeg, picture

from benchmarks.mutations import changed_bytes, generator
from export.subject.images import samples_from
from kerascnn.data import read_image
from kerascnn.data.official import read_cifar10, read_idx
from kerascnn.errors import UserError

SHAPE = (16, 16, 3)
SECONDS = 10  # for one file; the slowest takes a tenth of one
KILOBYTES = 3 * 2**20


def peak():
    """Of the memory of this process, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def saved(save, **options):
    file = io.BytesIO()
    save(file, np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8), **options)
    return file.getvalue()


def idx():
    return struct.pack(">BBBBIII", 0, 0, 8, 3, 9, 28, 28) + picture(84, 28).tobytes()


def image(path):
    return read_image(path, SHAPE, "stretch")


def array(path):
    image = keras.Input(SHAPE)
    return samples_from(path, keras.Model(image, keras.layers.Flatten()(image)), (True,))


def damaged(data, seed):
    return changed_bytes([data], generator("bytes", seed))


def unpacked_first(data, seed):
    """Damages what is inside a gzip file, where its checksum does not see it."""
    return gzip.compress(damaged(gzip.decompress(data), seed))


# what -> (bytes of a whole file, its reader, how it is damaged)
FILES = {
    "png": (lambda: tf.io.encode_png(picture()).numpy(), image, damaged),
    "jpeg": (lambda: jpeg(picture(), 6), image, damaged),
    "progressive": (
        lambda: tf.io.encode_jpeg(picture(), progressive=True).numpy(),
        image,
        damaged,
    ),
    "bmp": (lambda: bmp(picture()), image, damaged),
    "gif": (lambda: gif(*3 * [picture()[..., 0] // 2]), image, damaged),
    "npy": (lambda: saved(np.save), array, damaged),
    "npz": (lambda: saved(np.savez), array, damaged),
    "packed npz": (lambda: saved(np.savez_compressed), array, damaged),
    "idx": (lambda: gzip.compress(idx()), lambda path: read_idx(path, dimensions=3), damaged),
    "inside idx": (
        lambda: gzip.compress(idx()),
        lambda path: read_idx(path, dimensions=3),
        unpacked_first,
    ),
    "cifar": (lambda: (picture(30, 3073)[..., 0] % 10).tobytes(), read_cifar10, damaged),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_damaged_file_is_read_or_refused(tmp_path, kind):
    make, read, damage = FILES[kind]
    whole, path = make(), tmp_path / "odd"
    refused, before = 0, peak()
    for seed in range(32):
        path.write_bytes(damage(whole, seed))
        start = time.monotonic()
        try:
            read(path)
        except UserError as error:
            refused += 1
            assert len(str(error).splitlines()) == 1 and str(path) in str(error)
        assert time.monotonic() - start < SECONDS
    assert refused
    # The peak is of the whole process: what other tests took before counts for none of this one.
    assert peak() - before < KILOBYTES


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_file_is_read(tmp_path, kind):
    make, read, _ = FILES[kind]
    path = tmp_path / "whole"
    path.write_bytes(make())
    read(path)
