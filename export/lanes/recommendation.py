"""Which recipe and which file for which hardware: one table, and why."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import unknown

from ..runtimes.artifact import read_content


@dataclass(frozen=True)
class Recommendation:
    """recipe: a name of configs/export. format: "tflite" or "onnx". ends: of the file. runtime:
    what has to be there. why: in a sentence. costs: what it costs, in a sentence. lanes: those
    that show it on a desk."""

    recipe: str
    format: str
    ends: str
    runtime: str
    why: str
    costs: str
    lanes: tuple[str, ...]

    @property
    def trains(self) -> bool:
        """Whether the recipe trains, so that `compress` comes before `convert`."""
        return not self.recipe.startswith("static")


TARGETS = {
    "phone-cpu": Recommendation(
        "qat_wi8_ai8",
        "tflite",
        "uint8 pixels in, as the camera gives them",
        "LiteRT 1.x or 2.x with XNNPACK, its default",
        "XNNPACK's int8 kernels take a scale for each channel at no cost and are the fastest that "
        "a phone's processor has",
        "a fine-tuning of some epochs; static_wi8_ai8 needs none and loses more on depthwise "
        "networks",
        ("litert", "arm", "android"),
    ),
    "phone-npu": Recommendation(
        "qat_wi8_ai8_per_tensor",
        "tflite",
        "int8 or uint8 ends; nothing in float between them",
        "the vendor's delegate through LiteRT, NNAPI before Android 15",
        "vendors' compilers differ in what they take by channel; one scale a tensor runs on all "
        "of them, and any float operator sends its neighbours back to the processor",
        "a few tenths of a point against a scale for each channel, more on depthwise networks",
        ("ethos-u65", "ethos-u85", "android"),
    ),
    "mcu": Recommendation(
        "qat_wi8_ai8",
        "tflite",
        "int8 or uint8 ends; TFLite Micro converts neither from float",
        "TFLite Micro with CMSIS-NN, or an Ethos-U through Vela",
        "its kernels are int8 with a scale for each channel; the arena is the activations of one "
        "place in the network, so fewer channels early save most memory",
        "channels50 first, where the arena or flash is too large: it loses accuracy that "
        "fine-tuning brings back in part",
        ("tflm", "ethos-u55"),
    ),
    "browser": Recommendation(
        "static_wi8_ai8",
        "tflite",
        "uint8 or float32: LiteRT.js has no int8 ends",
        "LiteRT.js 2.5, or ONNX Runtime Web for .onnx",
        "the file is downloaded before anything is seen: a quarter of the bytes counts first",
        "nothing to train; check the drop with kerascnn verify",
        ("browser",),
    ),
    "server": Recommendation(
        "static_wi8_ai8",
        "onnx",
        "uint8 in; any batch",
        "ONNX Runtime or OpenVINO on a processor with VNNI",
        "QLinearConv with unsigned activations is what both fuse; float32 stays the choice on a "
        "processor without int8 dot products",
        "nothing to train; a small network may be slower than in float: measure it",
        ("onnxruntime", "openvino"),
    ),
}


def recommend(target: str) -> Recommendation:
    """The row of the table for a target.

    Raises:
        UserError: a target that is none of `TARGETS`.
    """
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    return TARGETS[target]


def objections(path: str | Path, advice: Recommendation) -> list[str]:
    """What speaks against a .tflite or .onnx file on that hardware, in sentences.

    Raises:
        UserError: no such file, or one that cannot be read.
    """
    content = read_content(path)
    found = []
    if Path(path).suffix != f".{advice.format}":
        article = "an" if advice.format == "onnx" else "a"
        found.append(f"{article} .{advice.format} file is what runs there")
    if content.arithmetic != "int8":
        found.append(f"it computes in {content.arithmetic}; the recipe {advice.recipe} gives int8")
    if content.islands:
        first = content.islands[0]
        found.append(
            f"{len(content.islands)} operators compute in float, the first {first.operator} "
            f"({first.tensor})"
        )
    if content.foreign:
        found.append(f"it needs operators of others: {', '.join(content.foreign)}")
    floats = [end.name for end in content.inputs if end.dtype == "float32"]
    if floats and content.arithmetic == "int8" and "ethos-u55" in advice.lanes:
        found.append(f"its input {floats[0]} is float32; write it with --io uint8")
    per_channel, per_tensor = content.scales
    if advice.recipe.endswith("per_tensor") and per_channel > per_tensor:
        found.append("its weights have a scale for each channel; the recipe gives one a tensor")
    return found


def way(source: str | Path, advice: Recommendation) -> list[str]:
    """The commands that make the recommended file of a run or a .keras file."""
    name = str(source)
    if Path(source).suffix in (".tflite", ".onnx"):
        return [shlex.join(["kerascnn", "benchmark", name, "--lanes", ",".join(advice.lanes)])]
    convert = ["kerascnn", "convert", name, "--to", advice.format, "--recipe", advice.recipe]
    if not advice.trains:
        return [shlex.join(convert)]
    return [
        shlex.join(["kerascnn", "compress", name, "--recipe", advice.recipe]),
        shlex.join(convert),
    ]
