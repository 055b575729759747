"""What stands in a .tflite file: operators, ends, what computes in float."""

from collections import Counter
from functools import cached_property
from pathlib import Path

from .content import Content, End, Island

FLOATS = ("float16", "float32", "float64", "bfloat16")
MOVES = ("RESHAPE", "TRANSPOSE", "SQUEEZE", "EXPAND_DIMS", "SHAPE", "RANK")
WIDTHS = {"int8": "int8", "uint8": "int8", "int16": "int16x8"}  # of activations -> arithmetic
SMALL = ("int8", "uint8", "int4", "uint4", "int2")  # dtypes of weights


def read(path: str | Path) -> Content:
    """Reads a file; ValueError where it is none."""
    return _File(Path(path).read_bytes()).content()


def requirements(data: bytes) -> tuple[list[dict], str | None]:
    """The operators of a file, with versions and counts, and the first runtime that has them."""
    file = _File(data)
    return file.operators(), file.minimum_runtime()


def float_operators(data: bytes) -> list[str]:
    """The operators of a file that take or give floats, by name.

    Quantizing does not count, nor the normalization of float pixels in front of it.
    """
    return [island.operator for island, in_front in _File(data).floats() if not in_front]


def made_by_operators(data: bytes) -> list[tuple[str, list[str]]]:
    """[(operator, the names of the tensors that it gives)] of the first graph, in its order."""
    file = _File(data)
    tensors = file.graphs[0].tensors
    return [
        (file.codes[op.opcodeIndex][1], [_text(tensors[i].name) for i in _list(op.outputs)])
        for op in _list(file.graphs[0].operators)
    ]


def refuse_others(data: bytes) -> None:
    """ValueError for what is no .tflite file."""
    if data[4:8] != b"TFL3":
        raise ValueError("not a TFLite file (its identifier TFL3 is missing)")


