"""Where images come from. Every source gives raw pixels, uint8, and knows nothing of models.

Official formats are read in `official`, class folders in `folders`, lists in `listed`, shards in
`shards`, other packages' data sets in `installed`; what nobody took is made in `made_up` and
`shapes`. Where no folder is given, keras.datasets fetches the official ones.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data import official
from kerascnn.data.folders import image_folder
from kerascnn.data.installed import array_records, tfds_images
from kerascnn.data.listed import image_list
from kerascnn.data.made_up import synthetic
from kerascnn.data.shapes import shapes
from kerascnn.data.shards import image_shards
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.extras import require

DATA_DIR_VARIABLE = "KERASCNN_DATA"
# What is at a `path`: its reader, and what the path is of.
STORED = {
    "folder": (image_folder, "the folder of class folders"),
    "csv": (image_list, "the CSV file"),
    "shards": (image_shards, "the folder of shards"),
    "array_record": (array_records, "the folder of ArrayRecord files"),
}
OFFICIAL = {
    "mnist": (official.mnist, official.DIGIT_NAMES),
    "fashion_mnist": (official.fashion_mnist, official.FASHION_NAMES),
    "cifar10": (official.cifar10, official.CIFAR10_NAMES),
    "cifar100": (official.cifar100, official.CIFAR100_NAMES),
}


def load_source(config: Any, data_dir: str | Path | None = None) -> Source:
    """Loads the images a `DataConfig` names.

    Args:
        config: its `name`, and what belongs to it: `path`, `dataset`, `size`, `images`, `classes`.
        data_dir: the folder that holds `mnist`, `fashion-mnist`, `cifar-10-batches-bin` or
            `cifar-100-binary`; by default what the environment variable KERASCNN_DATA says, else
            keras.datasets.

    Raises:
        UserError: a file is missing, truncated, or not of its official format; the extra `digits`
            is not installed.
    """
    data_dir = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if config.name in STORED:
        reader, what = STORED[config.name]
        if not config.path:
            raise UserError(f"data.name is {config.name!r}: say {what} in data.path")
        return reader(config.path)
    if config.name == "digits":
        return digits()
    if config.name == "tfds":
        return tfds_images(config.dataset, data_dir)
    if config.name == "synthetic":
        shape = config.size and (*config.size, config.channels)
        return synthetic(shape, config.classes, config.images)
    if config.name == "shapes":
        return shapes(config.size, config.images, masks=config.targets == "masks")
    reader, names = OFFICIAL[config.name]
    return reader(data_dir) if data_dir else _from_keras(config.name, names)


def digits() -> Source:
    """The UCI handwritten digits that scikit-learn carries: 1,797 images, 8x8x1.

    Their 17 grey levels are spread over 0..255. A fixed stratified 500 are the test images.
    """
    require("digits", "data.name 'digits'")
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bunch = load_digits()
    images = np.rint(bunch.images[..., None] * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int32)
    train, test = train_test_split(
        np.arange(len(labels)), test_size=500, stratify=labels, random_state=0
    )
    whole = Split(images, labels)
    return Source(whole.take(train), whole.take(test), official.DIGIT_NAMES, (8, 8, 1))


def _from_keras(name, names):
    """keras.datasets' copy; for a machine that may download."""
    import keras

    try:
        (x, y), (u, v) = getattr(keras.datasets, name).load_data()
    except Exception as error:  # urllib, ssl and socket raise a dozen kinds
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name} could not be downloaded ({reason}); "
            f"give its folder with --data-dir or {DATA_DIR_VARIABLE}"
        ) from None
    x, u = (a if a.ndim == 4 else a[..., None] for a in (x, u))
    train = Split(x, y.reshape(-1).astype(np.int32))
    return Source(train, Split(u, v.reshape(-1).astype(np.int32)), names, x.shape[1:])
