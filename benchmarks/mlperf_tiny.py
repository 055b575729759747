"""Files beside the references of MLPerf Tiny, as the accuracy set-up of its closed division asks.

    python -m benchmarks.mlperf_tiny ic01 --data-dir ~/datasets --out docs/mlperf_tiny.md \\
        --reference pretrainedResnet_quant.tflite --reference pretrainedResnet.tflite \\
        --weights pretrainedResnet.h5 --calibration calibration_samples_idxs.npy OURS.tflite

The references, the weights and the calibration set lie in github.com/mlcommons/tiny, below
benchmark/training. ic01 is image classification: top-1 on all 10,000 test images of CIFAR-10, and
on the 200 of the performance subset, which are drawn here as the reference draws them. kws01 and
vww01 take --stimuli, a folder as the benchmark's runner has it: y_labels.csv and a .bin file for
each of its rows.

The closed division (MLPerfTiny_Rules.adoc, "Divisions" and "Weights and Quantization") wants the
reference's own weights, calibrated on its calibration set and not trained again: --weights writes
such a float and such an int8 file, of our making, into --files-to. Any other file here is a network
of the same layers with weights of its own, which the rules call open. Nothing of this is a
submission: latencies are those of this machine, and no runner drove a device.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.tables import page, show
from export.lanes import LANES, Options, measure
from export.runtimes import Artifact
from export.runtimes.benchmarking import benchmark
from kerascnn.data.official import cifar10
from kerascnn.errors import UserError
from kerascnn.files import write_text

SEED = 8108  # of the performance subset, in the reference's get_perf_samples_idxs.py
A_CLASS = 20  # images of each class in it


@dataclass(frozen=True)
class Task:
    """title, network: of the benchmark. target: the least top-1 of the closed division. shape: of
    one stimulus. dtype: of its bytes in a .bin file."""

    title: str
    network: str
    target: float
    shape: tuple[int, ...]
    dtype: str


TASKS = {
    "ic01": Task("Image classification", "resnet8", 0.85, (32, 32, 3), "uint8"),
    "kws01": Task("Keyword spotting", "ds_cnn", 0.90, (49, 10, 1), "int8"),
    "vww01": Task("Visual wake words", "mobilenet_v1_025_vww", 0.80, (96, 96, 3), "uint8"),
}


def performance_subset(labels):
    """The places of the 200 images: 20 of each class, in the reference's order."""
    rng = np.random.default_rng(SEED)
    drawn = [
        rng.choice(np.flatnonzero(labels == label), size=A_CLASS, replace=False)
        for label in range(10)
    ]
    places = np.concatenate(drawn)
    rng.shuffle(places)
    return places


def stimuli(folder, task):
    """(samples, labels) of a folder with y_labels.csv, whose rows are "name, classes, label"."""
    table = Path(folder) / "y_labels.csv"
    try:
        rows = [line.split(",") for line in table.read_text().split()]
        samples = [
            np.fromfile(Path(folder) / name, task.dtype).reshape(task.shape) for name, *_ in rows
        ]
        return np.stack(samples), np.array([int(label) for _, _, label, *_ in rows])
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: not the stimuli of {task.title}: {error}") from None


def as_taken(samples, end, scale):
    """Samples as a file takes them.

    Args:
        samples: pixels as bytes; features as integers of `scale`. end: the input of the file.
        scale: (scale, zero point) of features, as the reference takes them; None for pixels.
    """
    if scale is None:  # 0..255, whatever the file makes of them
        offset = 128 if end["dtype"] == "int8" else 0
        values = samples.astype("float32") - offset
        return values.astype(end["dtype"])
    if end["dtype"] == samples.dtype.name and (end["scale"], end["zero_point"]) == scale:
        return samples
    values = (samples.astype("float32") - scale[1]) * scale[0]
    if end["dtype"] == "float32":
        return values
    limits = np.iinfo(end["dtype"])
    rounded = np.rint(values / end["scale"]) + end["zero_point"]
    return np.clip(rounded, limits.min, limits.max).astype(end["dtype"])


def right(path, samples, labels, scale):
    """Whether a file labels each sample rightly, (n,) booleans."""
    with Artifact(path) as artifact:
        (end,) = artifact.inputs
        taken = as_taken(samples, end, scale).reshape(-1, *end["shape"][1:])
        return artifact.run([taken])[0].reshape(len(labels), -1).argmax(1) == labels