class _File:
    def __init__(self, data):
        from ai_edge_litert import schema_py_generated as schema

        refuse_others(data)
        self.model = schema.ModelT.InitFromPackedBuf(data, 0)
        self.graphs = self.model.subgraphs or []
        if not self.graphs:
            raise ValueError("not a TFLite file: it has no graph")
        self.kinds = schema.BuiltinOperator
        self.builtin = {v: k for k, v in vars(self.kinds).items() if isinstance(v, int)}
        dtypes = {v: k.lower() for k, v in vars(schema.TensorType).items() if isinstance(v, int)}
        self.dtypes = dtypes

    @cached_property
    def codes(self):
        """[(number, name, version, whether it is none of LiteRT's own)], an operator code each."""
        found = []
        for code in self.model.operatorCodes or []:
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            custom = number == self.kinds.CUSTOM
            name = _text(code.customCode) if custom else self.builtin.get(number, f"#{number}")
            found.append((number, name, code.version, custom))
        return found

    def content(self):
        main = self.graphs[0]
        arithmetic = self.arithmetic()
        whole = arithmetic in WIDTHS.values()
        return Content(
            format="TFLite",
            arithmetic=arithmetic,
            operators=self.operators(),
            minimum_runtime=self.minimum_runtime(),
            inputs=self._ends(main, "inputs"),
            outputs=self._ends(main, "outputs"),
            islands=self.islands() if whole else (),
            foreign=tuple(sorted({name for _, name, _, custom in self.codes if custom})),
            signatures={
                _text(s.signatureKey): (_names(s.inputs), _names(s.outputs))
                for s in self.model.signatureDefs or []
            },
            graphs=tuple(_text(graph.name) for graph in self.graphs),
            scales=self.scales(),
        )

    def operators(self):
        counts = Counter(op.opcodeIndex for graph in self.graphs for op in _list(graph.operators))
        found = []
        for index, count in counts.items():
            _, name, version, _ = self.codes[index]
            found.append({"name": name, "version": version, "count": count})
        return sorted(found, key=lambda o: o["name"])

    def minimum_runtime(self):
        for entry in self.model.metadata or []:
            if entry.name == b"min_runtime_version":
                text = bytes(self.model.buffers[entry.buffer].data)
                return f"TensorFlow Lite {text.rstrip(bytes(1)).decode(errors='replace')}"
        return None

    def floats(self):
        """[(an operator that takes or gives floats, whether it normalizes pixels in front)]."""
        kinds, found = self.kinds, []
        for graph in self.graphs:
            behind = set()  # tensors that integers went into
            for operator in _list(graph.operators):
                kind, name, _, _ = self.codes[operator.opcodeIndex]
                inputs = {i for i in _list(operator.inputs) if i >= 0}  # -1: left out
                outputs = _list(operator.outputs)
                in_front = kind in (kinds.ADD, kinds.SUB, kinds.MUL) and not behind & inputs
                if kind == kinds.QUANTIZE or behind & inputs:
                    behind |= set(outputs)
                is_float = any(self._dtype(graph, i) in FLOATS for i in (*inputs, *outputs))
                if is_float and kind not in (kinds.QUANTIZE, kinds.DEQUANTIZE):
                    made = _text(graph.tensors[outputs[0]].name) if len(outputs) else ""
                    found.append((Island(name, made), in_front))
        return found

    def islands(self):
        """What computes in float; what only moves numbers computes nothing."""
        return tuple(island for island, _ in self.floats() if island.operator not in MOVES)

    def arithmetic(self):
        """In what the operators compute, see `Content`."""
        moves = (self.kinds.QUANTIZE, self.kinds.DEQUANTIZE)
        made = set()
        for graph in self.graphs:
            for operator in _list(graph.operators):
                if self.codes[operator.opcodeIndex][0] not in moves:
                    made |= {
                        self._dtype(graph, i)
                        for i in _list(operator.outputs)
                        if len(_scales(graph.tensors[i]))
                    }
        for width in ("int16", "int8", "uint8"):
            if width in made:
                return WIDTHS[width]
        constants = {self.dtypes.get(t.type) for _, t in self._constants() if len(_scales(t))}
        if constants & set(SMALL):
            return "dynamic"
        plain = {self.dtypes.get(t.type) for _, t in self._constants()}
        return "float16" if "float16" in plain else "float32"

    def scales(self):
        counts = [len(_scales(t)) for _, t in self._constants() if self.dtypes.get(t.type) in SMALL]
        return sum(n > 1 for n in counts), sum(n == 1 for n in counts)

    def _constants(self):
        for graph in self.graphs:
            for tensor in _list(graph.tensors):
                buffer = self.model.buffers[tensor.buffer]
                if len(_list(buffer.data)) or buffer.offset > 1:  # in a large file it is behind it
                    yield graph, tensor

    def _inside(self, graph, index, side):
        """The tensor that carries an end: behind what quantizes it, in front of what turns back."""
        take, give = ("inputs", "outputs") if side == "inputs" else ("outputs", "inputs")
        kind = self.kinds.QUANTIZE if side == "inputs" else self.kinds.DEQUANTIZE
        near = [op for op in _list(graph.operators) if index in _list(getattr(op, take))]
        if len(near) == 1 and self.codes[near[0].opcodeIndex][0] == kind:
            return graph.tensors[getattr(near[0], give)[0]]
        return graph.tensors[index]

    def _dtype(self, graph, index):
        return self.dtypes.get(graph.tensors[index].type)

    def _ends(self, graph, side):
        aliases = {}
        for signature in (self.model.signatureDefs or [])[:1]:
            if signature.subgraphIndex == 0:
                entries = _list(getattr(signature, side))
                aliases = {entry.tensorIndex: _text(entry.name) for entry in entries}
        found = []
        for index in _list(getattr(graph, side, None)):
            tensor = graph.tensors[index]
            scale, zero_point = _scale(tensor)
            scales = _scales(tensor)
            signature = _list(tensor.shapeSignature)
            shape = signature if len(signature) else _list(tensor.shape)
            found.append(
                End(
                    name=_text(tensor.name),
                    alias=aliases.get(index),
                    shape=tuple(int(n) for n in shape),
                    dtype=self.dtypes.get(tensor.type, f"#{tensor.type}"),
                    scale=scale,
                    zero_point=zero_point,
                    channels=len(scales) if len(scales) > 1 else None,
                    step=_scale(self._inside(graph, index, side))[0],
                )
            )
        return tuple(found)


def _scale(tensor):
    """(scale, zero point) of a tensor of one scale, else of Nones."""
    scales = _scales(tensor)
    if len(scales) != 1:
        return None, None
    zeros = _list(tensor.quantization.zeroPoint)
    return float(scales[0]), int(zeros[0]) if len(zeros) else 0


def _scales(tensor):
    return _list(tensor.quantization.scale) if tensor.quantization else []


def _list(values):
    return [] if values is None else values


def _names(entries):
    return [_text(entry.name) for entry in _list(entries)]


def _text(value):
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
