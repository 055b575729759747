"""Quantization-aware training: the native engine against tfmot, on this machine.

    python benchmarks/qat_engines.py
    python benchmarks/qat_engines.py --parts speed
    KERASCNN_DATA=... python benchmarks/qat_engines.py --data cifar10 --out docs/qat_engines.md

accuracy: each network is trained as a float model, then fine-tuned for int8 by both engines: the
same weights, batches, optimizer and schedule. "within 1 step" is the share of outputs where the
converted file differs by at most one step from the simulation it was converted from, on the test
images.

speed: of training untrained networks, in turns within one process, on one batch that stays in
memory. The ratio is the median over the rounds, and what counts, since a busy machine slows both.

files: for untrained networks, whether an engine gives a file, and one all in int8.

Expected: accuracies within a point of each other, the ratio at least 0.9.
"""

import argparse
import dataclasses
import itertools
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1]))

import keras
import numpy as np
import tensorflow as tf
import tf_keras
from rich.console import Console
from rich.table import Table

from export.compression import tf_keras_training, tfmot_engine
from export.compression.qat import calibrate, quantize
from export.compression.recipe import Recipe
from export.compression.recipe_stages import FineTune
from export.conversion import convert
from export.runtimes import Artifact
from export.verification import Reference, accuracy, judge, predict
from kerascnn.config import Config, Normalize
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.files import write_text
from kerascnn.models import build
from kerascnn.models.graph import normalized
from kerascnn.training import fit, load_model, run_model
from kerascnn.training.optimizers import make_optimizer

PARTS = ("accuracy", "speed", "files")
NETWORKS = ("resnet8", "mobilenet_v1_025")
CAPABLE_OF = (
    "resnet20", "resnet50_v2", "resnext50_32x4d", "densenet40_12", "mobilenet_v2_035",
    "shufflenet_v1_g3_x0_5", "shufflenet_v2_x0_5", "xception", "fractalnet20",
    "applications.MobileNetV3Small", "applications.EfficientNetB0", "applications.DenseNet121",
    "applications.InceptionV3", "applications.ResNet50", "applications.VGG16",
)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", default=PARTS, choices=PARTS)
    parser.add_argument("--networks", nargs="*", default=NETWORKS)
    parser.add_argument("--capable-of", nargs="*", default=CAPABLE_OF, metavar="NETWORK")
    parser.add_argument("--data", default="digits", choices=("digits", "mnist", "cifar10"))
    parser.add_argument("--images", type=int, default=5000, help="training images, at most")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--fine-tune", type=int, default=3, help="epochs of each engine")
    parser.add_argument("--rounds", type=int, default=11, help="of the measurement of speed")
    parser.add_argument("--steps", type=int, default=3, help="of training in each round")
    parser.add_argument("--batch", type=int, default=64, help="images in each of these steps")
    parser.add_argument("--out", type=Path, help="a page of Markdown")
    options = parser.parse_args()
    tables = {}
    for part in options.parts:
        if part == "accuracy":
            rows = [row for name in options.networks for row in compare(name, options)]
            title = (
                f"Accuracy: {options.images:,} images of {options.data}, {options.epochs} epochs, "
                f"{options.fine_tune} of fine-tuning"
            )
        elif part == "speed":
            rows = [training_speed(name, options) for name in options.networks]
            title = f"Speed: images a second while training, batches of {options.batch}"
        else:
            rows = [capability(name) for name in options.capable_of]
            title = "Files: of untrained networks, small images"
        tables[title] = rows
        show(title, rows)
        if options.out:
            write_text(options.out, page(tables))


def compare(name, options):
    """Three rows: the float network and each engine."""
    config = configured(name, options.data, options.epochs, peak=0.05)
    data = subset(load_data(config.data), options.images)
    images, labels = data.pixels(data.test), data.test.labels
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = trained(run_model(config, data, "float32"), data, config, folder / "float")
        fine_tune = FineTune(epochs=options.fine_tune, peak=0.005)
        tuned = configured(name, options.data, fine_tune.epochs, peak=fine_tune.peak)

        start = time.perf_counter()
        native = quantize(model)
        calibrate(native, calibration(data))
        seconds = [time.perf_counter() - start]
        native = trained(native, data, tuned, folder / "native")

        start = time.perf_counter()
        simulation = tfmot_engine.quantize(model, calibration(data))
        seconds.append(time.perf_counter() - start)
        tf_keras_training.fit(simulation.model, data, fine_tune, tuned, folder / "tfmot")

        expected = Reference(images, labels, predict(model, images), 0.0)
        reached = accuracy(expected.logits, labels)
        rows = [{"network": name, "engine": "float", "top-1": reached}]
        made = {
            "native": (native, lambda: convert(native, "tflite")),
            "tfmot": (simulation.model, simulation.to_tflite),
        }
        for (engine, (simulated, write)), quantizing in zip(made.items(), seconds, strict=True):
            logits = predict(simulated, images)
            reference = Reference(images, labels, logits, reached)
            row = {"network": name, "engine": engine, "top-1": accuracy(logits, labels)}
            row |= {"quantize s": quantizing} | converted(write, reference, folder)
            rows.append(row)
    return rows


def configured(name, data, epochs, peak):
    """The config of a run on 32x32 pixels."""
    images = {"name": data, "size": (32, 32), "batch_size": 128, "channels": 3}
    optimizer = {"weight_decay": 1e-4, "schedule": {"name": "cosine", "peak": peak}}
    sections = {"data": images, "optimizer": optimizer, "training": {"epochs": epochs}}
    return Config(model={"name": name}, **sections)


