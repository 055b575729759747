"""Int8 files of ours against those that each runtime's own post-training quantization makes.

    python -m benchmarks.int8_files [--runs 500] ['resnet*' 'shufflenet*']

An .onnx file against `onnxruntime.quantization.quantize_static` of our float .onnx file (QDQ,
uint8 activations, int8 weights per channel, after `quant_pre_process`); a .tflite file against
`tf.lite.TFLiteConverter` with a representative data set. All are calibrated on the same images,
with weights of `benchmarks.signal_weights`. Theirs get normalized numbers: the normalization,
which in ours is part of the input's scale, does not count against them. The clock sees the
inference alone, one thread, one image, files in turns. Ratios are of medians; the spread is where
95 % of resampled turns lie.
"""

import argparse
import fnmatch
import tempfile
from pathlib import Path

import keras
import numpy as np

from benchmarks.ratios import Ratio
from benchmarks.signal_weights import carry_signal, photographs
from benchmarks.tables import show
from benchmarks.zoo_matrix import small
from export.runtimes.benchmarking import benchmark
from kerascnn import export

NETWORKS = (
    "resnet8",
    "resnet20",
    "ds_cnn",
    "mobilenet_v1_025",
    "mobilenet_v2_035",
    "shufflenet_v1_g3_x0_5",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "densenet40_12",
)
IMAGES = 64
ORT_LIMIT, LITE_LIMIT = 0.98, 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--runs", type=int, default=500)
    options = parser.parse_args()
    found = ratios(options.patterns, options.runs)
    show("int8 files, ours over theirs", [ratio.row() for ratio in found])


def ratios(patterns: list[str] | tuple[str, ...] = ("*",), runs: int = 500) -> list[Ratio]:
    """The ratios of the networks that match: time of both kinds of file, bytes of .tflite."""
    chosen = [n for n in NETWORKS if any(fnmatch.fnmatch(n, p) for p in patterns)]
    found = []
    for name in chosen:
        found += compared(name, runs)
        keras.backend.clear_session()
    return found


def compared(name: str, runs: int) -> list[Ratio]:
    """The ratios of one network."""
    model = small(name)
    pixels = photographs(model.input_shape[1:], IMAGES)
    carry_signal(model, pixels)
    ours = export.quantize(model, pixels.astype("float32"), pixels=True)
    front = model.get_layer("normalize")
    core = keras.Model(front.output, model.output, name=name)
    images = np.asarray(front(pixels.astype("float32")))
    with tempfile.TemporaryDirectory() as folder:
        files = {kind: Path(folder) / f"ours.{kind}" for kind in ("onnx", "tflite")}
        for kind, path in files.items():
            path.write_bytes(export.convert(ours, kind, pixels=True))
        quantized = Path(folder) / "ort.onnx"
        quantize_static(export.convert(core, "onnx", pixels=False), images, quantized)
        converted = Path(folder) / "converter.tflite"
        converted.write_bytes(post_training(core, images))
        shape = "x".join(map(str, model.input_shape[1:]))
        return [
            _timed(f"{name}.onnx, {shape}", "ONNX Runtime's static QDQ", ORT_LIMIT,
                   [quantized, files["onnx"]], runs),
            _timed(f"{name}.tflite, {shape}", "TFLiteConverter's PTQ", LITE_LIMIT,
                   [converted, files["tflite"]], runs),
            _bytes(f"{name}.tflite, bytes", converted, files["tflite"]),
        ]  # fmt: skip


def _timed(what, against, wanted, paths, runs):
    _, own = benchmark(paths, runs=runs)
    note = f"{own.median:.3f} ms"
    return Ratio(what, against, own.ratio, *own.interval, wanted, note=note)


def _bytes(what, other, own):
    sizes = own.stat().st_size, other.stat().st_size
    ratio = sizes[0] / sizes[1]
    note = f"{sizes[0]:,} bytes"
    return Ratio(what, "TFLiteConverter's PTQ", ratio, ratio, ratio, LITE_LIMIT, note=note)


def quantize_static(content: bytes, images: np.ndarray, path: Path) -> None:
    """Writes what ONNX Runtime makes of a float .onnx file and images that it takes."""
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        rows = iter(images)

        def get_next(self):
            image = next(self.rows, None)
            return None if image is None else {name: image[None]}

    source = path.with_suffix(".float.onnx")
    source.write_bytes(content)
    name = _first_input(source)
    quant_pre_process(source, source, skip_symbolic_shape=True)  # all are fixed
    quantize_static(
        source,
        path,
        Reader(),
        quant_format=QuantFormat.QDQ,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        per_channel=True,
    )


def _first_input(path):
    import onnx

    return onnx.load(path).graph.input[0].name


def post_training(model: keras.Model, images: np.ndarray) -> bytes:
    """What TensorFlow's converter makes of a float model: int8 throughout, bytes at the ends."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[None]] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.uint8
    return converter.convert()


if __name__ == "__main__":
    main()
