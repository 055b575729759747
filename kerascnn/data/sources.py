"""Where images come from. Every source gives raw pixels, uint8, and knows nothing of models.

Official formats are read in `official`, class folders in `folders`. Where no folder is given,
keras.datasets fetches MNIST and CIFAR-10.
"""

import os

import numpy as np

from kerascnn.data.folders import image_folder
from kerascnn.data.official import CIFAR10_NAMES, DIGIT_NAMES, cifar10, mnist
from kerascnn.data.splits import Source, Split
from kerascnn.errors import UserError
from kerascnn.extras import require

DATA_DIR_VARIABLE = "KERASCNN_DATA"


def load_source(config, data_dir=None):
    """Loads the images a `DataConfig` names.

    Args:
        config: its `name` (and `path` for a folder of one's own).
        data_dir: the folder that holds `mnist` or `cifar-10-batches-bin`; by default what the
            environment variable KERASCNN_DATA says, else keras.datasets.

    Raises:
        UserError: a file is missing, truncated, or not of its official format; the extra `digits`
            is not installed.
    """
    data_dir = data_dir or os.environ.get(DATA_DIR_VARIABLE)
    if config.name == "digits":
        return digits()
    if config.name == "folder":
        if not config.path:
            raise UserError("data.name is 'folder': say which one in data.path")
        return image_folder(config.path)
    reader = {"mnist": mnist, "cifar10": cifar10}[config.name]
    return reader(data_dir) if data_dir else _from_keras(config.name)


def digits():
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
    return Source(whole.take(train), whole.take(test), DIGIT_NAMES, (8, 8, 1))


def _from_keras(name):
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
    names = CIFAR10_NAMES if name == "cifar10" else DIGIT_NAMES
    x, u = (a if a.ndim == 4 else a[..., None] for a in (x, u))
    train = Split(x, y.reshape(-1).astype(np.int32))
    return Source(train, Split(u, v.reshape(-1).astype(np.int32)), names, x.shape[1:])
