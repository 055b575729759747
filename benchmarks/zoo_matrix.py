"""Every network of the zoo in four files, delivered as a user's model is: run, compared, kept.

    python -m benchmarks.zoo_matrix --out docs/zoo_matrix.md 'resnet*' 'vgg*'

A row is printed and written as soon as it is measured. Networks whose row stands on the page are
not measured again but with --again, so the same command goes on where it was interrupted.

Weights and images are those of `benchmarks.signal_weights`: signal, and not noise.

Columns: what `export.deliver` measured. Largest difference of an output from the Keras model, as a
share of the largest (float32 files); outputs within one step of the simulation (int8 files).
"""

import argparse
import datetime
import fnmatch
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import keras

import kerascnn
from benchmarks.signal_weights import carry_signal, photographs
from kerascnn import export
from kerascnn.config import Normalize
from kerascnn.errors import UserError
from kerascnn.files import write_text
from kerascnn.models import models, variant
from kerascnn.models.graph import normalized

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
KINDS = ("tflite", "onnx")
DIFFERENCE, NEAR = "largest difference", "outputs within 1 step"  # how the names of checks begin
NOT_YET_RUN = "not yet run"
HEADINGS = (
    "| network | input | float32 .tflite | float32 .onnx | int8 .tflite | int8 .onnx | run | |"
)


@dataclass(frozen=True)
class Measured:
    """One line of the matrix.

    figures: "float32.tflite" and the like -> what its verdict measured; it lacks files that were
    refused. refusal: why, or empty. seconds: for all of it.
    """

    name: str
    shape: tuple
    figures: dict[str, float] = field(default_factory=dict)
    refusal: str = ""
    seconds: float = 0.0

    @property
    def passed(self):
        return not self.refusal and len(self.figures) == 2 * len(KINDS)


def measure(model):
    """Gives a model (raw pixels -> outputs) a signal, and delivers the four files of it."""
    started = time.perf_counter()
    compared = photographs(model.input_shape[1:], COMPARED)
    calibrated = compared[:IMAGES]
    carry_signal(model, calibrated)
    figures, refusals = {}, []
    for precision, evidence in (("float32", calibrated), ("int8", compared)):
        try:
            made = model
            if precision == "int8":
                made = export.quantize(model, calibrated.astype("float32"), pixels=True)
            found, errors = delivered(made, precision, evidence)
            figures.update(found)
            refusals += errors
        except UserError as error:
            refusals.append(str(error))
    seconds = time.perf_counter() - started
    shape = tuple(model.input_shape[1:])
    return Measured(model.name, shape, figures, "; ".join(refusals), seconds)


def delivered(model, precision, evidence):
    """({name of a file: its figure}, [why one was refused]) of the files of a model."""
    figures, refusals = {}, []
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{precision}.{kind}" for kind in KINDS]
        try:
            made = export.deliver(model, files, evidence=evidence, pixels=True, batch=None)
        except export.DeliveryError as error:
            made = error.deliveries
            refusals.append(str(error).replace(f"{folder}/", ""))
        for delivery in made:
            if delivery.verdict is None:
                continue
            if delivery.verdict.doubt:
                refusals.append(f"{delivery.path.name} {delivery.verdict.doubt}")
            checks = delivery.verdict.checks
            near = [c.measured for c in checks if c.name.startswith(NEAR)]
            off = [c.measured for c in checks if c.name.startswith(DIFFERENCE)]
            figures[delivery.path.name] = min(near) if near else max(off)
    return figures, refusals


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


def main():
    """Measures the networks that match and have no row yet, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--out", type=Path)
    parser.add_argument("--again", action="store_true", help="measure what has a row, too")
    options = parser.parse_args()
    chosen = [n for n in of_images() if any(fnmatch.fnmatch(n, p) for p in options.patterns)]
    rows = known(options.out) if options.out and options.out.exists() else {}
    failed = []
    for name in chosen:
        if name in rows and not options.again:
            continue
        measured = measure(small(name))
        keras.backend.clear_session()
        rows[name] = line(measured, datetime.datetime.now(datetime.UTC).date())
        print(rows[name], f"{measured.seconds:.0f} s", flush=True)
        failed += [] if measured.passed else [name]
        if options.out:
            write_text(options.out, page(rows))
    sys.exit(bool(failed))


def known(path):
    """The rows that were measured before and stand on a page: name -> line."""
    rows = [row for row in path.read_text().splitlines() if row.startswith("| ")]
    if not rows or rows[0] != HEADINGS:  # of another table
        return {}
    measured = {row.split(" | ")[0].removeprefix("| "): row for row in rows[1:]}
    return {name: row for name, row in measured.items() if not row.endswith(f"| {NOT_YET_RUN} |")}


def page(rows):
    """The rows as a page of Markdown, all networks on it."""
    passed = sum(row.endswith("|  |") for row in rows.values())
    waiting = [f"| {name} |  |  |  |  |  |  | {NOT_YET_RUN} |" for name in of_images()]
    lines = [
        "# The zoo in four files",
        "",
        f"{passed} of {len(rows)} networks pass, of {len(waiting)}. Written by",
        "`python -m benchmarks.zoo_matrix`, on the weights and images of",
        "`benchmarks/signal_weights.py`. The files are those that `export.deliver` keeps, and the",
        "figures are of its verdict: the largest difference of an output from the Keras model, as",
        "a share of the largest; the share of int8 outputs within one step of the simulation.",
        "Images are small where the network takes smaller ones. Where one has more than a hundred",
        "residual branches, they share the signal; as loud as it each, no file could follow its",
        "simulation.",
        "",
        HEADINGS,
        "|---|---|---|---|---|---|---|---|",
        *[rows.get(name, row) for name, row in zip(of_images(), waiting, strict=True)],
    ]
    return "\n".join(lines) + "\n"


def line(m, day):
    """One row of the table, measured on a day."""
    floats = [m.figures.get(f"float32.{kind}") for kind in KINDS]
    shares = [m.figures.get(f"int8.{kind}") for kind in KINDS]
    cells = ["" if v is None else f"{v:.1e}" for v in floats]
    cells += ["" if v is None else f"{v:.2%}" for v in shares]
    verdict = "" if m.passed else m.refusal.replace("|", "/") or "FAILED"
    size = "x".join(map(str, m.shape))
    return "| " + " | ".join([m.name, size, *cells, day.isoformat(), verdict]) + " |"


if __name__ == "__main__":
    main()
