"""Files of particular formats with something wrong behind their checksums and headers."""

import gzip
import io
import struct
import zipfile
import zlib

import h5py
import numpy as np
import yaml

from benchmarks.mutations import changed_bytes, changed_json, changed_text, changed_tree

PNG_HEADER = 8  # bytes
MOST_OF_ATTRIBUTE = 60_000  # bytes, of HDF5
KCNN_HEADER = 12  # bytes: eight of a name, four of a checksum


def changed_yaml(examples, rng):
    """A YAML file, broken as text or with other values at some of its places."""
    if rng.random() < 0.4:
        return changed_text(examples, rng)
    tree = yaml.safe_load(examples[rng.integers(len(examples))])
    changed = changed_tree(tree, rng)
    try:
        return yaml.safe_dump(changed, allow_unicode=True).encode("utf-8", "surrogatepass")
    except RecursionError:  # as deep as no YAML is written
        return b"[" * 5000 + b"]" * 5000


def changed_zip(examples, rng):
    """An archive whose members are wrong and whose checksums are right; or wrong as a whole."""
    if rng.random() < 0.2:
        return changed_bytes(examples, rng)
    members = read_members(examples[rng.integers(len(examples))])
    names = sorted(members)
    name = names[rng.integers(len(names))]
    match rng.integers(8):
        case 0:
            del members[name]
        case 1:
            members[f"../{name}"] = members.pop(name)
        case 2 if rng.random() < 0.1:  # which takes half a second to write
            members[name] = bytes(2**27)
            return write_members(members, zipfile.ZIP_DEFLATED)
        case 3:
            return write_members({**members, "added": b""}, zipfile.ZIP_BZIP2)
        case _:
            members[name] = _changed_member(name, members[name], rng)
    return write_members(members)


def _changed_member(name, data, rng):
    change = {".json": changed_json, ".h5": changed_h5}.get(name[name.rindex(".") :], changed_bytes)
    return change([data], rng)


def read_members(data):
    """name -> bytes of the members of an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(members, compression=zipfile.ZIP_STORED):
    """The bytes of an archive of such members."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)  # of no date
    return written.getvalue()


def changed_h5(examples, rng):
    """An HDF5 file that is broken, or with tensors swapped, gone, of another type or shape."""
    if rng.random() < 0.5:
        return changed_bytes(examples, rng)
    stored = io.BytesIO(examples[rng.integers(len(examples))])
    with h5py.File(stored, "r+") as file:
        names = []
        file.visititems(lambda name, o: names.append(name) if isinstance(o, h5py.Dataset) else None)
        first, second = (names[i] for i in rng.choice(len(names), 2, replace=len(names) < 2))
        array = file[first][()]
        match rng.integers(6):
            case 0 if first != second:
                file.move(first, "kept")
                file.move(second, first)
                file.move("kept", second)
            case 1:
                del file[first]
            case 2:
                _replaced(file, first, array.astype("S8"))
            case 3:
                _replaced(file, first, np.zeros((*array.shape, 2), array.dtype))
            case 4:
                _replaced(file, first, np.full_like(array, np.nan))
            case _:  # a shape of 8 TB, of which nothing is stored
                del file[first]
                file.create_dataset(first, (2**41,), "f4", chunks=(2**20,))
    return stored.getvalue()


def changed_h5_model(examples, rng):
    """An HDF5 file of a whole model: wrong as any, or with an architecture that is wrong."""
    if rng.random() < 0.5:
        return changed_h5(examples, rng)
    stored = io.BytesIO(examples[rng.integers(len(examples))])
    with h5py.File(stored, "r+") as file:
        if rng.random() < 0.1:
            del file.attrs["model_config"]
        else:
            changed = changed_json([file.attrs["model_config"].encode()], rng)
            file.attrs["model_config"] = np.bytes_(changed.replace(b"\0", b" ")[:MOST_OF_ATTRIBUTE])
    return stored.getvalue()


def _replaced(file, name, array):
    del file[name]
    file[name] = array


