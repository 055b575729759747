"""The files that the inputs of `benchmarks.fuzz` are made from: a run, images, weights, models."""

import gzip
import shutil
import struct

import numpy as np

from benchmarks.fuzz_readers import ROOT, SHAPE, STAGED
from kerascnn.console import quiet_tensorflow


def make_examples(folder, run=None):
    """Makes the files that inputs are made from, a minute's work.

    Args:
        folder: to be written.
        run: a finished run with float32 and int8 artifacts; None: one is trained and converted.
    """
    import export.cli
    from export.delivery.staging import stage

    made = folder / "run"
    if run is None:
        export.cli.invoke(
            [
                "train",
                str(ROOT / "configs/digits/lenet5.yaml"),
                "--out",
                str(made),
                "training.epochs=3",
            ]
        )
        export.cli.invoke(["evaluate", str(made)])
        for recipe in ("float32", "static_wi8_ai8"):
            export.cli.invoke(["convert", str(made), "--to", "tflite", "onnx", "--recipe", recipe])
        for path in made.glob("model_int8_static.*"):
            path.rename(path.with_name(path.name.replace("int8_static", "int8")))
    else:
        shutil.copytree(run, made)
    files = [str(made / name) for name in ("model_float32.tflite", STAGED)]
    export.cli.invoke(["benchmark", *files, "--runs", "50", "--out", str(made / "benchmark.json")])
    stage([made / STAGED], folder / "staged")
    _make_images(folder)
    shutil.copy(folder / "images" / "first.png", made / "seven.png")
    _make_sources(folder)
    _make_weights(folder)
    _make_models(folder)


def _make_images(folder):
    from PIL import Image

    rng = np.random.default_rng(0)
    (folder / "images").mkdir()
    (folder / "arrays").mkdir()
    for name, size in (("first", (8, 8)), ("second", (13, 21))):
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        for suffix in ("png", "jpg", "bmp", "gif"):
            Image.fromarray(pixels).save(folder / "images" / f"{name}.{suffix}")
    Image.fromarray(pixels[..., 0]).save(folder / "images" / "grey.png")
    images = rng.integers(0, 256, (8, *SHAPE), np.uint8)
    np.save(folder / "arrays" / "bytes.npy", images)
    np.save(folder / "arrays" / "floats.npy", images.astype("float32"))
    np.savez(folder / "arrays" / "one.npz", images)
    np.savez_compressed(folder / "arrays" / "small.npz", images)


def _make_sources(folder):
    rng = np.random.default_rng(1)
    (folder / "sources").mkdir()
    header = bytes([0, 0, 8, 3]) + struct.pack(">III", 20, 28, 28)
    (folder / "sources" / "images.gz").write_bytes(gzip.compress(header + rng.bytes(20 * 28 * 28)))
    records = rng.integers(0, 256, (20, 3073), np.uint8)
    records[:, 0] %= 10
    (folder / "sources" / "batch.bin").write_bytes(records.tobytes())


def _make_weights(folder):
    import keras
    from safetensors.numpy import save_file

    from kerascnn.models import build
    from kerascnn.models.weights.fitting import TORCH
    from kerascnn.models.weights.state_dict_names import SQUEEZENET

    (folder / "weights").mkdir()
    network = build("squeezenet1_1", input_shape=(64, 64, 3), num_classes=10)
    theirs = SQUEEZENET([layer.name for layer in network.layers if layer.weights])
    tensors = {}
    for layer in network.layers:
        for variable in layer.weights:
            array = keras.ops.convert_to_numpy(variable)
            array = array.transpose(TORCH.kernel) if variable.name == "kernel" else array
            tensors[TORCH.name(theirs[layer.name], variable.name)] = np.ascontiguousarray(array)
    save_file(tensors, folder / "weights" / "squeezenet.safetensors")
    keras.applications.MobileNet(alpha=0.25, weights=None, classes=10).save_weights(
        folder / "weights" / "mobilenet.weights.h5"
    )


def _make_models(folder):
    import keras
    from keras import layers

    from export.sharing.clustering import cluster
    from export.sharing.container import encode

    (folder / "models").mkdir()
    keras.utils.set_random_seed(0)
    image = keras.Input(SHAPE)
    x = layers.Conv2D(8, 3, padding="same")(layers.Rescaling(1 / 255)(image))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Add()([x, layers.DepthwiseConv2D(3, padding="same")(x)])
    x = layers.MaxPooling2D()(layers.ZeroPadding2D(1)(x))
    x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    residual = keras.Model(image, x)
    residual.save(folder / "models" / "residual.keras")
    inner = keras.Sequential([keras.Input((16,)), layers.Dense(12, activation="relu")])
    plain = keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, 2),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(16),
            inner,
            layers.Dense(3),
        ]
    )
    plain.save(folder / "models" / "plain.keras")
    for model, name in ((residual, "residual.h5"), (plain, "plain.h5")):
        with quiet_tensorflow():  # Keras calls the format legacy
            model.save(folder / "models" / name)
    residual = cluster(residual, 16)
    (folder / "models" / "residual.kcnn").write_bytes(encode(residual))
