"""The section `data` of a config: the images, what is done to them, how they are normalized."""

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from kerascnn.config.section import MOST_BATCH, MOST_VALUES, Count, Section, Side
from kerascnn.data.transforms import TRANSFORMS, row_of
from kerascnn.errors import UserError, unknown

CHANNELS = {"digits": 1, "mnist": 1, "fashion_mnist": 1, "cifar10": 3, "cifar100": 3, "shapes": 3}
DRAWN = ("synthetic", "shapes")
FROM_DATA = "from_data"


class Normalize(Section):
    """What the network sees is (pixel - mean) / std, pixels in 0..255; numbers or one a channel.

    from_data: of the training images, one a channel. per_pixel: a mean for each pixel and channel,
    as AlexNet's; from the training images, too.
    """

    mean: float | tuple[float, ...] | Literal["from_data", "per_pixel"] = 128.0
    std: float | tuple[float, ...] | Literal["from_data"] = 128.0

    @property
    def from_images(self) -> bool:
        """Whether the training images have to be looked at for a number of it."""
        return isinstance(self.mean, str) or isinstance(self.std, str)

    @field_validator("mean")
    @classmethod
    def _mean_of_pixels(cls, value):
        return _between(0, value, 255)

    @field_validator("std")
    @classmethod
    def _std_of_pixels(cls, value):
        """Below one grey level it is that of pixels in 0..1; far above 255 nothing is left."""
        return _between(1, value, 1000)


def _between(least, value, most):
    if isinstance(value, str):
        return value
    for number in value if isinstance(value, tuple) else [value]:
        if not least <= number <= most:
            raise ValueError(f"expected numbers from {least} to {most}, for pixels in 0..255")
    return value


def _normalize(value):
    """`from_data` alone means both numbers."""
    return {"mean": FROM_DATA, "std": FROM_DATA} if value == FROM_DATA else value


def _transform(value):
    """A transform is written as its name, `flip`, or as {name: argument}, {pad_crop: 4}."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        return {"name": name, "argument": argument}
    return {"name": value} if isinstance(value, str) else value


def _mistake(name, error):
    """What pydantic found in the argument of a transform, in a line."""
    row, part = row_of(name), error["loc"][-1] if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"{name}: {unknown('key', part, row.schema.model_fields)}"
    if error["type"] in ("model_type", "missing"):
        return f"write it as {{{name}: {row.example or row.default}}}"
    place = ".".join(str(part) for part in error["loc"] if not str(part).startswith("func"))
    message = error["msg"].removeprefix("Value error, ")
    return f"{name}: {place + ': ' if place else ''}{message[:1].lower()}{message[1:]}"


class Transform(Section):
    """A row of the table of transforms, and the argument that it takes."""

    name: str
    argument: Any = Field(default=None, validate_default=True)

    @field_validator("name")
    @classmethod
    def _known(cls, name):
        try:
            row_of(name)
        except UserError as error:
            raise ValueError(str(error)) from None
        return name

    @field_validator("argument")
    @classmethod
    def _argument_fits(cls, value, info):
        name = info.data.get("name")
        if name is None:  # the name is wrong already
            return value
        try:
            return row_of(name).argument(name, value)
        except ValidationError as error:
            raise ValueError(_mistake(name, error.errors()[0])) from None

    @model_serializer
    def _short(self):
        if self.argument is None or self.argument == TRANSFORMS[self.name].default:
            return self.name
        return {self.name: self.argument}


Written = Annotated[Transform, BeforeValidator(_transform)]


class DataConfig(Section):
    """Images, what is done to them, how they are normalized; docs/data.md shows each.

    name: where the images are from. path: the folder of class folders, the CSV file, the folder of
    shards or of ArrayRecord files. dataset: of tensorflow-datasets, as cats_vs_dogs. images,
    classes: how many are made up (synthetic, shapes).
    size: (height, width) of the network's input; the data's own by default. resize: "stretch"
    (bilinear, the aspect is lost) or "pad" (zeros around an image that is smaller).
    validation: the share of the training images that is held out to choose by, where the source
    has no validation images of its own.
    skip_corrupted: images of the training that may be damaged, and are left out.
    targets: what is learned of an image: its class ("classes"), or the class of each of its pixels
    ("masks", of shapes: the background and the six shapes).
    train: transforms of the training images, in their order. evaluate: of all others.
    """

    name: Literal[
        "digits",
        "mnist",
        "fashion_mnist",
        "cifar10",
        "cifar100",
        "folder",
        "csv",
        "shards",
        "tfds",
        "array_record",
        "synthetic",
        "shapes",
    ]
    path: str | None = None
    dataset: str | None = None
    images: Count | None = None
    classes: Annotated[int, Field(ge=2, le=10**6)] | None = None
    size: tuple[Side, Side] | None = None
    resize: Literal["stretch", "pad"] = "stretch"
    channels: Literal[1, 3] = 3
    batch_size: int = Field(default=128, ge=1, le=MOST_BATCH)
    validation: float = Field(default=0.1, gt=0, lt=1)
    skip_corrupted: Annotated[int, Field(ge=0, le=10**9)] = 0
    targets: Literal["classes", "masks"] = "classes"
    train: tuple[Written, ...] = ()
    evaluate: tuple[Written, ...] = ()
    normalize: Annotated[Normalize, BeforeValidator(_normalize)] = Normalize()

    @field_validator("train")
    @classmethod
    def _mixing_comes_last(cls, transforms):
        mixing = [TRANSFORMS[t.name].batch for t in transforms]
        if mixing != sorted(mixing):
            name = transforms[mixing.index(True)].name
            raise ValueError(f"{name} mixes whole batches: write it behind the other transforms")
        return transforms

    @field_validator("evaluate")
    @classmethod
    def _the_same_each_time(cls, transforms):
        for transform in transforms:
            if TRANSFORMS[transform.name].random:
                fixed = [name for name, row in TRANSFORMS.items() if not row.random]
                raise ValueError(
                    f"{transform.name} draws numbers; evaluation is the same each time: "
                    f"{', '.join(fixed)}"
                )
        return transforms

    @model_validator(mode="after")
    def _keys_fit_the_source(self):
        for key, names in (("images", DRAWN), ("classes", ("synthetic",)), ("dataset", ("tfds",))):
            if getattr(self, key) is not None and self.name not in names:
                raise ValueError(f"{key} belongs to data.name={' or '.join(names)}")
        if self.name == "tfds" and not self.dataset:
            raise ValueError("data.name is 'tfds': say which one in data.dataset, as cats_vs_dogs")
        return self

    @model_validator(mode="after")
    def _masks_fit(self):
        if self.targets == "masks":
            if self.name != "shapes":
                raise ValueError("targets: masks belongs to data.name=shapes, which draws them")
            if self.train or self.evaluate:
                raise ValueError(
                    "targets: masks goes without transforms, which would move pixels away from "
                    "their masks; remove data.train and data.evaluate"
                )
        return self

    @model_validator(mode="after")
    def _numbers_fit(self):
        channels = CHANNELS.get(self.name, self.channels)
        for key in ("mean", "std"):
            value = getattr(self.normalize, key)
            if isinstance(value, tuple) and len(value) not in (1, channels):
                raise ValueError(f"normalize.{key}: expected {channels} numbers, one a channel")
        height, width = self.size or (1, 1)
        if self.batch_size * height * width * channels > MOST_VALUES:
            fits = max(1, MOST_VALUES // (height * width * channels))
            raise ValueError(
                f"batch_size: {self.batch_size} images of {height} x {width} are more than memory "
                f"holds; at most {fits} of this size fit"
            )
        return self
