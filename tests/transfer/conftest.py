"""What the tests of transfer share: a network that learned digits, and images of other digits."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn.datasets import load_digits

import kerascnn.config as configs
from kerascnn.training import train

SOURCE = ["model.name=resnet8", "training.epochs=3", "optimizer.schedule.warmup=0"]


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """A run of ResNet-8 on all digits, three epochs. For reading only."""
    config = configs.load("configs/digits/lenet5.yaml", [*SOURCE, "optimizer.schedule.peak=0.02"])
    return train(config, tmp_path_factory.mktemp("learned") / "run")


@pytest.fixture(scope="session")
def write_digits(tmp_path_factory):
    """Writes class folders: a function (images a class, scale, digits) -> folder."""
    digits = load_digits()

    def write(count, scale=1, chosen=range(5, 10)):
        folder = tmp_path_factory.mktemp("digits")
        for digit in chosen:
            (folder / f"digit{digit}").mkdir()
            for i, image in enumerate(digits.images[digits.target == digit][:count]):
                pixels = np.rint(image[..., None] * (255 / 16)).astype(np.uint8)
                pixels = pixels.repeat(scale, 0).repeat(scale, 1)
                path = folder / f"digit{digit}" / f"{i:03}.png"
                path.write_bytes(tf.io.encode_png(pixels).numpy())
        return folder

    return write
