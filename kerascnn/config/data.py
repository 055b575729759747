"""The section `data` of a config: the images, what is done to them, how they are normalized."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kerascnn.config.section import MOST_BATCH, MOST_VALUES, Section, Side

CHANNELS = {"digits": 1, "mnist": 1, "cifar10": 3}


class Normalize(Section):
    """What the network sees is (pixel - mean) / std, pixels in 0..255; numbers or one a channel."""

    mean: float | tuple[float, ...] = 128.0
    std: float | tuple[float, ...] = 128.0

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
    for number in value if isinstance(value, tuple) else [value]:
        if not least <= number <= most:
            raise ValueError(f"expected numbers from {least} to {most}, for pixels in 0..255")
    return value


def _transform(value):
    """A transform is written as its name, `flip`, or as {name: argument}, {pad_crop: 4}."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        return {"name": name, "argument": argument}
    return {"name": value} if isinstance(value, str) else value


class Transform(Section):
    """flip: mirror half of the images. pad_crop: pad by n zeros, crop back at a random place."""

    name: Literal["flip", "pad_crop"]
    argument: Side | None = None

    @model_validator(mode="after")
    def _argument_fits(self):
        if (self.name == "pad_crop") != (self.argument is not None):
            raise ValueError("write transforms as 'flip' or {pad_crop: 4}")
        return self


class DataConfig(Section):
    """name: digits, mnist, cifar10, or folder (a folder of class folders, given by `path`).

    size: (height, width) of the network's input; the data's own by default. resize: "stretch"
    (bilinear, the aspect is lost) or "pad" (zeros around an image that is smaller).
    validation: the share of the training images that is held out to choose by.
    """

    name: Literal["digits", "mnist", "cifar10", "folder"]
    path: str | None = None
    size: tuple[Side, Side] | None = None
    resize: Literal["stretch", "pad"] = "stretch"
    channels: Literal[1, 3] = 3
    batch_size: int = Field(128, ge=1, le=MOST_BATCH)
    validation: float = Field(0.1, gt=0, lt=1)
    train: tuple[Annotated[Transform, BeforeValidator(_transform)], ...] = ()
    normalize: Normalize = Normalize()

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
