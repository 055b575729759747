"""The name that says what a recipe does.

    [channels50_ | latency50_litert_][pruned50_ | pruned2of4_][clustered16_][method]

    float32, float16      as it is, in single or half precision
    qat_wi8_ai8           quantization-aware training, weights int8, activations int8
    static_wi8_ai8        the same integers without training
    static_wi8_ai16       weights int8, activations int16 (the method int16x8)
    dynamic_wi8           weights int8, activations rounded as they come
    ..._per_tensor        one scale a kernel, not one an output channel
    ..._images2048        ranges from so many images, where they are not 512
    ..._percentile, ..._least_squares    narrower ranges
    ..._equalized, ..._corrected         channels of like ranges; biases that keep the means
    ..._distilled         the float network teaches in the training
    ..._float2            two layers, or patterns of layers, left float
    tfmot_...             this stage by tensorflow-model-optimization
    deep_compression      pruned, clustered, and packed with a Huffman code

Numbers are percent of the multiply-accumulates that stay, percent of the weights that are zero, and
values a kernel may take.
"""

from .recipe import Recipe
from .stages import Calibration

METHODS = {
    "qat": "qat_wi8_ai8",
    "static": "static_wi8_ai8",
    "dynamic": "dynamic_wi8",
    "float16": "float16",
    "int16x8": "static_wi8_ai16",
}


def recipe_name(recipe: Recipe) -> str:
    """Returns the name of a `Recipe` by its content; whoever writes one may call it otherwise."""
    if recipe.container:
        return "deep_compression"
    parts = []
    if recipe.channels:
        parts.append(_by_target(recipe.channels))
    if recipe.pruning:
        share = "2of4" if recipe.pruning.pattern == "2:4" else _percent(recipe.pruning.sparsity)
        parts.append(_by_engine(recipe.pruning, f"pruned{share}"))
    if recipe.clustering:
        parts.append(_by_engine(recipe.clustering, f"clustered{recipe.clustering.values('')}"))
    if recipe.quantization:
        scales = "" if recipe.quantization.per_channel else "_per_tensor"
        name = METHODS[recipe.quantization.method] + scales + _refinements(recipe.quantization)
        parts.append(_by_engine(recipe.quantization, name))
    return "_".join(parts) or "float32"


def _by_target(channels):
    if channels.latency is None:
        return f"channels{_percent(channels.macs)}"
    return f"latency{_percent(channels.latency)}_{channels.measured_on.replace('-', '_')}"


def _refinements(quantization):
    calibration, parts = quantization.calibration, []
    if calibration and calibration.images != Calibration().images:
        parts.append(f"images{calibration.images}")
    if calibration and calibration.ranges != "extremes":
        parts.append(calibration.ranges)
    if quantization.equalize:
        parts.append("equalized")
    if quantization.correct_biases:
        parts.append("corrected")
    if quantization.fine_tune and quantization.fine_tune.distillation:
        parts.append("distilled")
    if quantization.exclude:
        parts.append(f"float{len(quantization.exclude)}")
    return "".join(f"_{part}" for part in parts)


def _by_engine(stage, name):
    return name if stage.engine == "native" else f"{stage.engine}_{name}"


def _percent(share):
    """0.5 -> 50, 0.875 -> 87_5."""
    return f"{100 * share:.6g}".replace(".", "_")
