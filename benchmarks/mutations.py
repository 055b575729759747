"""Bytes and trees with something wrong in them, drawn by a generator that is given."""

import json
import string

import numpy as np

ODD_VALUES = (
    None,
    True,
    -1,
    0,
    10**30,
    0.5,
    float("nan"),
    float("inf"),
    "",
    "odd",
    "\x1b[31m\n[red]",
    [],
    {},
    [[]],
    ["a", 1],
    {"a": 1},
    "../../outside",
    "\ud800",
    1e308,
    -(2**63),
    "0" * 10_000,
)
INTERESTING = (
    0,
    1,
    -1,
    16,
    127,
    128,
    255,
    256,
    32767,
    32768,
    65535,
    65536,
    100_000,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**63 - 1,
    -(2**31),
    -(2**63),
)
HEADER = 512  # bytes: where formats keep what they say of the rest
DEEP = 900  # lists in lists: JSON still reads them, most code that walks them stops before


def changed_bytes(examples, rng):
    """One of the examples, bytes, with one to four things wrong."""
    data = bytearray(_one_of(examples, rng))
    for _ in range(rng.integers(1, 5)):
        change = BYTE_CHANGES[rng.integers(len(BYTE_CHANGES))]
        data = change(data, examples, rng) if data else bytearray(_one_of(examples, rng))
    return bytes(data)


def _one_of(things, rng):
    return things[rng.integers(len(things))]


def _place(data, rng):
    """A place in it; half of them where the header stands."""
    return int(rng.integers(min(HEADER, len(data)) if rng.random() < 0.5 else len(data)))


def _flip_bits(data, _, rng):
    for _ in range(2 ** rng.integers(0, 7)):
        data[_place(data, rng)] ^= 1 << rng.integers(8)
    return data


def _overwrite(data, _, rng):
    for _ in range(2 ** rng.integers(0, 7)):
        data[_place(data, rng)] = rng.integers(256)
    return data


def _cut(data, _, rng):
    return data[: rng.integers(len(data))]


def _delete(data, _, rng):
    start, length = _place(data, rng), int(2 ** rng.integers(0, 13))
    return data[:start] + data[start + length :]


def _repeat(data, _, rng):
    start, length = _place(data, rng), int(2 ** rng.integers(0, 13))
    return data[:start] + data[start : start + length] * int(rng.integers(2, 9)) + data[start:]


def _insert(data, _, rng):
    length = int(2 ** rng.integers(0, 10))
    new = bytes(length) if rng.random() < 0.5 else rng.bytes(length)
    start = _place(data, rng)
    return data[:start] + new + data[start:]


def _zero(data, _, rng):
    start, length = _place(data, rng), int(2 ** rng.integers(0, 13))
    data[start : start + length] = bytes(len(data[start : start + length]))
    return data


def _integer(data, _, rng):
    """A number that limits break at, in either order of bytes."""
    size = int(2 ** rng.integers(0, 4))
    number = _one_of(INTERESTING, rng) % 2 ** (8 * size)
    start = _place(data, rng)
    written = number.to_bytes(size, "little" if rng.random() < 0.7 else "big")
    data[start : start + size] = written[: len(data) - start]
    return data


def _splice(data, examples, rng):
    """The start of one file and the end of another, or of itself."""
    other = _one_of(examples, rng)
    return data[: rng.integers(len(data))] + other[rng.integers(len(other)) :]


BYTE_CHANGES = (
    _flip_bits,
    _overwrite,
    _cut,
    _delete,
    _repeat,
    _insert,
    _zero,
    _integer,
    _integer,
    _splice,
)


def changed_text(examples, rng):
    """One of the examples, UTF-8 text, with lines, words or bytes out of order."""
    if rng.random() < 0.3:
        return changed_bytes(examples, rng)
    separators = ("\n", ",", " ", ":")
    separator = separators[rng.integers(len(separators))]
    parts = _one_of(examples, rng).decode().split(separator)
    for _ in range(rng.integers(1, 5)):
        place = rng.integers(len(parts))
        match rng.integers(5):
            case 0:
                del parts[place]
            case 1:
                parts.insert(place, parts[rng.integers(len(parts))])
            case 2:
                parts[place] = _odd_word(rng)
            case 3:
                parts[place] += _odd_word(rng)
            case 4:
                parts = parts[: place + 1]
        parts = parts or [""]
    return separator.join(parts).encode("utf-8", "surrogatepass")


def _odd_word(rng):
    value = _one_of(ODD_VALUES, rng)
    if rng.random() < 0.3:
        return "".join(rng.choice(list(string.printable), 8))
    return value if isinstance(value, str) else str(value)


def changed_json(examples, rng):
    """One of the examples, JSON, broken, or with other values at some of its places."""
    text = _one_of(examples, rng)
    match rng.integers(10):
        case 0:
            return changed_text([text], rng)
        case 1:
            return [b"[" * 100_000, text.decode().encode("utf-16"), b"\xff" + text][rng.integers(3)]
        case 2:
            return json.dumps(_one_of(ODD_VALUES, rng)).encode()
    return json.dumps(changed_tree(json.loads(text), rng)).encode()


def changed_tree(tree, rng):
    """Nested dicts and lists with one to three values gone, swapped, doubled or odd."""
    for _ in range(rng.integers(1, 4)):
        found = places(tree)
        if not found:
            return tree
        parent, key = _one_of(found, rng)
        match rng.integers(7):
            case 0:
                del parent[key]
            case 1 if isinstance(parent, dict):
                parent[f"{key}?"] = parent.pop(key)
            case 1:
                parent += parent[:]
            case 2:
                other, there = _one_of(found, rng)
                parent[key] = copied(other[there])
            case 3 if isinstance(parent[key], int | float):
                parent[key] = _one_of(INTERESTING, rng)
            case _:
                parent[key] = copied(_one_of(ODD_VALUES, rng))
    if (found := places(tree)) and rng.random() < 0.1:
        parent, key = _one_of(found, rng)
        parent[key] = nested(DEEP)
    return tree


def copied(value):
    """A value of JSON that shares nothing with the one given."""
    return json.loads(json.dumps(value))


def nested(depth):
    """Lists in lists."""
    made = []
    for _ in range(depth):
        made = [made]
    return made


def places(tree):
    """(parent, key) of every value in nested dicts and lists."""
    keys = range(len(tree)) if isinstance(tree, list) else tree
    found = []
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            found += places(tree[key])
    return found


def generator(kind, seed):
    """The generator of one input: the same for the same kind and seed, on every machine."""
    return np.random.default_rng([*kind.encode(), seed])
