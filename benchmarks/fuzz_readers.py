"""The readers that `benchmarks.fuzz` feeds: what each is given, and how a user would reach it.

A reader gets a fresh folder and the bytes of an input, writes them there and reads them. It raises
`UserError` where the input is refused; whatever else it raises is a defect.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import mutated_formats as formats
from benchmarks import mutations
from kerascnn.errors import UserError

ROOT = Path(__file__).parents[1]
SHAPE = (8, 8, 3)  # of images that are read
STAGED = "model_int8.tflite"


@dataclass(frozen=True)
class Reader:
    """title: for the page. examples: paths, patterns of the folder of `fuzz_examples` or of ROOT.

    change: (examples, generator) -> the bytes of an input. read: (folder, bytes, examples' folder).
    share: how many inputs of 1000 it gets; an engine costs a process each.
    """

    title: str
    examples: tuple[str, ...]
    change: Callable
    read: Callable
    share: int


def plainly(name, read):
    """A reader of one file called `name`."""

    def go(folder, data, _):
        (folder / name).write_bytes(data)
        read(folder / name)

    return go


def in_run(name, read):
    """A reader of the file `name` of a run; the other files of the run are links."""

    def go(folder, data, examples):
        for path in (examples / "run").rglob("*"):
            if path.is_file():
                link = folder / path.relative_to(examples / "run")
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        (folder / name).unlink()
        (folder / name).write_bytes(data)
        from kerascnn.training import open_run

        read(open_run(folder))

    return go


def read_config(path):
    from kerascnn.config import load
    from kerascnn.models import variant

    config = load(path)
    variant(config.model.name).check(config.model.arguments)


def read_recipe(path):
    from export.recipes.recipe import load_recipe

    load_recipe(str(path))


def read_facts(run):
    from export.reporting import records
    from kerascnn.evaluation import predict

    records.read_outcome(run, "train")
    records.read_evaluation(run, "evaluate")
    records.read_all_metadata(run)
    predict(run, [run.path / "seven.png"])


def read_records(run):
    from export.reporting import records

    records.read_evaluation(run, "evaluate")
    records.read_benchmark(run, "benchmark")
    records.read_all_metadata(run)
    records.read_curves(run.path / "history.csv", run.config.training.epochs, "train")


def read_metadata(run):
    from export.delivery.staging import stage

    read_records(run)
    stage([run.path / STAGED], run.path / "assets")


def read_index(folder, data, examples):
    from export.delivery.staging import stage

    assets = folder / "assets"
    assets.mkdir()
    (assets / "models.json").write_bytes(data)
    stage([examples / "run" / STAGED], assets)


def read_array(path):
    import keras

    from export.subject.images import samples_from

    image = keras.Input(SHAPE)
    samples_from(path, keras.Model(image, keras.layers.Flatten()(image)), (True,))


def read_picture(path):
    from kerascnn.data import read_image

    read_image(path, SHAPE, "stretch")


def read_digits(path):
    from kerascnn.data.official import read_idx

    read_idx(path, dimensions=3)


def read_batch(path):
    from kerascnn.data.official import read_cifar10

    read_cifar10(path)


def read_state_dict(path):
    from kerascnn.models import build

    build("squeezenet1_1", input_shape=(64, 64, 3), num_classes=10, weights=path)


def read_weights(path):
    from kerascnn.models import build

    build("mobilenet_v1_025", num_classes=10, weights=path)


def read_packed(path):
    from export.delivery.packing import unpack

    unpack(path)


def read_model(path):
    from export.delivery.preparation import prepared
    from export.subject.opening import open_subject

    prepared(open_subject(path))


def read_artifact(path):
    from export.runtimes import Artifact

    with Artifact(path) as artifact:
        shapes = [[max(1, n) for n in end["shape"][1:]] for end in artifact.inputs]
        if sum(np.prod(shape, dtype=float) for shape in shapes) > 2**24:
            raise UserError("an input of 16 MB, which nobody has made")
        artifact.run([np.zeros((2, *shape), np.uint8) for shape in shapes])


READERS = {
    "config": Reader(
        "YAML config",
        ("configs/[!es]*/*.yaml", "configs/shapes/*.yaml"),
        formats.changed_yaml,
        plainly("config.yaml", read_config),
        60,
    ),
    "recipe": Reader(
        "YAML recipe",
        ("configs/export/*.yaml",),
        formats.changed_yaml,
        plainly("recipe.yaml", read_recipe),
        60,
    ),
    "run": Reader(
        "run.json", ("run/run.json",), mutations.changed_json, in_run("run.json", read_facts), 60
    ),
    "evaluation": Reader(
        "evaluation.json",
        ("run/evaluation.json",),
        mutations.changed_json,
        in_run("evaluation.json", read_records),
        50,
    ),
    "benchmark": Reader(
        "benchmark.json",
        ("run/benchmark.json",),
        mutations.changed_json,
        in_run("benchmark.json", read_records),
        50,
    ),
    "metadata": Reader(
        "metadata of an artifact",
        (f"run/{STAGED}.json",),
        mutations.changed_json,
        in_run(f"{STAGED}.json", read_metadata),
        60,
    ),
    "index": Reader("models.json", ("staged/models.json",), mutations.changed_json, read_index, 50),
    "history": Reader(
        "history.csv",
        ("run/history.csv",),
        mutations.changed_text,
        in_run("history.csv", read_records),
        50,
    ),
    "npy": Reader(
        ".npy array",
        ("arrays/*.npy",),
        mutations.changed_bytes,
        plainly("images.npy", read_array),
        50,
    ),
    "npz": Reader(
        ".npz array", ("arrays/*.npz",), formats.changed_zip, plainly("images.npz", read_array), 50
    ),
    "png": Reader(
        "PNG image",
        ("images/*.png",),
        formats.changed_png,
        plainly("image.png", read_picture),
        50,
    ),
    "jpeg": Reader(
        "JPEG image",
        ("images/*.jpg",),
        mutations.changed_bytes,
        plainly("image.jpg", read_picture),
        50,
    ),
    "bmp": Reader(
        "BMP image",
        ("images/*.bmp",),
        mutations.changed_bytes,
        plainly("image.bmp", read_picture),
        40,
    ),
    "gif": Reader(
        "GIF image",
        ("images/*.gif",),
        mutations.changed_bytes,
        plainly("image.gif", read_picture),
        40,
    ),
    "idx": Reader(
        "IDX file of MNIST",
        ("sources/*.gz",),
        formats.changed_gzip,
        plainly("images.gz", read_digits),
        40,
    ),
    "cifar": Reader(
        "batch of CIFAR-10",
        ("sources/*.bin",),
        mutations.changed_bytes,
        plainly("batch.bin", read_batch),
        30,
    ),
    "safetensors": Reader(
        ".safetensors weights",
        ("weights/*.safetensors",),
        formats.changed_safetensors,
        plainly("state.safetensors", read_state_dict),
        20,
    ),
    "h5": Reader(
        ".h5 weights",
        ("weights/*.weights.h5",),
        formats.changed_h5,
        plainly("own.weights.h5", read_weights),
        20,
    ),
    "kcnn": Reader(
        ".kcnn model",
        ("models/*.kcnn",),
        formats.changed_kcnn,
        plainly("model.kcnn", read_packed),
        50,
    ),
    "keras": Reader(
        ".keras model",
        ("models/*.keras",),
        formats.changed_zip,
        plainly("model.keras", read_model),
        50,
    ),
    "hdf5": Reader(
        ".h5 model",
        ("models/*.h5",),
        formats.changed_h5_model,
        plainly("model.h5", read_model),
        40,
    ),
    "tflite": Reader(
        ".tflite file",
        ("run/*.tflite",),
        formats.changed_tflite,
        plainly("model.tflite", read_artifact),
        15,
    ),
    "onnx": Reader(
        ".onnx file",
        ("run/*.onnx",),
        formats.changed_onnx,
        plainly("model.onnx", read_artifact),
        15,
    ),
}


def example_bytes(reader, folder):
    """The files that inputs of a reader are made from, in the order of their names."""
    found = [p for pattern in reader.examples for p in sorted(folder.glob(pattern))]
    found = found or [p for pattern in reader.examples for p in sorted(ROOT.glob(pattern))]
    return [path.read_bytes() for path in found]
