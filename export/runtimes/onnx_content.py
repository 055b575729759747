"""What stands in an .onnx file: operators, ends, what computes in float, weights beside it."""

from collections import Counter
from functools import cached_property
from pathlib import Path

from .content import Content, End, Island

STANDARD = ("", "ai.onnx")  # the domain of ONNX itself
MOVES = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity")
SIZES = ("Shape", "Size")  # what asks for sizes computes nothing
PAIR = ("QuantizeLinear", "DequantizeLinear")
ABSORBED = ("Relu", "Clip")  # what integer kernels do while they round
# Operators of integers: where the scales and zero points of their input and output stand.
OF_INTEGERS = {"QLinearConv": ((0, 1, 2), (6, 7)), "QLinearMatMul": ((0, 1, 2), (6, 7))}
AS_THEY_COME = ("DynamicQuantizeLinear", "ConvInteger", "MatMulInteger", "DynamicQuantizeMatMul")
PACKED = ("MatMulNBits", "MatMulBnb4", "GatherBlockQuantized")  # weights of a few bits
FLOATS = ("float16", "float32", "float64", "bfloat16")
SIXTEEN = ("int16", "uint16")
MOST_EXTERNAL = 2**36  # bytes of weights beside a file


def read(path: str | Path) -> Content:
    """Reads a file; ValueError where it is none, or keeps its weights in another folder."""
    return _File(path).content()


def dtype_of(number: int) -> str:
    """The name in NumPy of an element type of ONNX: 1 -> "float32"."""
    import onnx

    name = str(onnx.TensorProto.DataType.Name(number)).lower()
    return {"float": "float32", "double": "float64"}.get(name) or name


