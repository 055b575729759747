"""All pictures of one network and its images, for one page."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation import (
    ArrayPictures,
    classification,
    log_probabilities,
    outputs_of,
)
from kerascnn.evaluation.mistakes import mistakes_figure
from kerascnn.models import build, normalized, preprocessing, variant
from kerascnn.models.weights.imagenet import CLASSES, imagenet_classes
from kerascnn.training import open_run
from kerascnn.transfer.features import extract_features
from kerascnn.transfer.start import image_data
from kerascnn.visualization.attribution import attribution_figure
from kerascnn.visualization.confusion import confusion_figure
from kerascnn.visualization.embedding import neighbours_figure, tsne_figure
from kerascnn.visualization.feature_maps import feature_maps_figure, filters_figure, maps_of
from kerascnn.visualization.network_graph import network_figure
from kerascnn.visualization.pages import Picture
from kerascnn.visualization.panels import spread
from kerascnn.visualization.patches import patches_figure

MOST_IMAGES = 250  # that are looked at
ATTRIBUTED = 4  # rows of attribution


@dataclass(frozen=True)
class NetworkWithImages:
    """A network and images to look at it with.

    model: raw pixels -> logits. images: (n, height, width, channels) uint8. labels: (n,), or None
    where the classes are not those of the images. names: of the network's classes.
    """

    model: keras.Model
    images: np.ndarray
    labels: np.ndarray | None
    names: Sequence[str]


def open_network(
    source: str | Path,
    *,
    weights: str | None = None,
    data: str | Path | None = None,
    size: tuple[int, int] | None = None,
    data_dir: str | Path | None = None,
) -> NetworkWithImages:
    """Opens a run with its test images, or a registered network with weights and other images.

    Args:
        source: the folder of a run, or a name that `models()` lists.
        weights: of a name, as `kerascnn.build` takes them: "imagenet", .safetensors or .h5.
        data: of a name: a folder of class folders, or a source, as "cifar10".
        size: (height, width) of the images, of a name.
        data_dir: where MNIST's or CIFAR-10's files are.

    Raises:
        UserError: what is missing, or does not belong together.
    """
    from kerascnn.data import load_data

    if Path(source).is_dir():
        if weights or data or size:
            raise UserError(f"{source}: a run has its weights, data and size; give it alone")
        run = open_run(source)
        if run.config.data.targets != "classes":
            raise UserError(f"{source}: gives a class a pixel; `look` shows classes of images")
        found = run.data(data_dir)
        chosen = _some(len(found.test))
        images = found.pixels(found.test.take(chosen))
        return NetworkWithImages(run.model(), images, found.test.labels[chosen], run.labels)
    row = variant(str(source)).row
    if weights is None or data is None:
        raise UserError(f"{source}: of a network, say --weights and --data, too; or give a run")
    height, width = size or row.input_shape[:2]
    shape = (height, width, row.input_shape[2])
    network = build(str(source), input_shape=shape, weights=weights)
    model = normalized(network, preprocessing(str(source), weights))
    found = load_data(image_data(data, shape[2], (height, width)), data_dir=data_dir)
    images = found.pixels(found.train.take(_some(len(found.train))))  # all are new to it
    names = (
        [each.name for each in imagenet_classes()]
        if row.num_classes == CLASSES
        else ([f"class {i}" for i in range(row.num_classes)])
    )
    return NetworkWithImages(model, images, None, names)


Drawing = tuple[str, str, Callable[[], Any]]  # title, what it shows, what draws it


def look(
    shown: NetworkWithImages, told: Callable[[str], Any] = lambda title: None
) -> list[Picture]:
    """Draws everything that can be seen of a network: see `docs/seeing.md`.

    Args:
        shown: the network and its images, five at least.
        told: is called with the title of each picture before it is drawn.

    Raises:
        UserError: a network without maps; no extra `digits`, for t-SNE.
    """
    outputs = outputs_of(shown.model, shown.images.astype("float32"), shown.model.name)
    drawings = [
        *_inside(shown.model, shown.images),
        *_answers(shown, outputs),
        *_alike(shown),
        *_mistakes(shown, outputs),
    ]
    pictures = []
    for title, said, draw in drawings:
        told(title)
        if (figure := draw()) is not None:
            pictures.append(Picture(title, said, figure))
    return pictures


def _inside(model, images) -> Iterator[Drawing]:
    yield "The network", _NETWORK, lambda: network_figure(model)
    yield "Filters of the first layer", _FILTERS, lambda: filters_figure(model)
    yield "Maps of an image", _MAPS, lambda: feature_maps_figure(model, images[0])
    maps = list(maps_of(model))
    for name in [maps[i] for i in spread(len(maps), 3)]:
        title = f"What excites channels of {name}"
        yield title, _PATCHES, lambda name=name: patches_figure(model, images, name)


def _answers(shown, outputs) -> Iterator[Drawing]:
    few = list(spread(len(shown.images), ATTRIBUTED))
    answers, names = outputs[few].argmax(axis=1).tolist(), _names(shown)
    yield (
        "What an answer rests on",
        _ATTRIBUTION,
        lambda: attribution_figure(shown.model, shown.images[few], answers, names),
    )


def _alike(shown) -> Iterator[Drawing]:
    images, labels = shown.images, shown.labels
    last = list(maps_of(shown.model))[-1]
    features = extract_features(shown.model, images.astype("float32"), last, average=True)
    yield "A map of the images", _TSNE, lambda: tsne_figure(features, images, labels)
    yield (
        "Nearest neighbours",
        _NEIGHBOURS,
        lambda: neighbours_figure(features, images, labels, _names(shown)),
    )


def _mistakes(shown, outputs) -> Iterator[Drawing]:
    if shown.labels is None:
        return
    counts = classification(outputs, shown.labels).confusion
    yield "Confusion", _CONFUSION, lambda: confusion_figure(counts, _names(shown))
    yield (
        "Worst mistakes",
        "Images that are answered wrongly, the surest answers first.",
        lambda: mistakes_figure(
            ArrayPictures(shown.images),
            log_probabilities(outputs),
            shown.labels,
            _names(shown),
            channels=shown.images.shape[-1],
        ),
    )


def _names(shown):
    return [str(name) for name in shown.names]


_NETWORK = (
    "Its blocks, downwards: layers, shape of the output, trainable parameters, "
    "multiply-accumulates. The bar is the share of the costliest block."
)
_FILTERS = "Each is stretched on its own from its smallest weight, black, to its largest."
_MAPS = (
    "From the image on, stage by stage: the channels with the largest answers, with their number."
)
_PATCHES = (
    "A row a channel: the images that excite it most, and its answer. The frame is the receptive "
    "field of the unit that answers, cut at the image's edges."
)
_ATTRIBUTION = (
    "For the class above each image, which is the network's answer: the size of the gradient at "
    "each pixel; guided backpropagation; Grad-CAM, where the last maps speak for the class; "
    "occlusion, red where hiding a part makes the class less probable."
)
_TSNE = (
    "t-SNE of what the last maps make of the images, averaged over places. Near images are alike "
    "to the network; distances between groups mean nothing. The frame is the colour of the class."
)
_NEIGHBOURS = "At the left an image, then those whose features point most nearly the same way."
_CONFUSION = "How often images of a class, a row, get each answer, a column."


def _some(count):
    return np.asarray(spread(count, MOST_IMAGES))