def subset(data, count):
    """At most `count` images to train on, a fifth of that to validate, and as many to test."""
    sizes = {"train": count, "validation": count // 5, "test": count}
    parts = {
        k: getattr(data, k).take(np.arange(len(getattr(data, k)))[:n]) for k, n in sizes.items()
    }
    return dataclasses.replace(data, **parts)


def calibration(data):
    return (images for images, _ in data.batches(data.train).take(8))


def trained(model, data, config, folder):
    """The best epoch of a Keras 3 model."""
    folder.mkdir()
    fit(model, data, config.optimizer, config.training, folder, checkpoints=folder / "kept")
    return load_model(folder / "kept" / "best.keras")


def converted(write, reference, folder):
    """Time and bytes of a conversion, and how the file agrees with its simulation."""
    start = time.perf_counter()
    data = write()
    seconds = time.perf_counter() - start
    path = folder / "model.tflite"
    path.write_bytes(data)
    with Artifact(path) as artifact:
        verdict = judge(artifact, reference, Recipe(name="any"))
    return {
        "file top-1": verdict.accuracy["artifact"],
        "within 1 step": verdict.checks[0].measured,
        "convert s": seconds,
        "bytes": len(data),
    }


def training_speed(name, options):
    """Images a second of both, and the ratio, one round of each after the other."""
    config = configured(name, options.data, options.rounds, peak=0.005)
    network = normalized(build(name, input_shape=(32, 32, 3), num_classes=10), Normalize())
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (options.batch, 32, 32, 3)).astype("float32")
    batch = tf.constant(images), tf.constant(rng.integers(0, 10, options.batch))
    batches = tf.data.Dataset.from_tensors(batch).cache().repeat()
    native = quantize(network)
    calibrate(native, [images])
    tfmots = tfmot_engine.quantize(network, [images]).model
    length = {"steps_per_epoch": options.steps, "epochs": options.rounds + 1}
    optimizers = (
        make_optimizer(config.optimizer, native.trainable_variables, **length),
        tf_keras_training.make_optimizer(config.optimizer, 1e-4, tfmots.trainable_variables),
    )
    models = native, tfmots
    for model, home, optimizer in zip(models, (keras, tf_keras), optimizers, strict=True):
        loss = home.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, jit_compile=False)

    def speed(model):
        start = time.perf_counter()
        model.fit(batches, steps_per_epoch=options.steps, shuffle=False, verbose=0)
        return options.steps * options.batch / (time.perf_counter() - start)

    speed(native), speed(tfmots)
    rounds = np.array([[speed(native), speed(tfmots)] for _ in range(options.rounds)])
    first, second = np.median(rounds, axis=0).tolist()
    ratio = float(np.median(rounds[:, 0] / rounds[:, 1]))
    return {"network": name, "native": first, "tfmot": second, "native / tfmot": ratio}


def capability(name):
    """What each engine makes of a network: "int8", the operators left float, or why nothing."""
    model = untrained(name)
    shape = model.input_shape[1:]
    images = np.random.default_rng(0).integers(0, 256, (4, *shape)).astype("float32")
    row = {"network": name, "input": "x".join(map(str, shape))}

    def natively():
        simulated = quantize(model)
        calibrate(simulated, [images])
        return convert(simulated, "tflite")

    for engine, write in (
        ("native", natively), ("tfmot", lambda: tfmot_engine.quantize(model, [images]).to_tflite()),
    ):  # fmt: skip
        start = time.perf_counter()
        try:
            row[engine] = float_operators(write()) or "int8"
        except UserError as error:
            row[engine] = str(error)
        row[f"{engine} s"] = time.perf_counter() - start
    keras.utils.clear_session()
    return row


def untrained(name):
    """A network with ten classes, 64 pixels wide where it can be."""
    library, _, kind = name.rpartition(".")
    for side in (64, 96, None):
        try:
            if library:
                return getattr(keras.applications, kind)(
                    weights=None, input_shape=(side, side, 3), classes=10,
                    classifier_activation=None,
                )  # fmt: skip
            return build(name, input_shape=side and (side, side, 3), num_classes=10)
        except (UserError, ValueError):
            if side is None:
                raise


def float_operators(data):
    """The operators of a .tflite file that compute with floats, in words; "" for none."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data)
    details = {t["index"]: t["dtype"] for t in interpreter.get_tensor_details()}
    found = [
        op["op_name"]
        for op in interpreter._get_ops_details()
        if any(details.get(i) is np.float32 for i in (*op["inputs"], *op["outputs"]))
    ]
    return ", ".join(
        f"{len(list(group))} {kind}" for kind, group in itertools.groupby(sorted(found))
    )


def cells(rows):
    """The columns of rows, dicts of figures, and what stands in them."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    return columns, [[written(row.get(column)) for column in columns] for row in rows]


def show(title, rows):
    """Prints rows as a table."""
    columns, lines = cells(rows)
    table = Table(*columns, title=title)
    for line in lines:
        table.add_row(*line)
    Console(width=150).print(table)


def page(tables):
    """The tables, title -> rows, as a page of Markdown."""
    lines = [
        "# Quantization-aware training: the native engine and tfmot",
        "",
        "Written by `benchmarks/qat_engines.py`, the head of which says what is measured.",
    ]
    for title, rows in tables.items():
        columns, found = cells(rows)
        lines += ["", f"## {title}", ""]
        lines += [f"| {' | '.join(line)} |" for line in (columns, ["---"] * len(columns), *found)]
    return "\n".join(lines) + "\n"


def written(value):
    if isinstance(value, float):
        return f"{value:.4f}" if value < 1.5 else f"{value:,.1f}"
    return "" if value is None else f"{value:,}" if isinstance(value, int) else value


if __name__ == "__main__":
    main()