class _File:
    def __init__(self, path: Path | str) -> None:
        import onnx

        self.path = Path(path)
        try:
            self.model = onnx.load_model_from_string(self.path.read_bytes())
        except Exception as error:  # protobuf's DecodeError, of one of its implementations
            raise ValueError(f"not an ONNX file: {str(error).splitlines()[0]}") from None
        if not self.model.HasField("graph"):
            raise ValueError("not an ONNX file: it has no graph")
        self.graph = self.model.graph
        self.opsets = {_domain(o.domain): o.version for o in self.model.opset_import}

    def content(self):
        arithmetic = self.arithmetic()
        whole = arithmetic in ("int8", "int16x8")
        opset = self.opsets.get("")
        used = {_domain(node.domain) for node in self.nodes} - {""}
        others = [f"{name} {self.opsets.get(name)}" for name in sorted(used)]
        return Content(
            format="ONNX",
            arithmetic=arithmetic,
            operators=self.operators(),
            minimum_runtime=", ".join(
                [f"ONNX opset {opset}", f"IR version {self.model.ir_version}", *others]
            ),
            inputs=self._ends(i for i in self.graph.input if i.name not in self.constants),
            outputs=self._ends(self.graph.output),
            islands=tuple(self.islands()) if whole else (),
            foreign=tuple(
                sorted({_name(n) for n in self.nodes if _domain(n.domain)} - self._functions())
            ),
            graphs=tuple(graph.name for graph in self.graphs),
            scales=self.scales(),
            external=tuple(self.external()),
        )

    @cached_property
    def graphs(self):
        """The main graph and, behind it, the bodies of If, Loop and Scan."""
        found, left = [], [self.graph]
        while left:
            graph = left.pop(0)
            found.append(graph)
            left += [g for node in graph.node for g in _bodies(node)]
        return found

    @cached_property
    def nodes(self):
        """Of all graphs and functions."""
        inside = [node for function in self.model.functions for node in function.node]
        return [node for graph in self.graphs for node in graph.node] + inside

    @cached_property
    def constants(self):
        """name of a constant of the main graph -> its tensor."""
        found = {t.name: t for t in self.graph.initializer}
        for node in self.graph.node:
            values = [a.t for a in node.attribute if a.name == "value"]
            if node.op_type == "Constant" and node.output and values:
                found[node.output[0]] = values[0]
        return found

    def operators(self):
        counts = Counter((_name(node), _domain(node.domain)) for node in self.nodes)
        return [
            {"name": name, "version": self.opsets.get(domain), "count": count}
            for (name, domain), count in sorted(counts.items())
        ]

    def arithmetic(self):
        """In what the operators compute, see `Content`."""
        kinds = {node.op_type for node in self.nodes}
        rounded = [
            node
            for node in self.nodes
            if node.op_type == "QuantizeLinear" and node.input[0] not in self.constants
        ]
        if rounded or any(k.startswith("QLinear") or k == "QGemm" for k in kinds):
            zeros = [self.constants.get(n.input[2]) for n in rounded if len(n.input) > 2]
            wide = any(z is not None and dtype_of(z.data_type) in SIXTEEN for z in zeros)
            return "int16x8" if wide else "int8"
        if kinds & {*AS_THEY_COME, *PACKED, "DequantizeLinear"}:
            return "dynamic"
        dtypes = {dtype_of(t.data_type) for t in self.graph.initializer if len(t.dims) > 1}
        return "float16" if "float16" in dtypes else "float32"

    def islands(self):
        """The operators of an int8 file that do not stand between a pair of quantizations.

        ONNX writes an integer kernel as DequantizeLinear, the operator on floats, QuantizeLinear.
        """
        dtypes = self._dtypes()
        producers = {name: node for node in self.graph.node for name in node.output}
        consumers: dict[str, list] = {}
        for node in self.graph.node:
            for name in node.input:
                consumers.setdefault(name, []).append(node)
        ends = {x.name for x in self.graph.output}

        def from_integers(name):
            if name in self.constants or dtypes.get(name, "float32") not in FLOATS:
                return True
            return not name or (name in producers and producers[name].op_type == "DequantizeLinear")

        def is_kernel(node):
            return node is not None and all(from_integers(name) for name in node.input)

        def to_integers(name):
            behind = consumers.get(name, [])
            return (
                name not in ends
                and bool(behind)
                and all(
                    node.op_type == "QuantizeLinear"
                    or (node.op_type in ABSORBED and to_integers(node.output[0]))
                    for node in behind
                )
            )

        for node in self.graph.node:
            touched = {dtypes.get(name) for name in (*node.input, *node.output)}
            if node.op_type in (*PAIR, *MOVES, *SIZES, "Constant") or not touched & set(FLOATS):
                continue
            if node.op_type.startswith("QLinear") or node.op_type == "QGemm":
                continue
            producer = producers.get(node.input[0]) if node.input else None
            follows = node.op_type in ABSORBED and is_kernel(producer)
            if not ((is_kernel(node) or follows) and all(map(to_integers, node.output))):
                yield Island(_name(node), node.output[0] if node.output else node.name)

    def quantized(self):
        """name of a tensor -> (scale, zero point, channels), of what is quantized at the ends.

        What moves numbers, as a Reshape does, keeps their meaning.
        """
        found = {}
        for node in self.graph.node:
            if node.op_type == "DequantizeLinear":
                self._note(found, node.input[0], node.input[1:3])
            elif node.op_type == "QuantizeLinear":
                self._note(found, node.output[0], node.input[1:3])
            elif node.op_type in OF_INTEGERS:
                (tensor, *at), behind = OF_INTEGERS[node.op_type]
                self._note(found, node.input[tensor], [node.input[i] for i in at])
                self._note(found, node.output[0], [node.input[i] for i in behind])
        return self._moved(found)

    def scales(self):
        """(weights with a scale a channel, weights with one scale)."""
        counts = [
            self._size(node.input[1])
            for node in self.graph.node
            if node.op_type == "DequantizeLinear" and node.input[0] in self.constants
        ]
        counts += [self._size(n.input[4]) for n in self.graph.node if n.op_type in OF_INTEGERS]
        return sum(n > 1 for n in counts), sum(n == 1 for n in counts)

    def external(self):
        """Names of the files that hold weights; ValueError where one is not in the same folder."""
        folder, found = self.path.parent.resolve(), []
        for tensor in self._tensors():
            if not tensor.external_data:
                continue
            name = next((e.value for e in tensor.external_data if e.key == "location"), "")
            beside = folder / name
            if not name or Path(name).name != name or beside.resolve().parent != folder:
                raise ValueError(
                    f"keeps weights in {name!r}, expected a file in its own folder; save it again "
                    "with its weights inside or beside it"
                )
            if not beside.is_file():
                raise ValueError(f"keeps weights in {name!r}, which is missing beside it")
            if name not in found:
                found.append(name)
        if sum((folder / name).stat().st_size for name in found) > MOST_EXTERNAL:
            raise ValueError(f"keeps more than {MOST_EXTERNAL:,} bytes of weights beside it")
        return found

    def _tensors(self):
        """Every tensor of the file, those of attributes and functions too."""
        for graph in self.graphs:
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
        for node in self.nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)

    def _note(self, found, tensor, names):
        import onnx

        names = [name for name in names if name]
        if not names or not all(name in self.constants for name in names):
            return
        if any(self.constants[name].external_data for name in names):
            return
        scale, *zeros = (onnx.numpy_helper.to_array(self.constants[n]) for n in names)
        if scale.size == 1:
            found[tensor] = float(scale.item()), int(zeros[0].item()) if zeros else 0, None
        elif scale.size > 1:
            found[tensor] = None, None, scale.size

    def _size(self, name):
        tensor = self.constants.get(name)
        size = 1
        for n in tensor.dims if tensor is not None else ():
            size *= n
        return size

    def _dtypes(self):
        """name of a tensor -> its dtype, as far as it can be told."""
        import onnx

        try:
            graph = onnx.shape_inference.infer_shapes(self.model).graph
        except Exception:  # beyond what protobuf carries, or operators that it does not know
            graph = self.graph
        infos = (*graph.input, *graph.value_info, *graph.output)
        found = {i.name: dtype_of(i.type.tensor_type.elem_type) for i in infos}
        return found | {name: dtype_of(t.data_type) for name, t in self.constants.items()}

    def _behind(self):
        """name of a float end -> name of the integers that carry it."""
        found = {}
        for node in self.graph.node:
            if node.op_type in PAIR and node.output:
                ends = node.input[0], node.output[0]
                end, inner = ends if node.op_type == "QuantizeLinear" else ends[::-1]
                found[end] = inner
        return self._moved(found)

    def _moved(self, found):
        """The same facts of tensors, also of those that are the same numbers elsewhere."""
        same = [(n.input[0], n.output[0]) for n in self.graph.node if n.op_type in MOVES]
        for before, after in same:  # forward to the outputs, nodes come in their order
            if before in found:
                found.setdefault(after, found[before])
        for before, after in reversed(same):  # and back to the inputs
            if after in found:
                found.setdefault(before, found[after])
        return found

    def _functions(self):
        return {f"{f.domain}.{f.name}" for f in self.model.functions}

    def _ends(self, values):
        quantized, found = self.quantized(), []
        behind = self._behind()
        for value in values:
            tensor = value.type.tensor_type
            kind = value.type.WhichOneof("value") or "tensor_type"
            is_tensor = kind == "tensor_type"
            dtype = dtype_of(tensor.elem_type) if is_tensor else kind.removesuffix("_type")
            scale, zero_point, channels = quantized.get(value.name, (None, None, None))
            step = quantized.get(behind.get(value.name, value.name), (None,))[0]
            if dtype in FLOATS:
                scale = zero_point = channels = None
            dims = tensor.shape.dim if is_tensor else ()
            shape = tuple(d.dim_value if d.HasField("dim_value") else -1 for d in dims)
            end = End(value.name, shape, dtype, None, scale, zero_point, channels, step)
            found.append(end)
        return tuple(found)


def _domain(name):
    return "" if name in STANDARD else name


def _name(node):
    domain = _domain(node.domain)
    return f"{domain}.{node.op_type}" if domain else node.op_type


def _bodies(node):
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
