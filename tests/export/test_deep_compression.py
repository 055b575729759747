"""The Deep Compression container: small, exact, and safe to open."""

import json
import struct
import zlib

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerascnn
from export.constraints.kernels import prunable_kernels
from export.pruning.magnitude import largest
from export.sharing.clustering import cluster
from export.sharing.container import MAGIC, decode, encode
from export.sharing.deep_compression import decode_weights, encode_weights
from export.sharing.huffman import (
    Reader,
    canonical_codes,
    code_lengths,
    pack_symbols,
    varint,
)
from kerascnn.errors import UserError


def compressed(model, density, values):
    """Prunes and clusters every kernel in place."""
    for kernel in prunable_kernels(model).values():
        weights = ops.convert_to_numpy(kernel)
        kernel.assign(weights * largest(np.abs(weights), density))
    model = cluster(model, values)
    return model


def values(model):
    return [ops.convert_to_numpy(x).copy() for x in model.weights]


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(16, 3, name="conv")(image)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.Dense(10, name="logits")(layers.Flatten()(x))
    return compressed(keras.Model(image, x), 0.3, 16)


def test_squeezenet_of_1000_classes_fits_half_a_megabyte():
    """At the paper's 33 % density and 6 bits; untrained weights, whose shape is He's normal.

    SqueezeNet's paper, arXiv:1602.07360, Table 2, writes 0.47 MB.
    """
    model = compressed(kerascnn.build("squeezenet1_0", input_shape=(32, 32, 3)), 0.33, 64)
    data = encode(model)
    assert len(data) <= 500_000
    assert len(data) > 300_000  # 8.4 bits for each of 412,000 weights is what entropy allows
    decoded = decode(data)
    for old, new in zip(values(model), values(decoded), strict=True):
        np.testing.assert_array_equal(old, new)
    images = np.random.default_rng(0).uniform(0, 1, (2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), decoded.predict(images, verbose=0)
    )


def test_every_kind_of_weight_comes_back(small):
    """Raw, of few values, sparse with gaps of 4 and of 8 bits, constant, empty of nonzeros."""
    rng = np.random.default_rng(0)
    image = keras.Input((700,))
    model = keras.Model(image, [layers.Dense(40, name=f"d{i}")(image) for i in range(6)])
    shape = (700, 40)
    contents = [
        rng.normal(size=shape),
        rng.choice([-1.5, 0.25, 3.0], shape),
        np.where(rng.random(shape) < 0.3, rng.choice([-2.0, 1.0], shape), -0.0),
        np.where(rng.random(shape) < 0.001, 5.0, 0.0),  # gaps far beyond 256
        np.full(shape, 1e-30),
        np.zeros(shape),
    ]
    for i, content in enumerate(contents):
        model.get_layer(f"d{i}").kernel.assign(content.astype("float32"))
        model.get_layer(f"d{i}").bias.assign(rng.normal(size=40))
    model.get_layer("d0").bias.assign(np.array([np.inf, np.nan, *range(38)]))
    data, before = encode(model), values(model)
    assert len(data) < 4 * shape[0] * shape[1] * 1.2  # the one raw kernel is nearly all of it
    decoded = values(decode(data))
    for old, new in zip(before, decoded, strict=True):
        np.testing.assert_array_equal(old, new)
    zeros = decoded[4][contents[2] == 0]
    assert not np.signbit(zeros).any()  # -0 was written as 0


def forged(body):
    """A file whose checksum fits whatever stands in it."""
    return MAGIC + struct.pack("<I", zlib.crc32(body)) + bytes(body)


def body_of(architecture, weights):
    text = zlib.compress(json.dumps(architecture).encode())
    return varint(len(text)) + text + weights


def test_a_cut_or_altered_file_is_one_line(small):
    data = encode(small)
    rng = np.random.default_rng(0)
    damaged = [data[:n] for n in (0, 3, 8, 11, 12, 13, *rng.integers(14, len(data), 20))]
    for _ in range(60):
        altered = bytearray(data)
        altered[rng.integers(len(data))] ^= 1 << rng.integers(8)
        damaged.append(bytes(altered))
    damaged += [data + b"\0", b"not a file of this program"]
    for bytes_ in damaged:
        with pytest.raises(UserError, match=r"^deep compression: [^\n]+$"):
            decode(bytes_)


