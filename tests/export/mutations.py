"""Files as they come out of broken downloads, full disks and hostile hands. All of them seeded."""

import io
import json
import zipfile

import h5py
import numpy as np

ODD_VALUES = (
    None, True, -1, 0, 10**30, 0.5, float("nan"), float("inf"), "", "odd", "\x1b[31m\n[red]",
    [], {}, [[]], ["a", 1], {"a": 1},
)  # fmt: skip


def damaged(data, seed):
    """Bytes with one thing wrong: cut off, flipped, overwritten, swapped, doubled."""
    rng = np.random.default_rng(seed)
    bad = bytearray(data)
    size = len(bad)
    match seed % 8:
        case 0:
            return bytes(bad[: rng.integers(size)])
        case 1:
            _flip(bad, rng, rng.integers(1, 9), size)
        case 2:
            _flip(bad, rng, 64, size)
        case 3:  # where headers stand
            _flip(bad, rng, 8, min(size, 512))
        case 4:  # where TFLite and ONNX keep their tables
            tail = bytearray(bad[-4096:])
            _flip(tail, rng, 16, len(tail))
            bad[-4096:] = tail
        case 5:
            start, length = rng.integers(size), rng.integers(1, 2048)
            bad[start : start + length] = bytes(min(length, size - start))
        case 6:
            length = size // 5
            first, second = sorted(rng.choice(size - length, 2))
            bad[first : first + length], bad[second : second + length] = (
                bad[second : second + length], bad[first : first + length],
            )  # fmt: skip
            bad = bad[:size]
        case 7:
            start = rng.integers(size)
            bad[start:start] = bad[start : start + 4096]
    return bytes(bad)


def _flip(data, rng, count, end):
    for place in rng.integers(0, end, count):
        data[place] ^= int(rng.integers(1, 256))


def odd_json(text, seed):
    """The bytes of a JSON file with one thing wrong: its syntax, or a value somewhere in it."""
    rng = np.random.default_rng(seed)
    match seed % 12:
        case 0:
            return text.encode()[: rng.integers(len(text))]
        case 1:
            return text.encode().replace(b'"', b"\xff", 1)
        case 2:
            return b"[" * 100_000
        case 3:
            return text.encode("utf-16")
        case 4:
            return json.dumps(ODD_VALUES[rng.integers(len(ODD_VALUES))]).encode()
    tree = json.loads(text)
    parent, key = _places(tree)[rng.integers(len(_places(tree)))]
    if seed % 12 == 5:
        del parent[key]
    elif seed % 12 == 6:
        parent[key] = nested(900)
    else:
        parent[key] = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    return json.dumps(tree).encode()


def nested(depth):
    """Lists in lists: as deep as JSON still reads, deeper than most code that walks it."""
    made = []
    for _ in range(depth):
        made = [made]
    return made


def _places(tree):
    """(parent, key) of every value in nested dicts and lists."""
    keys = range(len(tree)) if isinstance(tree, list) else tree
    found = []
    for key in keys:
        found.append((tree, key))
        if isinstance(tree[key], dict | list):
            found += _places(tree[key])
    return found


def odd_keras(data, seed):
    """The bytes of a .keras file with one thing wrong: the archive, a member, the weights."""
    members = read_members(data)
    weights = members["model.weights.h5"]
    rng = np.random.default_rng(seed)
    match seed % 10:
        case 0 | 1:
            return damaged(data, seed // 10)
        case 2 | 3 | 4:
            members["config.json"] = odd_json(members["config.json"].decode(), seed // 10)
        case 5:  # inside the HDF5 file, where no checksum of the archive sees it
            members["model.weights.h5"] = damaged(weights, seed // 10)
        case 6:
            del members[[*members][rng.integers(len(members))]]
        case 7:
            members["model.weights.h5"] = rewritten(weights, _swap_two)
        case 8:
            members["model.weights.h5"] = rewritten(weights, _drop_one)
        case 9:  # a thousand times what is stored
            members["model.weights.h5"] = bytes(2**27)
            return write_members(members, zipfile.ZIP_DEFLATED)
    return write_members(members)


def read_members(data):
    """name -> bytes of the members of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(members, compression=zipfile.ZIP_STORED):
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return written.getvalue()


def rewritten(weights, change):
    """The bytes of an HDF5 file after `change`, which gets it open."""
    stored = io.BytesIO(weights)
    with h5py.File(stored, "r+") as file:
        change(file)
    return stored.getvalue()


def _datasets(file):
    found = []
    file.visititems(lambda name, o: found.append(name) if isinstance(o, h5py.Dataset) else None)
    return found


def _swap_two(file):
    first, *_, last = _datasets(file)
    file.move(first, "kept")
    file.move(last, first)
    file.move("kept", last)


def _drop_one(file):
    del file[_datasets(file)[0]]


def odd_tflite(data, seed):
    """A .tflite file that still parses, with one number of its graph changed."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    rng = np.random.default_rng(seed)
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    tensor = graph.tensors[rng.integers(len(graph.tensors))]
    operator = graph.operators[rng.integers(len(graph.operators))]
    filled = [b for b in model.buffers if b.data is not None and len(b.data) > 16]
    match seed % 10:
        case 0:  # swapped tensors
            first, second = rng.choice(len(filled), 2, replace=False)
            filled[first].data, filled[second].data = filled[second].data, filled[first].data
        case 1:
            tensor.shape = [int(n) * 100_000 for n in tensor.shape]
        case 2:
            tensor.shape = [-1, 7]
        case 3:
            tensor.type = int(rng.integers(0, 18))
        case 4:
            operator.inputs = list(np.roll(operator.inputs, 1))
        case 5:
            operator.opcodeIndex = int(rng.integers(0, 100))
        case 6:
            graph.inputs, graph.outputs = graph.outputs, graph.inputs
        case 7:
            graph.outputs = [int(rng.integers(len(graph.tensors)))]
        case 8:
            buffer = filled[rng.integers(len(filled))]
            buffer.data = buffer.data[: len(buffer.data) // 2]
        case 9:
            code = model.operatorCodes[rng.integers(len(model.operatorCodes))]
            code.builtinCode = code.deprecatedBuiltinCode = int(rng.integers(0, 127))
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def odd_onnx(data, seed):
    """An .onnx file that still parses, with one thing of its graph changed."""
    import onnx

    rng = np.random.default_rng(seed)
    model = onnx.load_model_from_string(data)
    graph = model.graph
    constants = [t for t in graph.initializer if t.dims]
    constant = constants[rng.integers(len(constants))]
    node = graph.node[rng.integers(len(graph.node))]
    match seed % 9:
        case 0:  # swapped tensors
            first, second = rng.choice(len(constants), 2, replace=False)
            constants[first].name, constants[second].name = (
                constants[second].name, constants[first].name,
            )  # fmt: skip
        case 1:
            constant.dims[0] *= 1_000_000
        case 2:
            constant.data_type = int(rng.integers(0, 24))
        case 3:
            node.op_type = ["Gemm", "Loop", "Einsum", "NoSuchOp"][rng.integers(4)]
        case 4:
            node.input[0] = node.output[0]
        case 5:
            del node.attribute[:]
        case 6:
            del graph.output[:]
        case 7:
            graph.input[0].type.tensor_type.elem_type = int(rng.integers(1, 17))
        case 8:
            for dimension in graph.input[0].type.tensor_type.shape.dim:
                dimension.dim_value = 10_000
    return model.SerializeToString()