def closed(weights, images, folder):
    """Our float and int8 file of the reference's weights, calibrated on its calibration images."""
    from export.subject.opening import open_model
    from kerascnn import export

    model = open_model(weights).model
    int8 = export.quantize(model, images.astype("float32"), pixels=True)
    Path(folder).mkdir(parents=True, exist_ok=True)
    made = {}
    for name, network in (("float32", model), ("static_int8", int8)):
        path = Path(folder) / f"{Path(weights).stem}_{name}.tflite"
        path.write_bytes(export.convert(network, "tflite", pixels=True))
        made[str(path)] = "ours, of the reference's weights"
    return made


def rows_of(paths, task, samples, labels, subset):
    """A row a file, {str: who made it} in order; the first is what the ratio is of."""
    scale = None
    if task.dtype == "int8":
        with Artifact(next(iter(paths))) as artifact:
            scale = artifact.inputs[0]["scale"], artifact.inputs[0]["zero_point"]
    timings = benchmark(list(paths), runs=200)
    arenas = {}
    if LANES["tflm"].probe().available:
        figures = measure(list(paths), [LANES["tflm"]], Options())
        arenas = {f.file: f.value or "refused" for f in figures}
    rows = []
    for (path, maker), timing in zip(paths.items(), timings, strict=True):
        hits = right(path, samples, labels, scale)
        low, high = timing.interval
        row = {
            "file": Path(path).name,
            "made by": maker,
            "bytes": Path(path).stat().st_size,
            f"top-1 of {len(labels):,}": f"{hits.mean():.2%}",
        }
        if subset is not None:
            row[f"top-1 of {len(subset)}"] = f"{hits[subset].mean():.1%}"
        rows.append(
            row
            | {
                f"at least {task.target:.0%}": "yes" if hits.mean() >= task.target else "no",
                "LiteRT ms": timing.median,
                "of the first": f"{timing.ratio:.2f} ({low:.2f} to {high:.2f})",
                "arena": arenas.get(path, "not yet run"),
                "sha256": timing.sha256[:12],
            }
        )
    return rows


def main():
    """Measures the files and prints their table; --out writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("files", nargs="*", type=Path, help="files of ours")
    parser.add_argument("--reference", action="append", required=True, help="a reference .tflite")
    parser.add_argument("--data-dir", type=Path, help="of CIFAR-10, for ic01")
    parser.add_argument("--stimuli", type=Path, help="a folder with y_labels.csv, for the others")
    parser.add_argument("--weights", help="the reference's .h5, for files of the closed division")
    parser.add_argument("--calibration", type=Path, help="its calibration_samples_idxs.npy")
    parser.add_argument("--files-to", type=Path, default=Path("runs/mlperf_tiny"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    task, subset = TASKS[options.task], None
    if options.task == "ic01":
        if options.data_dir is None:
            parser.error("ic01 needs --data-dir, the folder of CIFAR-10")
        test = cifar10(options.data_dir.expanduser()).test
        samples, labels = np.asarray(test.images), np.asarray(test.labels)
        subset = performance_subset(labels)
    elif options.stimuli is None:
        parser.error(f"{options.task} needs --stimuli, a folder with y_labels.csv")
    else:
        samples, labels = stimuli(options.stimuli, task)
    paths = dict.fromkeys(options.reference, "the reference")
    if options.weights:
        if options.calibration is None or options.task != "ic01":
            parser.error("--weights goes with ic01 and --calibration, the images it may look at")
        images = samples[np.load(options.calibration, allow_pickle=False)]
        paths |= closed(options.weights, images, options.files_to)
    paths |= {str(path): "ours, weights of our own" for path in options.files}
    rows = rows_of(paths, task, samples, labels, subset)
    show(f"{task.title} ({task.network})", rows)
    if options.out:
        write_text(options.out, page(HEAD, {f"{task.title} ({task.network})": rows}))


HEAD = """\
# MLPerf Tiny

Files beside the references of MLPerf Tiny, in the accuracy set-up of its closed division: all test
images, and the performance subset. Written by `python -m benchmarks.mlperf_tiny`, the head of which
says what each file is. This is no submission: latencies are those of this machine, one thread, in
turns; the interval is that of the ratio.""".splitlines()


if __name__ == "__main__":
    main()
