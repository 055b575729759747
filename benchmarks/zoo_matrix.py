"""Every network of the zoo in four files, each run and compared with its model.

    python -m benchmarks.zoo_matrix --out docs/zoo_matrix.md 'resnet*' 'vgg*'

The page keeps the rows of networks that are not measured this time.

Weights and images are those of `benchmarks.signal_weights`: signal, and not noise.

Columns: largest difference of a logit from the Keras model (float32 files; logits of variance 1);
outputs within one step of the simulation (int8 .tflite), and within one step of the int8 .tflite
(int8 .onnx).
"""

import argparse
import fnmatch
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

import kerascnn
from benchmarks.signal_weights import carry_signal, photographs
from export.conversion.onnx import to_onnx
from export.conversion.tflite import to_tflite
from export.proof.checks import in_steps
from export.quantization.biases import settle_biases
from export.quantization.quantizer import calibrate, quantized_model
from export.runtimes import Artifact
from export.runtimes.tflite_content import float_operators
from kerascnn.config import Normalize
from kerascnn.errors import UserError
from kerascnn.files import write_text
from kerascnn.models import models, variant
from kerascnn.models.graph import normalized

FLOAT = 1e-4  # float32 sums in another order; a wrong layer is far outside
STEPS = 0.999  # of int8 outputs within a step of the simulation
SIDES = {  # the side of the image, where 32 pixels are too few, or more than a machine can wait for
    "alexnet": 67,
    "zfnet": 63,
    "nin_imagenet": 55,
    "googlenet": 79,
    "inception": 79,
    "squeezenet": 61,
    "densenet1": 64,
    "densenet2": 64,
    "xception": 71,
    "ds_cnn": None,
    "inception_module": 14,
    "resnext29": 16,
    "densenet_bc190": 16,
    "densenet_bc250": 16,
    "resnet1001": 16,
    "resnet1202": 16,
    "inception_v3_aux": None,
}
CLASSES = 10
IMAGES = 64  # that set weights, statistics and ranges
COMPARED = 512  # through int8 and its simulation: of 64 images, one output is over 0.1 %


@dataclass(frozen=True)
class Measured:
    """One line of the matrix; None where a file was not made, and `refusal` says why."""

    name: str
    shape: tuple
    float_tflite: float | None = None
    float_onnx: float | None = None
    int8_tflite: float | None = None
    int8_onnx: float | None = None
    refusal: str = ""
    seconds: float = 0.0

    @property
    def passed(self):
        values = (self.float_tflite, self.float_onnx, self.int8_tflite, self.int8_onnx)
        return (
            not self.refusal
            and None not in values
            and (max(values[:2]) <= FLOAT and values[2] >= STEPS and values[3] == 1.0)
        )


def measure(model):
    """Gives a model (raw pixels -> logits) a signal, makes the four files and compares them."""
    started = time.perf_counter()
    compared = photographs(model.input_shape[1:], COMPARED)
    pixels = compared[:IMAGES]
    carry_signal(model, pixels)
    figures = {"shape": tuple(model.input_shape[1:])}
    refusals = []
    wanted = predict(model, pixels)
    for key, convert in (("float_tflite", to_tflite), ("float_onnx", to_onnx)):
        try:
            got, _ = run(convert(model, batch=None), key)(pixels)
            figures[key] = max(float(np.abs(a - b).max()) for a, b in zip(got, wanted, strict=True))
        except UserError as error:
            refusals.append(str(error))
    try:
        simulated = quantized_model(model)
        calibrate(simulated, [pixels.astype("float32")])
        settle_biases(simulated)
        made = to_tflite(simulated, batch=None)
        if floats := float_operators(made):
            refusals.append(f"computes {', '.join(floats)} in float")
        integers, ends = run(made, "int8_tflite")(compared)
        steps = map(in_steps, predict(simulated, compared), ends)
        figures["int8_tflite"] = within_a_step(integers, steps)
        others, _ = run(to_onnx(simulated, batch=None), "int8_onnx")(pixels)
        figures["int8_onnx"] = within_a_step(others, [x[:IMAGES] for x in integers])
    except UserError as error:
        refusals.append(str(error))
    seconds = time.perf_counter() - started
    return Measured(model.name, **figures, refusal="; ".join(refusals), seconds=seconds)


