"""The transforms by name: what each takes, what it does, and where it was published.

A transform of one image is a function (image, argument, numbers, shape) -> image in a TensorFlow
graph. `image` is (height, width, channels) uint8; what comes back is that too, or float32 of
0..255, which is rounded. `numbers` are `draws` uniform ones in [0, 1), its only chance; they come
from the seed, the step and the place in the batch alone, so that a resumed run sees what it would
have seen. `shape` is that of the network's input.

A transform of a batch is a function (images, labels, argument, draw) -> (images, labels), labels
soft before and after: (n, classes); see `mixing`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from kerascnn.data.transforms import (
    affine,
    arguments,
    colour,
    cropping,
    mixing,
    occlusion,
    policies,
)
from kerascnn.errors import unknown


@dataclass(frozen=True)
class Row:
    """A transform of the table.

    apply: see above. schema: what its argument may be; None where it takes none. paper: where it
    comes from. draws: how many numbers it draws for an image. default: its argument where none is
    given, `required` where one has to be. sizes: it takes images of any size, before they have the
    network's. random: False where it is the same each time. batch: it mixes the images of a batch.
    example: an argument, for messages and tests.
    """

    apply: Callable
    schema: Any
    paper: str
    draws: Callable[[Any], int] = lambda argument: 0
    default: Any = None
    required: bool = False
    sizes: bool = False
    batch: bool = False
    example: Any = None

    @property
    def random(self) -> bool:
        """Whether what it does differs from image to image."""
        return self.batch or self.draws(self.default if self.example is None else self.example) > 0

    def argument(self, name: str, value: Any) -> Any:
        """The argument as the schema makes it; ValueError where none may be, or one has to be."""
        if value is None:
            if self.required:
                raise ValueError(f"write it with its argument, as {{{name}: {self.example}}}")
            return self.default
        if self.schema is None:
            raise ValueError(f"write it without an argument, as {name}")
        return TypeAdapter(self.schema).validate_python(value)


def exactly(count: int) -> Callable[[Any], int]:
    """So many numbers, whatever the argument."""
    return lambda argument: count


TRANSFORMS: dict[str, Row] = {
    "pad_crop": Row(
        cropping.pad_crop,
        arguments.Margin,
        "He et al. 2015, arXiv:1512.03385, section 4.2",
        exactly(2),
        required=True,
        example=4,
    ),
    "flip": Row(
        cropping.flip,
        None,
        "Krizhevsky, Sutskever & Hinton 2012, ImageNet Classification with Deep CNNs, section 4.1",
        exactly(1),
    ),
    "inception_crop": Row(
        cropping.inception_crop,
        arguments.InceptionCrop,
        "Szegedy et al. 2014, arXiv:1409.4842, section 6",
        exactly(cropping.INCEPTION_DRAWS),
        default=arguments.InceptionCrop(),
        sizes=True,
    ),
    "resize_short": Row(
        cropping.resize_short,
        arguments.Side,
        "Krizhevsky, Sutskever & Hinton 2012, section 2",
        required=True,
        sizes=True,
        example=256,
    ),
    "center_crop": Row(
        cropping.center_crop,
        None,
        "Krizhevsky, Sutskever & Hinton 2012, section 2",
        sizes=True,
    ),
    "random_crop": Row(
        cropping.random_crop,
        None,
        "Krizhevsky, Sutskever & Hinton 2012, section 4.1",
        exactly(2),
        sizes=True,
    ),
    "scale_jitter": Row(
        cropping.scale_jitter,
        arguments.Sides,
        "Simonyan & Zisserman 2014, arXiv:1409.1556, section 3.1",
        exactly(1),
        required=True,
        sizes=True,
        example=[256, 512],
    ),
    "pca_colour": Row(
        colour.pca_colour,
        arguments.Share,
        "Krizhevsky, Sutskever & Hinton 2012, section 4.1",
        exactly(3),
        default=0.1,
    ),
    "colour_jitter": Row(
        colour.colour_jitter,
        arguments.ColourJitter,
        "Howard 2013, arXiv:1312.5402, section 2.2; Szegedy et al. 2014, arXiv:1409.4842",
        exactly(5),
        default=arguments.ColourJitter(),
    ),
    "rotation": Row(
        affine.rotation,
        arguments.Degrees,
        "Ciresan et al. 2010, arXiv:1003.0358, section 2",
        exactly(1),
        required=True,
        example=15,
    ),
    "shear": Row(
        affine.shear,
        arguments.Slope,
        "Simard, Steinkraus & Platt 2003, Best Practices for Convolutional Neural Networks",
        exactly(2),
        required=True,
        example=0.2,
    ),
    "zoom": Row(
        affine.zoom,
        arguments.Zoom,
        "Ciresan et al. 2010, arXiv:1003.0358, section 2",
        exactly(1),
        required=True,
        example=[0.8, 1.2],
    ),
    "cutout": Row(
        occlusion.cutout,
        arguments.Side,
        "DeVries & Taylor 2017, arXiv:1708.04552",
        exactly(2),
        required=True,
        example=16,
    ),
    "random_augment": Row(
        policies.random_augment,
        arguments.RandomAugment,
        "Cubuk et al. 2019, arXiv:1909.13719",
        lambda argument: 2 * argument.layers,
        default=arguments.RandomAugment(),
    ),
    "trivial_augment": Row(
        policies.trivial_augment,
        None,
        "Müller & Hutter 2021, arXiv:2103.10158",
        exactly(3),
    ),
    "mixup": Row(
        mixing.mixup,
        arguments.Concentration,
        "Zhang et al. 2017, arXiv:1710.09412",
        default=0.2,
        batch=True,
    ),
    "cutmix": Row(
        mixing.cutmix,
        arguments.Concentration,
        "Yun et al. 2019, arXiv:1905.04899",
        default=1.0,
        batch=True,
    ),
}


def row_of(name: str) -> Row:
    """The row of a name; UserError with its nearest match where there is none."""
    if name not in TRANSFORMS:
        raise unknown("transform", name, [*TRANSFORMS])
    return TRANSFORMS[name]
