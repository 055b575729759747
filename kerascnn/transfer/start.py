"""What a fine-tuning begins with: a network that has learned, and what it expects of the pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import keras
import numpy as np

from kerascnn.config import ModelConfig
from kerascnn.config.data import DataConfig, Normalize
from kerascnn.data import normalization
from kerascnn.errors import UserError
from kerascnn.models import build, preprocessing, variant
from kerascnn.models.weights.fitting import classifiers
from kerascnn.training import Run, open_run

BATCH = 32
HELD_OUT = 0.2  # of the training images, to choose the epoch by: a tenth of few is too few


@dataclass(frozen=True)
class Start:
    """A network and its weights.

    model: the section of a config. normalize: what the pixels go through. shape: (height, width,
    channels) of the images it learned from. weights: "imagenet", a file or a run folder.
    """

    model: ModelConfig
    normalize: Normalize
    shape: tuple[int, int, int]
    weights: str

    def network(self, shape: tuple[int, int, int], classes: int) -> keras.Model:
        """Builds it for other images and classes, with a new classifier; no normalization."""
        name, arguments = self.model.name, self.model.arguments
        if not Path(self.weights).is_dir():
            return build(
                name,
                input_shape=shape,
                num_classes=classes,
                weights=self.weights,
                new_head=True,
                **arguments,
            )
        network = build(name, input_shape=shape, num_classes=classes, **arguments)
        _copy_by_names(open_run(self.weights).model(), network, self.weights)
        return network


def start_from(network: str | None, weights: str | Path | Run) -> Start:
    """Settles what to begin with.

    Args:
        network: a registered name; None for that of a run.
        weights: "imagenet", a .safetensors or .h5 file as `kerascnn.build` takes it, or a run.

    Raises:
        UserError: no such weights, or a run of another network.
    """
    if isinstance(weights, Run) or Path(weights).is_dir():
        run = open_run(weights)
        model, data = run.config.model, run.config.data
        if network not in (None, model.name):
            raise UserError(f"{run.path}: is a run of {model.name}, not of {network}")
        height, width, channels = run.facts["input_shape"]
        shape = (height, width, channels)
        model = model.model_copy(update={"pretrained": None})  # it has learned since
        return Start(model, _normalize(run, data.normalize, shape), shape, str(run.path))
    if network is None:
        raise UserError(f"{weights}: say which network these weights are of, as --from resnet50")
    row = variant(network).row
    if len(row.input_shape) != 3:
        raise UserError(f"{network}: takes no images, and images are what is fine-tuned on")
    height, width, channels = row.input_shape
    expected = preprocessing(network, weights)
    normalize = Normalize(mean=expected.mean, std=expected.std)
    return Start(ModelConfig(name=network), normalize, (height, width, channels), str(weights))


def _normalize(run: Run, asked: Normalize, shape: tuple[int, int, int]) -> Normalize:
    """What a run normalizes by, in numbers: also where they were computed from its images."""
    if not asked.from_images:
        return asked
    found = normalization.read(run.path / normalization.FILE, shape)
    if np.ndim(found.mean) == 3:
        raise UserError(
            f"{run.path}: has a mean of its own for each pixel, which fits no other images; "
            "begin with a run of data.normalize=from_data"
        )
    return Normalize(mean=found.mean, std=found.std)


def image_data(
    data: str | Path | DataConfig,
    channels: int,
    size: tuple[int, int],
    *,
    train: Sequence[str | dict[str, int]] = (),
) -> DataConfig:
    """The section of a config for images.

    Args:
        data: a folder of class folders, or the name of a source, as "cifar10"; or the section.
        channels, size: of the images. train: transforms, as a config writes them.
    """
    if isinstance(data, DataConfig):
        return data.model_copy(update={"size": size})
    named = str(data) in get_args(DataConfig.model_fields["name"].annotation)
    source = {"name": str(data)} if named else {"name": "folder", "path": str(data)}
    return DataConfig.model_validate(
        {
            **source,
            "channels": channels,
            "size": size,
            "batch_size": BATCH,
            "validation": HELD_OUT,
            "train": train,
        }
    )


def _copy_by_names(source: keras.Model, target: keras.Model, title: Any) -> None:
    """Copies all weights but the classifiers', by the names of the layers."""
    heads = classifiers(target)
    theirs = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.name in heads or not layer.weights:
            continue
        found = theirs.get(layer.name)
        shapes = [tuple(w.shape) for w in found.weights] if found else None
        if found is None or shapes != [tuple(w.shape) for w in layer.weights]:
            raise UserError(
                f"{title}: {layer.name} does not fit images of "
                f"{'x'.join(map(str, target.input_shape[1:]))}; fine-tune on the size it was "
                f"trained on, {'x'.join(map(str, source.input_shape[1:]))}"
            )
        layer.set_weights(found.get_weights())
