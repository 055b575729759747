"""What `kerascnn demo` runs: the ordinary verbs, in the order a user would type them.

LeNet-5 first, which is so small that int8 makes it smaller and no faster; then ResNet-8 on the same
digits, of which int8 makes a file that is both.
"""

from pathlib import Path

from kerascnn.errors import required
from kerascnn.tables import Column, Table

from ..recipes.recipe import folders

RECIPE = "pruned50_qat_wi8_ai8"
SECOND = "resnet8"  # the folder of the second run, inside that of the first
INT8 = {"": "model_int8.tflite", SECOND: "model_int8_static.tflite"}  # of each run
FLOAT32 = "model_float32.tflite"


def commands(out: Path) -> list[list[str]]:
    """Returns the commands, as lists of arguments, that make two whole runs in the folder `out`."""
    configs = folders()[0].parent / "digits"
    run, second = str(out), str(out / SECOND)
    files = [
        f"{run}/model_{kind}"
        for kind in ("float32.tflite", "int8.tflite", "float32.onnx", "int8.onnx")
    ]
    others = [f"{second}/{FLOAT32}", f"{second}/{INT8[SECOND]}"]
    return [
        ["train", str(configs / "lenet5.yaml"), "--out", run],
        ["evaluate", run],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", "float32"],
        ["compress", run, "--recipe", RECIPE],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", RECIPE],
        ["benchmark", *files, "--out", f"{run}/benchmark.json"],
        ["report", run],
        ["train", str(configs / "resnet8.yaml"), "--out", second],
        ["convert", second, "--to", "tflite", "--recipe", "float32"],
        ["convert", second, "--to", "tflite", "--recipe", "static_wi8_ai8"],
        ["benchmark", *others, "--out", f"{second}/benchmark.json"],
        ["report", second],
    ]


def summary(out: Path) -> Table:
    """The table of what `commands` left: a float32 and an int8 file of each network."""
    from kerascnn.training import open_run

    from ..reporting.records import read_all_metadata, read_benchmark

    numbers = ("bytes", "of float32", "top-1, test", "median ms", "of float32")
    table = Table("network", "file", *[Column(heading, right=True) for heading in numbers])
    for folder, int8 in INT8.items():
        run = open_run(out / folder)
        all_metadata, benchmark = read_all_metadata(run), read_benchmark(run, "kerascnn benchmark")
        rows = []
        for name in (FLOAT32, int8):
            metadata = all_metadata[run.path / name]
            timing = required(required(benchmark).timing(run.path / name, metadata))
            rows.append((metadata, timing.median))
        (whole, slow), _ = rows
        for metadata, median in rows:
            table.add(
                metadata.model,
                str(Path(folder) / (FLOAT32 if metadata is whole else int8)),
                f"{metadata.bytes:,}",
                f"{metadata.bytes / whole.bytes:.0%}",
                f"{metadata.accuracy.test.artifact:.2%}",
                f"{median:.4f}",
                f"{median / slow:.0%}",
            )
    return table
