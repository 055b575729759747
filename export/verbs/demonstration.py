"""What `kerascnn demo` runs: the ordinary verbs, in the order a user would type them."""

from ..recipes.recipe import folders

RECIPE = "pruned50_qat_wi8_ai8"


def commands(out):
    """Returns the commands, as lists of arguments, that make a whole run in the folder `out`."""
    config = folders()[0].parent / "digits" / "lenet5.yaml"
    run = str(out)
    files = [f"{run}/model_{kind}" for kind in (
        "float32.tflite", "int8.tflite", "float32.onnx", "int8.onnx")]  # fmt: skip
    return [
        ["train", str(config), "--out", run],
        ["evaluate", run],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", "float32"],
        ["compress", run, "--recipe", RECIPE],
        ["convert", run, "--to", "tflite", "onnx", "--recipe", RECIPE],
        ["benchmark", *files, "--out", f"{run}/benchmark.json"],
        ["report", run],
    ]
