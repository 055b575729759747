"""What the transforms take, as pydantic schemas: a config is validated before an image is read."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_SIDE = 4096  # pixels

Margin = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Share = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(gt=0, le=180)]
Slope = Annotated[float, Field(gt=0, le=2)]
Concentration = Annotated[float, Field(gt=0, le=100)]


class Argument(BaseModel):
    """An argument of several parts."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Sides(Argument):
    """The least and the most of a drawn side, in pixels; written as [256, 512]."""

    least: Side
    most: Side

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value):
        if isinstance(value, list | tuple) and len(value) == 2:
            return {"least": value[0], "most": value[1]}
        return value

    @model_validator(mode="after")
    def _in_order(self):
        if self.least > self.most:
            raise ValueError("expected [least, most]")
        return self


class InceptionCrop(Argument):
    """scale: shares of the area. ratio: widths over heights. Both (least, most)."""

    scale: tuple[Annotated[float, Field(gt=0, le=1)], Annotated[float, Field(gt=0, le=1)]] = (
        0.08,
        1.0,
    )
    ratio: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = (3 / 4, 4 / 3)

    @model_validator(mode="after")
    def _in_order(self):
        for name in ("scale", "ratio"):
            least, most = getattr(self, name)
            if least > most:
                raise ValueError(f"{name}: expected [least, most]")
        return self


class ColourJitter(Argument):
    """Factors are drawn from [1 - x, 1 + x]; hue, a turn of the colours, from [-x, x] of a turn."""

    brightness: Share = 0.4
    contrast: Share = 0.4
    saturation: Share = 0.4
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0


class Zoom(Argument):
    """The least and the most of a drawn factor; above 1 the picture grows. [0.8, 1.2]."""

    least: Annotated[float, Field(gt=0, le=10)]
    most: Annotated[float, Field(gt=0, le=10)]

    @model_validator(mode="before")
    @classmethod
    def _from_pair(cls, value):
        if isinstance(value, list | tuple) and len(value) == 2:
            return {"least": value[0], "most": value[1]}
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"least": 1 - value, "most": 1 + value}
        return value

    @model_validator(mode="after")
    def _in_order(self):
        if self.least > self.most:
            raise ValueError("expected [least, most]")
        return self


class RandomAugment(Argument):
    """layers: operations one after the other. magnitude: how strong each is, of 30."""

    layers: Annotated[int, Field(ge=1, le=14)] = 2
    magnitude: Annotated[float, Field(ge=0, le=30)] = 9
