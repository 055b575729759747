"""What it costs to convert a network and verify the file, against TensorFlow's converter alone.

    python -m benchmarks.convert_cost [--network resnet50] [--side 224] [--rounds 3]

Each is a process of its own, in turns, from the .keras file to the .tflite file on the disk, with
the imports: ours by `export.deliver`, which runs the model and the file on images, compares them
and writes the metadata; the other by `TFLiteConverter.from_keras_model`, which verifies nothing.
int8 against int8: post-training quantization of both, ranges from the same 16 images. Seconds by
the clock, and the most memory that the process had; ours runs the file in another one, which takes
a fraction of it.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from benchmarks.ratios import Ratio, spread
from benchmarks.signal_weights import carry_signal, photographs
from benchmarks.tables import show
from kerascnn.config import Normalize
from kerascnn.models import build
from kerascnn.models.graph import normalized

LIMIT = 1.2
IMAGES = 16
OURS = """
import sys, numpy as np
from kerascnn import export
import keras
model, images, out, precision = sys.argv[1:]
given = np.load(images)["images"]
model = keras.models.load_model(model)
if precision == "int8":
    model = export.quantize(model, given.astype("float32"), pixels=True)
export.deliver(model, [out], evidence=given, pixels=True, accept=True)
"""
OTHER = """
import sys, numpy as np, keras, tensorflow as tf
model, images, out, precision = sys.argv[1:]
converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(model))
if precision == "int8":
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    given = np.load(images)["images"].astype("float32")
    converter.representative_dataset = lambda: ([image[None]] for image in given)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
open(out, "wb").write(converter.convert())
"""
PEAK = """
import resource
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="resnet50")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows = [r.row() for r in ratios(options.network, options.side, options.rounds)]
    show("converting, ours over the converter's", rows)


def ratios(network: str = "resnet50", side: int = 224, rounds: int = 3) -> list[Ratio]:
    """Time and memory of float32 and of int8."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = _prepare(network, side, folder)
        for precision in ("float32", "int8"):
            runs = {"ours": [], "theirs": []}
            for _ in range(rounds):
                for who, program in (("ours", OURS), ("theirs", OTHER)):
                    out = folder / f"{who}_{precision}.tflite"
                    runs[who].append(_run(program, folder / "model.keras", images, out, precision))
            for place, (what, unit, size) in enumerate((("time", "s", 1.0), ("memory", "MB", 1e6))):
                own, other = ([run[place] for run in runs[who]] for who in runs)
                note = f"{np.median(own) / size:,.0f} {unit} over {np.median(other) / size:,.0f}"
                title = f"convert {network} at {side}, {precision}, verified: {what}"
                found.append(Ratio(title, "TFLiteConverter", *spread(own, other), LIMIT, note=note))
    return found


def _prepare(network, side, folder):
    """Writes the model, and the images; returns the path of these."""
    keras.utils.set_random_seed(0)
    model = normalized(build(network, input_shape=(side, side, 3)), Normalize())
    pixels = photographs(model.input_shape[1:], IMAGES)
    carry_signal(model, pixels[:4])
    model.save(folder / "model.keras")
    np.savez(folder / "images.npz", images=pixels)
    keras.backend.clear_session()
    return folder / "images.npz"


def _run(program, *arguments):
    """(seconds, bytes) of a program in a process of its own."""
    started = time.perf_counter()
    command = [sys.executable, "-c", program + PEAK, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    return seconds, int(re.findall(r"^peak (\d+)$", done.stdout, re.MULTILINE)[-1])


if __name__ == "__main__":
    main()
