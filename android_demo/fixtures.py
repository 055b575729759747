"""Writes what the tests of the app compare with: pictures, and what Python says of them.

    python android_demo/fixtures.py

It leaves in android_demo/target/fixtures
    pinned.onnx     a file of the opset and IR version that the app says it runs
    pictures/       files of every shape, kind and EXIF orientation, and fifty digits
    levels/         what `kerascnn` makes of them, for each of the inputs in expected.json
    models/         ResNet-8 on digits as .onnx, float and int8, as `kerascnn stage` lays it out
    expected.json   the inputs, and the five likeliest labels of each model for each picture
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
FIXTURES = HERE / "target" / "fixtures"
ASSETS = HERE / "app" / "src" / "main" / "assets"
CONFIG = HERE.parent / "configs" / "digits" / "resnet8.yaml"
INPUTS = [  # beside that of the models themselves, of (32, 32, 1), "stretch"
    {"shape": (32, 32, 1), "rule": "stretch"},
    {"shape": (24, 40, 3), "rule": "stretch"},
    {"shape": (28, 33, 3), "rule": "pad"},
    {"shape": (24, 20, 3), "rule": "stretch", "shorter_side": 31},  # then the middle of it
    {"shape": (24, 24, 1), "rule": "stretch", "shorter_side": 27},
]
DIGITS = 50
ORIENTATION = 0x0112


def main():
    from export.delivery.classifier import open_classifier
    from kerascnn.data import read_image

    pictures = FIXTURES / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir(parents=True)
    names = [*_shapes(pictures), *_turned(pictures)]
    digits = _digits(pictures)
    (FIXTURES / "levels").mkdir(exist_ok=True)
    for number, wanted in enumerate(INPUTS):
        for name in names:
            levels = read_image(
                pictures / name, wanted["shape"], wanted["rule"], _transforms(wanted)
            )
            (FIXTURES / "levels" / f"{name}.{number}").write_bytes(levels.tobytes())
    answers = {}
    for model in [*_onnx_models(), *sorted(ASSETS.glob("*.tflite"))]:
        with open_classifier(model) as classifier:
            files = [*names, *digits]
            told = classifier.predict([pictures / name for name in files], 5)
            answers[model.name] = dict(zip(files, told, strict=True))
    _write_pinned(FIXTURES / "pinned.onnx")
    expected = {"inputs": INPUTS, "pictures": names, "digits": digits, "answers": answers}
    (FIXTURES / "expected.json").write_text(json.dumps(expected))


def _transforms(wanted):
    """Those of `data.evaluate` that the words of metadata stand for."""
    from kerascnn.config import Transform

    if "shorter_side" not in wanted:
        return ()
    short = Transform(name="resize_short", argument=wanted["shorter_side"])
    return short, Transform(name="center_crop")


def _onnx_models():
    """The .onnx files; training and converting take a minute, so they are kept."""
    models = FIXTURES / "models"
    if not (models / "models.json").exists():
        run = HERE / "target" / "resnet8"
        shutil.rmtree(run, ignore_errors=True)
        _kerascnn("train", CONFIG, "--out", run, "training.epochs=4")
        for recipe in ("float32", "static_wi8_ai8"):
            _kerascnn("convert", run, "--to", "onnx", "--recipe", recipe)
        _kerascnn("stage", *sorted(run.glob("*.onnx")), "--into", models)
    return sorted(models.glob("*.onnx"))


def _write_pinned(path):
    import onnx
    from onnx import helper

    pinned = json.loads((ASSETS / "runtimes.json").read_text())["runtimes"]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in "xy"]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", int(pinned["ONNX opset"]))]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=int(pinned["IR version"]))
    onnx.save(model, path)


def _kerascnn(*arguments):
    from export.cli import main

    sys.argv = ["kerascnn", *map(str, arguments)]
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise


def _shapes(folder):
    """Files that are decoded without loss, of odd shapes and kinds."""
    color, alpha = _picture(70, 90, 1), _picture(40, 60, 2)[..., :1]
    kinds = {
        "square.png": color[:32, :32],
        "wide.png": _picture(7, 311, 3),
        "tall.png": _picture(255, 11, 4),
        "dot.png": color[:1, :1],
        "line.png": color[:1, :50],
        "large.png": _picture(700, 1003, 5),
        "grey.png": color[..., 0],
        "alpha.png": np.concatenate([_picture(40, 60, 6), alpha], -1),
        "grey_alpha.png": np.concatenate([_picture(40, 60, 7)[..., :1], alpha], -1),
        "windows.bmp": color,
    }
    for name, pixels in kinds.items():
        Image.fromarray(pixels).save(folder / name)
    Image.fromarray(color).quantize(60).save(folder / "palette.png")
    return [*kinds, "palette.png"]


def _turned(folder):
    """JPEG files, one a way to hold the camera, and a grey one.

    Each block of 8 x 8 is of one colour: there, unlike on slopes, all decoders agree to a level.
    """
    names = []
    for orientation in range(1, 9):
        tags = Image.Exif()
        tags[ORIENTATION] = orientation
        names.append(f"turned_{orientation}.jpg")
        Image.fromarray(_mosaic(7, 10, 10 + orientation)).save(
            folder / names[-1], quality=95, subsampling=0, exif=tags
        )
    Image.fromarray(_mosaic(6, 5, 20)[..., 0]).save(folder / "grey.jpg", quality=95)
    return [*names, "grey.jpg"]


def _digits(folder):
    """Digits that the network was not trained on, light on dark, 8 x 8."""
    names = []
    for number, image in enumerate(load_digits().images[-DIGITS:]):
        names.append(f"digit_{number}.png")
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(folder / names[-1])
    return names


def _mosaic(rows, columns, seed):
    """Blocks of 8 x 8 pixels of one colour each: (8 rows, 8 columns, 3) uint8."""
    blocks = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    return blocks.repeat(8, 0).repeat(8, 1)


def _picture(height, width, seed):
    """Smooth colours without any symmetry: (height, width, 3) uint8."""
    small = np.random.default_rng(seed).uniform(0, 255, (3, 4, 3)).astype(np.uint8)
    return np.array(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
