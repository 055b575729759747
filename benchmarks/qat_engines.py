"""Quantization-aware training: the native engine against tfmot, on this machine.

    python -m benchmarks.qat_engines
    python -m benchmarks.qat_engines --parts speed
    KERASCNN_DATA=... python -m benchmarks.qat_engines --data cifar10 --out docs/qat_engines.md

accuracy: each network is trained as a float model, then fine-tuned for int8 by both engines: the
same weights, batches, optimizer and schedule. "frozen": batch normalizations keep their statistics
in the last epoch, as they will run. "within 1 step" is the share of outputs where the
converted file differs by at most one step from the simulation it was converted from, on the test
images.

speed: of training untrained networks, in turns within one process, on one batch that stays in
memory. The ratio is the median over the rounds, and what counts, since a busy machine slows both.

conversion: of untrained networks; "from_keras_model" is how tfmot's guide converts, where both
engines here freeze the graph first.

files: for untrained networks, whether an engine gives a file, and one all in int8.

Expected: accuracies within a point of each other, the ratio at least 0.9.
"""

import argparse
import dataclasses
import os
import tempfile
import time
from datetime import date
from importlib import metadata
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
import tf_keras

from benchmarks.qat_files import CAPABLE_OF, capability, conversion
from benchmarks.tables import page, show
from export.conversion.convert import convert
from export.proof.verification import Reference, judge
from export.quantization.biases import settle_biases
from export.quantization.folded_normalization import FreezeStatistics
from export.quantization.quantizer import calibrate, quantized_model
from export.recipes.recipe import Recipe
from export.recipes.stages import FineTune
from export.runtimes import Artifact
from export.runtimes.machine import machine
from export.tfmot import engine as tfmot_engine
from export.tfmot import tf_keras_training
from kerascnn.config import Config, Normalize
from kerascnn.data import load_data
from kerascnn.evaluation import accuracy, predictions
from kerascnn.files import write_text
from kerascnn.models import build
from kerascnn.models.graph import normalized
from kerascnn.training import fit, load_model, run_model
from kerascnn.training.optimizers import make_optimizer

PARTS = ("accuracy", "speed", "conversion", "files")
CONVERTED = ("resnet8", "mobilenet_v1_025", "densenet40_12", "resnet50_v2")
NETWORKS = ("resnet8", "mobilenet_v1_025")


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
        elif part == "conversion":
            conversion("lenet5")  # the first of a process waits for what is built once
            rows = [conversion(name) for name in CONVERTED]
            title = "Conversion: seconds from a simulation to its .tflite file"
        else:
            rows = [capability(name) for name in options.capable_of]
            title = "Files: of untrained networks, small images"
        tables[title] = rows
        show(title, rows)
        if options.out:
            write_text(options.out, page(head(), tables))


def head():
    """What the page begins with: what it is, and where it was measured."""
    facts, tfmot = machine(), metadata.version("tensorflow-model-optimization")
    return [
        "# Quantization-aware training: the native engine and tfmot",
        "",
        "Written by `python -m benchmarks.qat_engines`, the head of which says what is measured.",
        f"{facts['cpu']}, {facts['cores']} cores; TensorFlow {tf.__version__}, Keras "
        f"{keras.__version__}, tensorflow-model-optimization {tfmot}; {date.today()}.",
    ]


def compare(name, options):
    """A row for the float network, and for what each engine makes of it."""
    config = configured(name, options.data, options.epochs, peak=0.05)
    data = subset(load_data(config.data), options.images)
    images, labels = data.pixels(data.test), data.test.labels
    keras.utils.set_random_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        model = trained(run_model(config, data, "float32"), data, config, folder / "float")
        fine_tune = FineTune(epochs=options.fine_tune, peak=0.005)
        tuned = configured(name, options.data, fine_tune.epochs, peak=fine_tune.peak)

        made = {}
        for engine, last in (("native", 0), ("native, frozen", 1)):
            simulated, seconds = natively(model, data, tuned, folder / engine, last)
            made[engine] = simulated, seconds, lambda model=simulated: convert(model, "tflite")

        start = time.perf_counter()
        simulation = tfmot_engine.quantize(model, calibration(data))
        seconds = time.perf_counter() - start
        tf_keras_training.fit(simulation.model, data, fine_tune, tuned, folder / "tfmot")
        made["tfmot"] = simulation.model, seconds, simulation.to_tflite

        expected = Reference(images, labels, predictions(model, [images])[0], 0.0)
        reached = accuracy(expected.logits, labels)
        rows = [{"network": name, "engine": "float", "top-1": reached}]
        for engine, (simulated, seconds, write) in made.items():
            logits = predictions(simulated, [images])[0]
            reference = Reference(images, labels, logits, reached)
            row = {"network": name, "engine": engine, "top-1": accuracy(logits, labels)}
            row |= {"quantize s": seconds} | converted(write, reference, folder)
            rows.append(row)
    return rows


def natively(model, data, config, folder, last):
    """The native engine's simulation after its training, and the seconds it took to make.

    last: the epochs, at the end, in which batch normalizations keep their statistics.
    """
    start = time.perf_counter()
    simulated = quantized_model(model)
    calibrate(simulated, calibration(data))
    seconds = time.perf_counter() - start
    freeze = FreezeStatistics(config.training.epochs - last)
    simulated = trained(simulated, data, config, folder, [freeze])
    settle_biases(simulated)
    return simulated, seconds


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


def trained(model, data, config, folder, callbacks=()):
    """The best epoch of a Keras 3 model."""
    folder.mkdir()
    fit(
        model,
        data,
        config.optimizer,
        config.training,
        folder,
        checkpoints=folder / "kept",
        callbacks=callbacks,
    )
    return load_model(folder / "kept" / "best.keras")


def converted(write, reference, folder):
    """Time and bytes of a conversion, and how the file agrees with its simulation."""
    write()  # the first of a process waits for what is imported and built once
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
    native = quantized_model(network)
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


if __name__ == "__main__":
    main()
