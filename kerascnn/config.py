"""YAML <-> frozen, validated configs. A key nobody knows names its nearest neighbour."""

import math
import reprlib
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from kerascnn.errors import UserError, unknown
from kerascnn.files import readable_file, write_text

MOST_YAML = 2**20  # bytes; ours have hundreds
MOST_SIDE = 4096  # pixels; the widest input of a registered network has 331
MOST_BATCH = 2**16  # images; the largest batches that papers train with have 32,768
MOST_VALUES = 2**32  # of a batch of images: 16 GiB of float32, to which activations come
LARGEST = 2**31 - 1  # of whole numbers that are counted with; TensorFlow's indices end there
MOST_SEED = 2**32 - 1  # what NumPy's seeds hold
CHANNELS = {"digits": 1, "mnist": 1, "cifar10": 3}

Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]


class Section(BaseModel):
    """A part of a config: frozen, and without room for keys or numbers that mean nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _sound_numbers(value):
    """`value`, of any kind, if no number in it is infinite, not a number, or beyond 64 bits."""
    waiting, seen = [value], set()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:  # YAML may name a part of itself many times
            continue
        seen.add(id(part))
        if isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, float) and not math.isfinite(part):
            raise ValueError(f"expected finite numbers, not {part}")
        elif isinstance(part, int) and abs(part) >= 2**63:
            raise ValueError("expected numbers of at most 64 bits")
    return value


Count = Annotated[int, Field(ge=1, le=LARGEST)]


class ModelConfig(Section):
    """name: a registered network. Its classes come from the data, its channels too.

    arguments: arguments of its builder that replace those of the registered row, as {alpha: 0.5}.
    """

    name: str
    arguments: Annotated[dict[str, Any], AfterValidator(_sound_numbers)] = {}


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


class Schedule(Section):
    """The learning rate: `warmup` epochs of linear rise to `peak`, then

    steps: times `factor` at each of `epochs`. cosine: half a cosine down to zero at the last
    step. plateau: times `factor` whenever the validation loss has not improved for `patience`
    epochs. constant: `peak`.
    """

    name: Literal["constant", "steps", "cosine", "plateau"] = "constant"
    peak: float = Field(gt=0)
    warmup: float = Field(0, ge=0)
    factor: float = Field(0.1, gt=0, lt=1)
    epochs: tuple[float, ...] = ()
    patience: Count = 10

    @model_validator(mode="after")
    def _epochs_belong_to_steps(self):
        if (self.name == "steps") != bool(self.epochs):
            raise ValueError(
                "'epochs' is the list of drops of the schedule 'steps', and of no other"
            )
        return self


class OptimizerConfig(Section):
    """Stochastic gradient descent with momentum.

    weight_decay acts on kernels only, never on biases or normalization. By default it is the L2
    term of the papers, added to the gradient; `decoupled: true` shrinks the weights by
    learning rate x weight_decay instead (Loshchilov & Hutter, arXiv:1711.05101).
    """

    name: Literal["sgd"] = "sgd"
    momentum: float = Field(0.9, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: float = Field(0.0, ge=0)
    decoupled: bool = False
    schedule: Schedule


class TrainingConfig(Section):
    """precision: the Keras dtype policy. xla: compile the step with XLA."""

    epochs: Count
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    xla: bool = False


class Config(Section):
    """One run, whole."""

    model: ModelConfig
    data: DataConfig
    optimizer: OptimizerConfig
    training: TrainingConfig


class _Loader(yaml.SafeLoader):
    """Safe YAML; text that looks like a number or a date and is none says so with its place.

    yaml's own constructors raise what int() and the like raise, without a place.
    """

    def __init__(self, stream):
        super().__init__(stream)
        self.keys = {}  # id of a node -> the key it stands behind

    def construct_mapping(self, node, deep=False):
        if isinstance(node, yaml.MappingNode):
            self.keys.update((id(value), key.value) for key, value in node.value)
        return super().construct_mapping(node, deep)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            key = self.keys.get(id(node))
            place = f"{key}: " if isinstance(key, str) else ""
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{place}{shown(node.value)} is no {kind} that can be read",
                node.start_mark,
            ) from None


def read_yaml(path):
    """Reads a YAML mapping, safely. UserError where there is none."""
    path = readable_file(path, most=MOST_YAML)
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text: {error}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply to be a config") from None
    except ValueError as error:  # a date that does not exist, a number of 5,000 digits
        raise UserError(f"{path}: {shown(str(error))}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        what = getattr(error, "problem", None) or "not YAML"
        raise UserError(f"{path}{where}: {what}") from None
    if not isinstance(tree, dict):
        got = type(tree).__name__
        raise UserError(f"{path}: expected a mapping of sections, got {got}")
    return tree


def parse(schema, tree, where):
    """Validates `tree` (nested dicts) as `schema`; the first mistake becomes a UserError."""
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        raise _mistake(error, schema, where) from None


def load(path, overrides=()):
    """Reads a training config.

    Args:
        path: a YAML file.
        overrides: strings as "training.epochs=2", applied in order; values are YAML.

    Raises:
        UserError: no such file, unknown key (with its neighbour), value of a wrong type.
    """
    return parse(Config, override(read_yaml(path), overrides), path)


def override(tree, overrides):
    """Returns `tree` with "section.key=value" strings applied."""
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"expected key=value, as training.epochs=2, got {text!r}")
        *parents, last = key.split(".")
        node = tree = dict(tree)
        for parent in parents:
            child = node.get(parent, {})
            if not isinstance(child, dict):
                raise UserError(f"{key}: {parent!r} is a value, not a section")
            node[parent] = dict(child)
            node = node[parent]
        try:
            node[last] = yaml.load(value, _Loader)
        except (yaml.YAMLError, RecursionError):
            raise UserError(f"{key}: {shown(value)} is not a YAML value") from None
    return tree


def save(config, path):
    """Writes the resolved config, every default spelled out."""
    write_text(path, dump(config))


def dump(config):
    """Returns the config as YAML text that `load` reads back."""
    tree: dict[str, Any] = config.model_dump(mode="json")
    if "data" in tree:
        tree["data"]["train"] = [
            t["name"] if t["argument"] is None else {t["name"]: t["argument"]}
            for t in tree["data"]["train"]
        ]
    return yaml.safe_dump(tree, sort_keys=False)


def _mistake(error, schema, where):
    """One line for the first of pydantic's errors."""
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        neighbours = _fields(schema, location[:-1])
        return UserError(f"{where}: {unknown('key', key, [*neighbours])}")
    if first["type"] == "missing":
        return UserError(f"{where}: the key {key!r} is missing")
    message = first["msg"].removeprefix("Value error, ")
    return UserError(
        f"{where}: {key}: {message[:1].lower()}{message[1:]}, got {shown(first['input'])}"
    )


def shown(value):
    """repr(value) in a few words: a file may hold anything, as long and as deep as it likes."""
    try:
        return shortened.repr(value)
    except ValueError:  # a number of thousands of digits
        return f"something too long to show, of type {type(value).__name__}"


shortened = reprlib.Repr()
shortened.maxstring = shortened.maxother = 80


def _fields(schema, location):
    """The dotted keys beside the one at `location` in `schema`."""
    for part in location:
        field = schema.model_fields.get(part)
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        sections = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        if not sections:
            return []
        schema = sections[0]
    prefix = "".join(f"{part}." for part in location)
    return [prefix + name for name in schema.model_fields]
