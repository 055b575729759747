"""What stands in a file that any tool wrote: `export.describe`."""

import gzip
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.tables import Column, Table

from ..runtimes import Artifact
from ..runtimes.artifact import read_content
from ..runtimes.content import Content, End

ARITHMETIC = {
    "float32": "float32",
    "float16": "float16 weights",
    "dynamic": "weights of 8 bits or fewer, activations float",
    "int8": "int8",
    "int16x8": "int8 weights, int16 activations",
}


@dataclass(frozen=True)
class FileDescription:
    """path: of the file. bytes: with the weights beside it. gzip_bytes: of the file alone, gzipped.

    content: what it says of itself. engine: that loads it here, with its version; None where it
    refuses the file, and `refusal` says why.
    """

    path: Path
    bytes: int
    gzip_bytes: int
    content: Content
    engine: str | None
    refusal: str | None

    @property
    def table(self) -> Table:
        """The table of the operators, for a `kerascnn.console`."""
        rows = self.content.operators
        table = Table("operator", *[Column(h, right=True) for h in ("version", "count")])
        for row in rows:
            version = "" if row["version"] is None else str(row["version"])
            table.add(row["name"], version, str(row["count"]))
        return table

    @property
    def lines(self) -> list[str]:
        """The rest in words, a fact a line."""
        c = self.content
        lines = [
            f"{c.format}, {ARITHMETIC[c.arithmetic]}, {self.bytes:,} bytes, "
            f"{self.gzip_bytes:,} gzipped",
            *(f"input   {_end(end)}" for end in c.inputs),
            *(f"output  {_end(end)}" for end in c.outputs),
            f"needs   {c.minimum_runtime or 'a runtime that the file does not name'}",
        ]
        if any(c.scales):
            channel, tensor = c.scales
            lines.append(f"weights {channel} with a scale a channel, {tensor} with one scale")
        if c.external:
            lines.append(f"weights beside it in {', '.join(c.external)}")
        if len(c.graphs) > 1:
            lines.append(f"graphs  {len(c.graphs)}: {', '.join(name or '-' for name in c.graphs)}")
        for name, (inputs, outputs) in c.signatures.items():
            lines.append(f"signature {name}: {', '.join(inputs)} -> {', '.join(outputs)}")
        if c.foreign:
            lines.append(f"operators of others: {', '.join(c.foreign)}")
        lines += [f"in float: {i.operator}, which makes {i.tensor}" for i in c.islands]
        if self.refusal:
            lines.append(f"does not run here: {self.refusal}")
        return lines


def describe(path: str | Path) -> FileDescription:
    """Describes a .tflite or .onnx file, whoever wrote it.

    Raises:
        UserError: no such file, or one that cannot be read.
    """
    path = Path(path)
    content = read_content(path)
    engine = refusal = None
    try:
        with Artifact(path) as artifact:
            engine = f"{artifact.title} {artifact.version}"
    except UserError as error:
        refusal = str(error).removeprefix(f"{path}: ")
    data = path.read_bytes()
    beside = sum((path.parent / name).stat().st_size for name in content.external)
    return FileDescription(
        path, len(data) + beside, len(gzip.compress(data, 9, mtime=0)), content, engine, refusal
    )


def _end(end: End) -> str:
    name = f"{end.alias} ({end.name})" if end.alias and end.alias != end.name else end.name
    size = "x".join("?" if n < 0 else str(n) for n in end.shape) or "scalar"
    words = f"{name}: {size} {end.dtype}"
    if end.scale is not None:
        words += f", scale {end.scale:.6g}, zero point {end.zero_point}"
    if end.channels:
        words += f", {end.channels} scales, one a channel"
    return words
