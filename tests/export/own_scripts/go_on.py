"""A process of its own: loads what was saved, trains on, delivers; see `test_own_scripts`.

python -m own_scripts.go_on FOLDER NAME...
"""

import importlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

from kerascnn import export  # an export.py of one's own stands in the current folder


def go_on(folder, name):
    """What came of one script, ready for JSON."""
    module = importlib.import_module(f"own_scripts.{name}")
    model, (x, y) = keras.models.load_model(folder / f"{name}.keras"), module.data()
    found = keras.tree.flatten(model.predict(x, verbose=0))
    with np.load(folder / f"{name}.npz") as stored:
        before = [stored[key] for key in stored.files]
    apart = [float(np.abs(a - b).max()) for a, b in zip(found, before, strict=True)]
    model.fit(x, y, verbose=0)
    after = keras.tree.flatten(model.predict(x, verbose=0))
    moved = [float(np.abs(a - b).max()) for a, b in zip(found, after, strict=True)]
    files = [folder / f"{name}_int8.{kind}" for kind in ("tflite", "onnx")]
    errors, outputs = [], []
    try:
        export.deliver(model, files, evidence=(x, y))
        metadata = json.loads(files[0].with_suffix(".tflite.json").read_text())
        outputs = [end["name"] for end in metadata["outputs"]]
    except export.DeliveryError as error:
        errors.append(str(error))
    return {
        "largest_difference": max(apart),
        "moved": max(moved),
        "errors": errors,
        "outputs": outputs,
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    report = {name: go_on(target, name) for name in sys.argv[2:]}
    (target / "gone_on.json").write_text(json.dumps(report))