def changed_gzip(examples, rng):
    """A gzip file of wrong content, or a broken one."""
    if rng.random() < 0.2:
        return changed_bytes(examples, rng)
    if rng.random() < 0.05:
        return gzip.compress(gzip.decompress(examples[0])[:16] + bytes(2**28), 1, mtime=0)
    return gzip.compress(changed_bytes([gzip.decompress(e) for e in examples], rng), 1, mtime=0)


def changed_png(examples, rng):
    """A PNG file whose chunks are wrong and whose checksums are right; or wrong as a whole."""
    if rng.random() < 0.3:
        return changed_bytes(examples, rng)
    chunks = list(_chunks(examples[rng.integers(len(examples))]))
    for _ in range(rng.integers(1, 3)):
        place = rng.integers(len(chunks))
        kind, data = chunks[place]
        match rng.integers(4):
            case 0:
                chunks.insert(place, chunks[rng.integers(len(chunks))])
            case 1 if len(chunks) > 1:
                del chunks[place]
            case _:
                chunks[place] = kind, changed_bytes([data or b"\0"], rng)
    written = examples[0][:PNG_HEADER]
    for kind, data in chunks:
        body = kind + data
        written += struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return written


def _chunks(data):
    place = PNG_HEADER
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def changed_safetensors(examples, rng):
    """A .safetensors file with a wrong header of the right length, or a broken one."""
    if rng.random() < 0.3:
        return changed_bytes(examples, rng)
    data = examples[rng.integers(len(examples))]
    (length,) = struct.unpack_from("<Q", data)
    header = changed_json([data[8 : 8 + length].rstrip()], rng)
    return struct.pack("<Q", len(header)) + header + data[8 + length :]


def changed_kcnn(examples, rng):
    """A .kcnn file with a wrong body and the right checksum, or a broken one."""
    if rng.random() < 0.2:
        return changed_bytes(examples, rng)
    bodies = [example[KCNN_HEADER:] for example in examples]
    body = changed_bytes(bodies, rng)
    if rng.random() < 0.5:
        body = _other_architecture(bodies[rng.integers(len(bodies))], rng)
    return examples[0][:8] + struct.pack("<I", zlib.crc32(body)) + body


def _other_architecture(body, rng):
    from export.sharing.huffman import Reader, varint

    reader = Reader(body, 0)
    packed = reader.take(reader.length())
    text = zlib.compress(changed_json([zlib.decompress(packed)], rng))
    return varint(len(text)) + text + body[-reader.left :]


def changed_tflite(examples, rng):
    """A .tflite file that still parses, with one thing of its graph changed; or a broken one."""
    if rng.random() < 0.5:
        return changed_bytes(examples, rng)
    return odd_tflite(examples[rng.integers(len(examples))], rng)


def changed_onnx(examples, rng):
    """An .onnx file that still parses, with one thing of its graph changed; or a broken one."""
    if rng.random() < 0.5:
        return changed_bytes(examples, rng)
    return odd_onnx(examples[rng.integers(len(examples))], rng)


def odd_tflite(data, rng):
    """A .tflite file that still parses, with one number of its graph changed."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    tensor = graph.tensors[rng.integers(len(graph.tensors))]
    operator = graph.operators[rng.integers(len(graph.operators))]
    filled = [b for b in model.buffers if b.data is not None and len(b.data) > 16]
    match rng.integers(10):
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


def odd_onnx(data, rng):
    """An .onnx file that still parses, with one thing of its graph changed."""
    import onnx

    model = onnx.load_model_from_string(data)
    graph = model.graph
    constants = [t for t in graph.initializer if t.dims]
    constant = constants[rng.integers(len(constants))]
    node = graph.node[rng.integers(len(graph.node))]
    match rng.integers(9):
        case 0:  # swapped tensors
            first, second = rng.choice(len(constants), 2, replace=False)
            constants[first].name, constants[second].name = (
                constants[second].name,
                constants[first].name,
            )
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