def test_a_forged_checksum_opens_no_door(small):
    """Wherever the checksum has been made to fit, every length is still held to the file's."""
    weights = encode_weights(small)
    rng = np.random.default_rng(1)
    refused = 0
    for trial in range(300):
        body = bytearray(weights)
        place = rng.integers(len(body)) if trial % 2 else rng.integers(60)
        body[place] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        if trial % 5 == 0:
            body = body[: rng.integers(len(body))]
        try:
            decode_weights(Reader(body, 0))  # another float is another float: nothing to notice
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100


def test_a_forged_architecture_opens_no_door(small):
    data = encode(small)
    text = Reader(data, len(MAGIC) + 4)
    text.take(text.length())
    weights = data[text.position :]
    tree = keras.saving.serialize_keras_object(small)
    wider = json.loads(json.dumps(tree).replace('"units": 10', '"units": 1000000000000'))
    assert wider != json.loads(json.dumps(tree))
    other = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="logits")])
    code = keras.Sequential([keras.Input((4,)), layers.Lambda(lambda x: x + 1)])
    for architecture, line in [
        (wider, "weights are not those of the architecture"),
        (keras.saving.serialize_keras_object(other), "weights are not those of the architecture"),
        (keras.saving.serialize_keras_object(code), "carries Python code"),
        ({"class_name": "Nothing", "config": {}}, "Keras cannot build what the file describes"),
        ([], "expected an architecture in JSON"),
    ]:
        with pytest.raises(UserError, match=rf"^deep compression: [^\n]*{line}[^\n]*$"):
            decode(forged(body_of(architecture, weights)))
    bomb = zlib.compress(b"[" + b" " * (1 << 25) + b"]")
    with pytest.raises(UserError, match="expected an architecture in JSON"):
        decode(forged(varint(len(bomb)) + bomb + weights))


def test_a_forged_size_is_refused_before_room_is_made():
    """A weight of 2^40 zeros takes 20 bytes to claim."""
    name = b"logits/kernel"
    shape = varint(1) + varint(1 << 40)
    empty = bytes([2, 0, 0, 0, 0, 0, 4]) + varint(0)
    with pytest.raises(UserError, match="expected at most 268435456 numbers in all"):
        decode_weights(Reader(varint(1) + varint(len(name)) + name + shape + empty, 0))


def test_weights_that_are_no_float32_are_named():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, dtype="float16", name="half")])
    with pytest.raises(UserError, match="half/kernel: expected float32 weights, got float16"):
        encode(model)


def test_huffman_by_hand():
    """Counts 1, 1, 2, 4 give codes of 3, 3, 2 and 1 bits: 110, 111, 10, 0 in canonical order."""
    lengths = code_lengths([1, 1, 2, 4, 0])
    assert lengths.tolist() == [3, 3, 2, 1, 0]
    assert canonical_codes(lengths)[:4].tolist() == [0b110, 0b111, 0b10, 0b0]
    packed = pack_symbols(np.array([3, 2, 0, 1, 3, 2, 3, 3]), 5)
    # alphabet - 1, lengths, 2 bytes of 0 10 110 111 0 10 0 0 and two bits to fill up
    assert packed == bytes([4, 3, 3, 2, 1, 0, 2, 0b01011011, 0b10100000])


def test_codes_stay_within_16_bits_and_near_the_entropy():
    counts = [1, 1]
    while len(counts) < 40:  # Fibonacci: the counts that make Huffman codes longest
        counts.append(counts[-1] + counts[-2])
    lengths = code_lengths(counts)
    assert lengths.max() <= 16 and lengths.min() >= 1
    assert (2.0**-lengths).sum() <= 1
    share = np.array(counts) / sum(counts)
    entropy = -(share * np.log2(share)).sum()
    assert entropy <= (share * lengths).sum() < entropy + 1


def test_a_stream_longer_than_a_chunk_is_read_through(monkeypatch):
    monkeypatch.setattr("export.sharing.huffman.CHUNK", 64)
    symbols = np.random.default_rng(0).geometric(0.3, 500) % 20
    packed = pack_symbols(symbols, 20)
    reader = Reader(packed, 0)
    np.testing.assert_array_equal(reader.symbols(500, 20), symbols)
    assert reader.left == 0
