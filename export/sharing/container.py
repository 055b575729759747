"""The .kcnn file: a whole model, its architecture and its weights in Deep Compression's codes.

    8 bytes   "KCNNDC02": the format and its version
    4         CRC-32 of everything behind it, little-endian
    varint    number of bytes that follow: the architecture, Keras' JSON compressed by zlib
    the rest  the weights (see `deep_compression`)

It is read without trust: nothing is unpickled, every length is held against the file's before it
is believed, and code inside the architecture (a Lambda layer) is refused.
"""

import json
import struct
import zlib

import keras

import kerascnn.layers  # noqa: F401  registers what an architecture may name
from kerascnn.errors import UserError
from kerascnn.models.graph import without_weights

from ..quantization import quantized_layers  # noqa: F401  the same
from .deep_compression import decode_weights, encode_weights, weight_name
from .huffman import Reader, varint

MAGIC = b"KCNNDC02"
MOST_JSON = 1 << 24  # bytes of the architecture; DenseNet-201's has half a million


def encode(model: keras.Model) -> bytes:
    """Returns a Keras model as the bytes of a .kcnn file.

    Raises:
        UserError: weights that are not float32.
    """
    architecture = keras.saving.serialize_keras_object(model)
    architecture.pop("compile_config", None)  # how it was trained
    text = zlib.compress(json.dumps(architecture, separators=(",", ":")).encode(), 9)
    body = varint(len(text)) + text + encode_weights(model)
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + body


def decode(data: bytes) -> keras.Model:
    """Returns the Keras model that `encode` wrote, every weight equal.

    Raises:
        UserError: bytes that are no such file, are damaged, or carry code.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise UserError(
            f"deep compression: expected a file that begins with {MAGIC.decode()}, got "
            f"{bytes(data[: len(MAGIC)])!r}"
        )
    start = len(MAGIC) + 4
    if struct.pack("<I", zlib.crc32(data[start:])) != data[len(MAGIC) : start]:
        raise UserError("deep compression: the file is damaged; pack the model again")
    reader = Reader(data, start)
    architecture = _architecture(reader)
    weights = decode_weights(reader)
    reader.check(reader.left == 0, "the end")
    expected = [(name, array.shape) for name, array in weights]
    with without_weights():  # before room is made for weights that the file has not
        _build(architecture, expected)
    model = _build(architecture, expected)
    for variable, (_, array) in zip(model.weights, weights, strict=True):
        variable.assign(array)
    return model


def _architecture(reader):
    unpack = zlib.decompressobj()
    try:
        text = unpack.decompress(reader.take(reader.length()), MOST_JSON)
        is_object = isinstance(json.loads(text), dict)
    except (zlib.error, ValueError, RecursionError):
        is_object = False
    reader.check(is_object, "an architecture in JSON")
    return text


def _build(architecture, expected):
    """The model of an architecture; UserError unless it has the `expected` (name, shape)s."""
    try:
        tree = json.loads(architecture)  # each time anew: Keras alters what it is given
        model = keras.saving.deserialize_keras_object(tree, safe_mode=True)
        found = [(weight_name(v), tuple(v.shape)) for v in model.weights]
    except Exception as error:  # whatever Keras finds wrong, a dozen kinds
        lines = str(error).strip().splitlines() or [type(error).__name__]
        if any("Lambda" in line or "unsafe" in line for line in lines):
            raise UserError("deep compression: the file carries Python code") from None
        raise UserError(
            f"deep compression: Keras cannot build what the file describes: {lines[0][:200]}"
        ) from None
    if found != expected:
        raise UserError("deep compression: the weights are not those of the architecture")
    return model
