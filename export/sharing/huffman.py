"""Canonical Huffman codes, and a reader that believes no length it reads.

Huffman, "A Method for the Construction of Minimum-Redundancy Codes", 1952. Codes are at most 16
bits long, so that one table answers every look-up.
"""

import heapq

import numpy as np

from kerascnn.errors import UserError

LONGEST = 16
CHUNK = 1 << 20  # bits decoded at a time


def varint(number: int) -> bytes:
    """7 bits a byte, the lowest first; the high bit is set on all but the last."""
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def code_lengths(counts: np.ndarray) -> np.ndarray:
    """The length of each symbol's code: Huffman's, 0 where a symbol does not occur.

    Where a code would be longer than 16 bits, the counts are evened out until none is.
    """
    counts = np.asarray(counts)
    while True:
        lengths = _huffman(counts)
        if lengths.max(initial=0) <= LONGEST:
            return lengths
        counts = np.where(counts > 0, counts // 2 + 1, 0)


def _huffman(counts):
    lengths = np.zeros(len(counts), int)
    heap = [(int(n), i, [i]) for i, n in enumerate(counts) if n]
    if len(heap) == 1:
        lengths[heap[0][1]] = 1
    heapq.heapify(heap)
    while len(heap) > 1:
        (n, i, xs), (m, _, ys) = heapq.heappop(heap), heapq.heappop(heap)
        lengths[xs + ys] += 1
        heapq.heappush(heap, (n + m, i, xs + ys))
    return lengths


def canonical_codes(lengths: np.ndarray) -> np.ndarray:
    """The code of each symbol, given the lengths: ordered by length, then by symbol."""
    codes, code, last = np.zeros(len(lengths), int), 0, 0
    for symbol in sorted(np.flatnonzero(lengths), key=lambda s: (lengths[s], s)):
        code <<= int(lengths[symbol]) - last
        last = int(lengths[symbol])
        codes[symbol] = code
        code += 1
    return codes


def pack_symbols(symbols: np.ndarray, alphabet: int) -> bytes:
    """Writes numbers below `alphabet`, 256 at most, with the code that suits them."""
    lengths = code_lengths(np.bincount(symbols.reshape(-1), minlength=alphabet))
    codes = canonical_codes(lengths)
    widths = lengths[symbols]
    ends = np.cumsum(widths)
    bits = np.zeros(ends[-1] if len(ends) else 0, "uint8")
    for place in range(LONGEST):  # the bit that many places before the end of each code
        long = widths > place
        bits[ends[long] - 1 - place] = codes[symbols[long]] >> place & 1
    packed = np.packbits(bits).tobytes()
    return bytes([alphabet - 1, *lengths.tolist()]) + varint(len(packed)) + packed


class Reader:
    """Reads a file from front to back; UserError wherever it does not hold what it should."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data, self.position = memoryview(data), position

    @property
    def left(self) -> int:
        return len(self.data) - self.position

    def check(self, true: bool, expected: str) -> None:
        if not true:
            raise self.refusal(expected)

    def refusal(self, expected: str) -> UserError:
        """The error of a file that does not hold here what is expected."""
        return UserError(
            f"deep compression: expected {expected} before byte {self.position}, got "
            "something else; the file is damaged"
        )

    def take(self, count: int) -> bytes:
        self.check(count <= self.left, f"{count} bytes")
        self.position += count
        return bytes(self.data[self.position - count : self.position])

    def byte(self) -> int:
        return self.take(1)[0]

    def varint(self) -> int:
        number = 0
        for shift in range(0, 63, 7):
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise self.refusal("a number below 2^63")

    def length(self) -> int:
        """A number of things of a byte at least, for which there must be as many bytes."""
        count = self.varint()
        self.check(count <= self.left, f"{count} bytes")
        return count

    def symbols(self, count: int, alphabet: int) -> np.ndarray:
        """Reads `count` symbols that `pack_symbols` wrote with this alphabet."""
        self.check(self.byte() == alphabet - 1, f"an alphabet of {alphabet}")
        lengths = np.frombuffer(self.take(alphabet), "uint8").astype(int)
        self.check(lengths.max() <= LONGEST, f"codes of at most {LONGEST} bits")
        used = lengths[lengths > 0]
        self.check((1 << (LONGEST - used)).sum() <= 1 << LONGEST, "codes that can be told apart")
        packed = np.frombuffer(self.take(self.length()), "uint8")
        self.check(count <= 8 * len(packed), f"{count} codes")
        symbol, width = _table(lengths)
        found, done, start = [], 0, 0
        while done < count:
            # The codes that begin in this chunk; the last of them may end 15 bits behind it.
            window = packed[start // 8 : (start + CHUNK + LONGEST) // 8 + 1]
            bits = np.append(np.unpackbits(window)[start % 8 :], np.zeros(LONGEST, "uint8"))
            begins = min(CHUNK, len(bits) - LONGEST)
            self.check(begins > 0, f"{count} codes")
            words = np.zeros(begins, "int32")
            for place in range(LONGEST):
                words = words << 1 | bits[place : place + begins]
            steps, here, taken = width[words].tolist(), 0, []
            while here < begins and done + len(taken) < count:
                self.check(steps[here], "a code that exists")
                taken.append(here)
                here += steps[here]
            found.append(symbol[words[taken]])
            done += len(taken)
            start += here
        self.check((start + 7) // 8 == len(packed), f"{count} codes and no more")
        return np.concatenate([np.zeros(0, "uint8"), *found]).astype(int)


def _table(lengths):
    """For every 16 bits the symbol whose code they begin with and its length, 0 for none."""
    symbol, width = np.zeros(1 << LONGEST, "uint8"), np.zeros(1 << LONGEST, "uint8")
    codes = canonical_codes(lengths)
    for s in np.flatnonzero(lengths):
        rest = LONGEST - lengths[s]
        symbol[codes[s] << rest : (codes[s] + 1) << rest] = s
        width[codes[s] << rest : (codes[s] + 1) << rest] = lengths[s]
    return symbol, width
