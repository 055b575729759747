"""The features of a whole set of images: arrays, an .npz file, what is nearest to an image."""

import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from kerascnn.config.data import DataConfig
from kerascnn.data import Data, load_data, read_image
from kerascnn.errors import UserError
from kerascnn.files import replacing
from kerascnn.models.graph import normalized
from kerascnn.training import MODEL_FILES, load_finite, open_run
from kerascnn.transfer.features import extract_features
from kerascnn.transfer.probing import Probe, linear_probe, nearest
from kerascnn.transfer.start import image_data, start_from


@dataclass(frozen=True)
class FeatureSet:
    """Features of images, and what these show.

    train, test: (n, ...) float32. train_labels, test_labels: (n,), an index into `names`.
    """

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray
    names: tuple[str, ...]

    def save(self, path: str | Path) -> Path:
        """Writes an .npz file of these five arrays, which np.load reads; returns its path."""
        path = Path(path)
        if path.suffix != ".npz":
            raise UserError(f"expected FILE.npz to write features to, got {path.name!r}")
        with replacing(path) as temporary:
            np.savez(
                temporary,
                train=self.train,
                train_labels=self.train_labels,
                test=self.test,
                test_labels=self.test_labels,
                names=np.array(self.names),
            )
        return path

    def probe(self) -> Probe:
        """What linear classifiers that see the training features make of the test features."""
        return linear_probe(self.train, self.train_labels, self.test, self.test_labels)


@dataclass(frozen=True)
class FeatureSource:
    """A network that takes raw pixels, and the images that it is to see."""

    model: keras.Model
    data: Data

    def features(self, layer: str, *, average: bool = False) -> FeatureSet:
        """The features of all images at a layer; see `extract_features`."""
        data = self.data
        train, held, test = (
            extract_features(self.model, data.batches(part).map(_images), layer, average=average)
            for part in (data.train, data.validation, data.test)
        )
        labels = np.concatenate([data.train.labels, data.validation.labels])
        return FeatureSet(
            np.concatenate([train, held]), labels, test, data.test.labels, tuple(data.names)
        )

    def nearest(
        self, image: str | Path, found: FeatureSet, layer: str, *, average: bool, count: int = 5
    ) -> list[tuple[str, str]]:
        """The training images whose features are nearest to those of an image file.

        Returns:
            For each of `count` the name of its class, and its path or its number.
        """
        data = self.data
        pixels = read_image(image, data.shape, data.config.resize)[None].astype("float32")
        query = extract_features(self.model, pixels, layer, average=average)
        parts = [
            os.fsdecode(entry) if isinstance(entry, bytes) else f"image {i}"
            for part in (data.train, data.validation)
            for i, entry in enumerate(part.images)
        ]
        return [
            (found.names[found.train_labels[i]], parts[i])
            for i in nearest(found.train, query, count)[0]
        ]


def open_features(
    source: str | Path,
    *,
    weights: str | None = None,
    data: str | Path | DataConfig | None = None,
    size: tuple[int, int] | None = None,
    data_dir: str | Path | None = None,
) -> FeatureSource:
    """Opens a network and images for their features.

    Args:
        source: a run, a .keras or .h5 file that takes raw pixels, or a registered name.
        weights: of a registered name, as `kerascnn.build` takes them.
        data: a folder of class folders, or the section of a config; of a run, by default its own.
        size: (height, width) of the images; by default what the network takes.
        data_dir: where MNIST's or CIFAR-10's files are.

    Raises:
        UserError: what is missing, or does not fit.
    """
    if Path(source).is_dir():
        run = open_run(source)
        if data is None:
            return FeatureSource(run.model(), run.data(data_dir))
        shape, model = tuple(run.facts["input_shape"]), run.model()
    elif Path(source).suffix in MODEL_FILES:
        model = load_finite(source)
        shape = model.input_shape[1:]
    else:
        if weights is None:
            raise UserError(f"{source}: no run and no file; of a network, say --weights, too")
        start = start_from(str(source), weights)
        height, width = size or start.shape[:2]
        shape = (height, width, start.shape[2])
        model = normalized(start.network(shape, 2), start.normalize)
    if data is None:
        raise UserError(f"{source}: say which images, as --data FOLDER")
    if len(shape) != 3 or None in shape:
        raise UserError(f"{source}: expected a network of images of one size, got {shape}")
    config = image_data(data, shape[2], shape[:2])
    images = load_data(config, data_dir=data_dir)
    if images.shape != tuple(shape):
        raise UserError(f"{data}: has images of {images.shape}, {source} takes {tuple(shape)}")
    return FeatureSource(model, images)


def _images(images, labels):
    return images
