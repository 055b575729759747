"""Deep Compression: pruned and clustered weights as Huffman codes.

Han, Mao & Dally, "Deep Compression: Compressing Deep Neural Networks with Pruning, Trained
Quantization and Huffman Coding", arXiv:1510.00149. `encode_weights` writes the weights of a model,
`decode_weights` reads them back, every float equal (-0 comes back as 0). `container` puts them in
a file, together with the architecture.

A weight of at most 256 different values is stored as codes of these values. One with many zeros
is stored sparse: each entry is the gap, the number of zeros skipped before it, and a code. A gap
is a number of 4 or 8 bits, whichever makes the weight smaller; a longer stretch of zeros is
crossed by padding entries of the largest gap whose value is zero (section 2, Figure 2). Gaps and
codes are each written with a Huffman code of their own (section 4).

The bytes, little-endian; a varint is 7 bits a byte, the lowest first, the high bit set on all but
the last:

    varint    number of weights, then for each weight, in the order of model.weights:
      varint, bytes   length of its name, the name in UTF-8: "layer/weight"
      varint, varints number of axes, then their lengths
      1 byte          encoding:
        0 raw         4 bytes a float, row-major
        1 dense       values, symbols: a code for each weight
        2 sparse      values, of which the first is 0; then gap bits (1 byte), number of entries
                      (varint), symbols of the gaps, symbols of the codes. What lies behind the
                      last entry is zero.
      values          their number less one (1 byte), then 4 bytes each
      symbols         size of the alphabet less one (1 byte), for each symbol the length of its
                      code (1 byte, 0 where it does not occur, 16 at most), number of bytes that
                      follow (varint), the codes, highest bit first, filled up with zeros. Codes
                      are canonical: ordered by length, then by symbol.
"""

from math import prod

import keras
import numpy as np
from keras import ops

from kerascnn.errors import UserError

from .huffman import Reader, pack_symbols, varint

RAW, DENSE, SPARSE = range(3)
CODEBOOK = 256  # values at most
GAP_BITS = (4, 8)
MOST_AXES = 8
MOST_FLOATS = 1 << 28  # in one file: a gigabyte, nearly VGG-19 twice


def encode_weights(model: keras.Model) -> bytes:
    """Returns the weights of a Keras model as bytes.

    Raises:
        UserError: weights that are not float32.
    """
    body = bytearray(varint(len(model.weights)))
    for variable in model.weights:
        if variable.dtype != "float32":
            raise UserError(
                f"{weight_name(variable)}: expected float32 weights, got {variable.dtype}; "
                "the format holds no others"
            )
        name = weight_name(variable).encode()
        body += varint(len(name)) + name
        body += varint(len(variable.shape)) + b"".join(map(varint, variable.shape))
        body += _encode_weight(ops.convert_to_numpy(variable).reshape(-1))
    return bytes(body)


def decode_weights(reader: Reader) -> list[tuple[str, np.ndarray]]:
    """Reads what `encode_weights` wrote: [(name, float32 array), ...].

    What the bytes claim is held against how many of them there are, and against `MOST_FLOATS`,
    before anything of that size is made.

    Raises:
        UserError: bytes that are damaged.
    """
    found, left = [], MOST_FLOATS
    for _ in range(reader.length()):
        name = reader.take(reader.length()).decode(errors="replace")
        axes = reader.varint()
        reader.check(axes <= MOST_AXES, f"a weight of at most {MOST_AXES} axes")
        shape = tuple(reader.varint() for _ in range(axes))
        left -= prod(shape)
        reader.check(left >= 0, f"at most {MOST_FLOATS} numbers in all")
        found.append((name, _decode_weight(reader, shape)))
    return found


def weight_name(variable: keras.Variable) -> str:
    """The name of a weight within its model: "layer/weight"."""
    return "/".join(variable.path.split("/")[-2:])


def _encode_weight(flat):
    ways = [bytes([RAW]) + flat.astype("<f4").tobytes()]
    values, codes = np.unique(flat, return_inverse=True)
    if 0 < len(values) <= CODEBOOK and np.isfinite(flat).all():
        values += np.float32(0)  # -0 becomes 0
        ways.append(bytes([DENSE]) + _pack_values(values) + pack_symbols(codes, len(values)))
        if 0 in values:
            ways += [_encode_sparse(flat, values[values != 0], bits) for bits in GAP_BITS]
    return min(ways, key=len)


def _encode_sparse(flat, others, bits):
    """The entries of a weight whose nonzero values are `others`, ascending."""
    positions = np.flatnonzero(flat)
    codes = 1 + np.searchsorted(others, flat[positions])
    gaps = np.diff(positions, prepend=-1) - 1
    span = 2**bits
    padding = gaps // span  # entries of the largest gap: span places each, their own zero too
    places = np.arange(len(gaps)) + np.cumsum(padding)
    count = len(gaps) + int(padding.sum())
    all_gaps, all_codes = np.full(count, span - 1), np.zeros(count, int)
    all_gaps[places], all_codes[places] = gaps % span, codes
    encoded = bytes([SPARSE]) + _pack_values(np.append(np.float32(0), others))
    encoded += bytes([bits]) + varint(count) + pack_symbols(all_gaps, span)
    return encoded + pack_symbols(all_codes, len(others) + 1)


def _decode_weight(reader, shape):
    size, kind = prod(shape), reader.byte()
    if kind == RAW:
        flat = np.frombuffer(reader.take(4 * size), "<f4")
    elif kind == DENSE:
        values = _unpack_values(reader)
        flat = values[reader.symbols(size, len(values))]
    elif kind == SPARSE:
        flat = _decode_sparse(reader, size)
    else:
        reader.check(False, "an encoding 0, 1 or 2")
    return flat.reshape(shape)


def _decode_sparse(reader, size):
    values = _unpack_values(reader)
    bits, count = reader.byte(), reader.varint()
    reader.check(bits in GAP_BITS, "gaps of 4 or 8 bits")
    reader.check(count <= size, f"at most {size} entries")
    gaps = reader.symbols(count, 2**bits)
    codes = reader.symbols(count, len(values))
    places = np.cumsum(gaps + 1) - 1
    reader.check(count == 0 or places[-1] < size, f"entries within {size} weights")
    flat = np.zeros(size, "float32")
    flat[places] = values[codes]
    return flat


def _pack_values(values):
    return bytes([len(values) - 1]) + values.astype("<f4").tobytes()


def _unpack_values(reader):
    return np.frombuffer(reader.take(4 * (reader.byte() + 1)), "<f4")
