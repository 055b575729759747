"""A config to begin with, for a folder of class folders: what fits the images that are in it."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from kerascnn.data.folders import image_folder, summary
from kerascnn.data.headers import read_header
from kerascnn.errors import UserError, printable

LOOKED_AT = 1000  # images whose size is read, spread evenly over all
# The least median of the shorter sides -> size of the input. Larger ones take minutes an epoch on a
# processor; who has a graphics card writes a larger one.
SIZES = ((112, 128), (80, 96), (48, 64), (0, 32))
SIDES = ("height", "width")
SMALL = 64  # pixels: up to here a network for CIFAR-10's images suffices
STEPS = 4000  # that a small network needs to settle
COMMENTS = 34  # characters in front of a comment
FEW = 1000  # images, of which a tenth is too few to choose by
BATCHES = ((200, 8), (2000, 32), (20000, 64), (math.inf, 128))  # up to so many images, this batch
EPOCHS = (15, 100)  # the fewest and the most


@dataclass(frozen=True)
class Starter:
    """text: the config as YAML. told: what was found, in a line."""

    text: str
    told: str


def starter(folder: str | Path) -> Starter:
    """Writes a config for images in class folders, FOLDER/CLASS/*.jpg.

    Their sizes are read from their headers; nothing is decoded.

    Raises:
        UserError: what `kerascnn train` would say of the folder, or a name that is no UTF-8.
    """
    path = Path(os.path.abspath(folder))  # noqa: PTH100, which keeps the links that one sees
    source = image_folder(path)
    paths, labels = (
        np.concatenate([getattr(part, name) for part in (source.train, source.test)])
        for name in ("images", "labels")
    )
    chosen = np.unique(np.linspace(0, len(paths) - 1, min(LOOKED_AT, len(paths))).round())
    headers = [read_header(os.fsdecode(paths[int(i)])) for i in chosen]
    height, width = (int(np.median([getattr(h, side) for h in headers])) for side in SIDES)
    side = next(size for least, size in SIZES if min(height, width) >= least)
    counts = np.bincount(labels, minlength=len(source.names)).tolist()
    told = f"{summary(counts, source.names, source.left_out)}; mostly {width} x {height} pixels"
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UserError(f"{path}: the name of the folder has to be UTF-8") from None
    quoted = yaml.safe_dump(str(path), default_style='"', width=10**6).strip()
    return Starter(_text(quoted, printable(told), side, len(source.train)), told)


def _text(path, told, side, images):
    network = "resnet8" if side <= SMALL else "mobilenet_v1_025"
    batch = next(size for most, size in BATCHES if images <= most)
    fewest, most = EPOCHS
    epochs = min(most, max(fewest, 5 * round(STEPS * batch / images / 5)))
    lines = [
        (f"# {told}", ""),
        (
            "# Change values here, or for one run: kerascnn train CONFIG --out RUN KEY=VALUE",
            "",
        ),
        (f"model: {{name: {network}}}", "kerascnn models lists the others"),
        ("data:", "its folders are the classes of the network"),
        ("  name: folder", ""),
        (f"  path: {path}", ""),
        (f"  size: [{side}, {side}]", "height, width: larger is more accurate, and slower"),
        ("  channels: 3", "1 for grey"),
        ("  resize: stretch", "pad puts zeros around images that are smaller"),
        (f"  batch_size: {batch}", ""),
        (f"  validation: {0.2 if images < FEW else 0.1}", "share of images that choose the epoch"),
        ("  train:", "each time an image is seen, it is"),
        ("    - flip", "mirrored, every second time: not for letters"),
        (f"    - pad_crop: {side // 8}", "moved by so many pixels at most"),
        ("  normalize: {mean: 128, std: 128}", ""),
        ("optimizer:", ""),
        ("  name: sgd", ""),
        ("  momentum: 0.9", ""),
        ("  weight_decay: 2.0e-4", "less where even the training accuracy stays low"),
        ("  schedule:", ""),
        ("    name: cosine", ""),
        (f"    peak: {0.1 * batch / 128 + 0.02:.3g}", "lower where the training diverges"),
        ("    warmup: 1", "epochs"),
        (f"training: {{epochs: {epochs}, seed: 0}}", ""),
    ]
    return "".join(
        f"{line:<{COMMENTS}}  # {comment}\n" if comment else f"{line}\n" for line, comment in lines
    )