def small(name):
    """The network of a row at a small image, normalization included: raw pixels -> 10 logits."""
    row = variant(name).row
    side = next((s for prefix, s in reversed(SIDES.items()) if name.startswith(prefix)), 32)
    if side is None or min(row.input_shape[:2]) <= side:
        shape = row.input_shape
    else:
        shape = (side, side, row.input_shape[2])
    keras.utils.set_random_seed(0)
    classes = {} if name.startswith("inception_module") else {"num_classes": CLASSES}
    return normalized(kerascnn.build(name, input_shape=shape, **classes), Normalize())


def of_images():
    """The networks that take images; others take sequences or clips."""
    return [name for name in models() if len(variant(name).row.input_shape) == 3]


def predict(model, pixels):
    """The outputs of a model, in a list."""
    made = model.predict(pixels.astype("float32"), batch_size=IMAGES, verbose=0)
    return keras.tree.flatten(made)


def within_a_step(found, wanted):
    """The least share, of any output, that differs by a step at most."""
    pairs = zip(found, wanted, strict=True)
    return min(float((np.abs(a.astype(int) - b.astype(int)) <= 1).mean()) for a, b in pairs)


def run(made, key):
    """Loads the bytes of a file; returns a function pixels -> (outputs, facts of the outputs)."""

    def outputs(pixels):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"model.{key.split('_')[1]}"
            path.write_bytes(made)
            with Artifact(path) as artifact:
                return artifact.run([pixels]), artifact.outputs

    return outputs


def main():
    """Measures the networks that match, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    chosen = [n for n in of_images() if any(fnmatch.fnmatch(n, p) for p in options.patterns)]
    rows = known(options.out) if options.out and options.out.exists() else {}
    failed = []
    for name in chosen:
        measured = measure(small(name))
        keras.backend.clear_session()
        rows[name] = line(measured)
        print(rows[name], flush=True)
        failed += [] if measured.passed else [name]
        if options.out:
            write_text(options.out, page([rows[name] for name in of_images() if name in rows]))
    sys.exit(bool(failed))


def known(path):
    """The rows of a page that was written before: name -> line. Other patterns add to them."""
    rows = [row for row in path.read_text().splitlines() if row.startswith("| ")]
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows[1:]}


def page(rows):
    """The rows as a page of Markdown."""
    passed = sum(row.endswith("|  |") for row in rows)
    lines = [
        "# The zoo in four files",
        "",
        f"{passed} of {len(rows)} networks pass. Written by `python -m benchmarks.zoo_matrix`, on",
        "the weights and images of `benchmarks/signal_weights.py`. Limits: float32 logits within",
        f"{FLOAT:g} of Keras; int8 `.tflite` within one step of its simulation on {STEPS:.1%} of",
        "the outputs; int8 `.onnx` within one step of the `.tflite` on all. Images are small where",
        "the network takes smaller ones. Where a network has more than a hundred residual",
        "branches, they share the signal; as loud as it each, no file could follow its simulation.",
        "",
        "| network | input | float32 .tflite | float32 .onnx | int8 .tflite | int8 .onnx | |",
        "|---|---|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def line(m):
    """One row of the table."""
    floats = ["" if v is None else f"{v:.1e}" for v in (m.float_tflite, m.float_onnx)]
    shares = ["" if v is None else f"{v:.2%}" for v in (m.int8_tflite, m.int8_onnx)]
    verdict = "" if m.passed else m.refusal or "FAILED"
    size = "x".join(map(str, m.shape))
    return "| " + " | ".join([m.name, size, *floats, *shares, verdict]) + " |"


if __name__ == "__main__":
    main()
