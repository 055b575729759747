"""The registry: every network by the name people type, with the numbers it must reproduce."""

import fnmatch
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from types import MappingProxyType
from typing import Any

import keras

from kerascnn.errors import UserError, unknown
from kerascnn.models import weights as known_weights
from kerascnn.models.published import Published
from kerascnn.models.variations import VARIATIONS, vary

BUILD_ARGUMENTS = ("input_shape", "num_classes", "name")  # every builder's


@dataclass(frozen=True)
class Row:
    """One line of a paper's table.

    params: trainable weights. macs: multiply-accumulates of one image of `input_shape`,
    (height, width, channels). top1, top5: the accuracies published for it, in percent, or None.
    published: where, and how they were measured.
    auxiliary: name of an output beside "head_logits" -> the weight of its loss.
    arguments: what the builder is called with.
    """

    params: int
    macs: int
    input_shape: tuple[int, ...]
    num_classes: int
    top1: float | None
    top5: float | None
    published: Published | None
    auxiliary: Mapping[str, float]
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Variant:
    """A registered network: its row, its builder and its source."""

    name: str
    row: Row
    builder: Callable
    paper: str
    year: int

    def check(self, arguments: Iterable[str]) -> None:
        """UserError with the nearest name for one of `arguments` that the network does not take."""
        known = [*self.own_arguments(), *VARIATIONS]
        for key in arguments:
            if key not in known:
                raise unknown(f"argument of {self.name}", key, known)

    def own_arguments(self) -> list[str]:
        """The names of the arguments that the builder itself takes."""
        return [k for k in inspect.signature(self.builder).parameters if k not in BUILD_ARGUMENTS]


_variants: dict[str, Variant] = {}


def row(
    *,
    params: int,
    macs: int,
    input_shape: tuple[int, ...] = (224, 224, 3),
    num_classes: int = 1000,
    top1: float | None = None,
    top5: float | None = None,
    published: Published | None = None,
    auxiliary: Mapping[str, float] = MappingProxyType({}),
    **arguments: Any,
) -> Row:
    """Writes one row of a VARIANTS table; what is not named here goes to the builder."""
    return Row(
        params,
        macs,
        tuple(input_shape),
        num_classes,
        top1,
        top5,
        published,
        auxiliary,
        arguments,
    )


def register(
    variants: Mapping[str, Row], *, paper: str, year: int
) -> Callable[[Callable[..., keras.Model]], Callable[..., keras.Model]]:
    """Registers `variants` (name -> row) as networks of the decorated builder.

    The builder takes the rows' arguments, then `input_shape`, `num_classes` and `name`, and
    returns a functional `keras.Model` that gives logits.
    """

    def decorate(builder: Callable[..., keras.Model]) -> Callable[..., keras.Model]:
        for name, entry in variants.items():
            if name in _variants:
                raise ValueError(f"two networks are called {name!r}")
            _variants[name] = Variant(name, entry, builder, paper, year)
        return builder

    return decorate


def variant(name: str) -> Variant:
    """Returns the `Variant` called `name`; UserError with the nearest name where there is none."""
    if name not in _variants:
        raise unknown("model", name, _variants)
    return _variants[name]


def models(pattern: str = "*") -> list[str]:
    """Returns the names that match a shell `pattern`, sorted by year, then by name."""
    names = fnmatch.filter(_variants, pattern)
    return sorted(names, key=lambda name: (_variants[name].year, name))


def build(
    name: str,
    *,
    input_shape: tuple[int, ...] | None = None,
    num_classes: int | None = None,
    weights: str | PathLike[str] | None = None,
    new_head: bool = False,
    **arguments: Any,
) -> keras.Model:
    """Builds a registered network.

    Args:
        name: what `models()` lists, as "resnet8".
        input_shape: (height, width, channels); the row's own by default.
        num_classes: size of the logits; the row's own by default.
        weights: None, random ones. "imagenet", those that keras.applications publishes for this
            very network, which it fetches and keeps. Or a file: "FILE.safetensors", a state dict
            of torchvision or timm, read without torch; "FILE.h5", weights of keras.applications.
            Every weight is set from them and each of them is used, or nothing is.
        new_head: the classifiers keep random weights, and those in `weights` are left aside: for
            other classes than these were trained on.
        **arguments: of the network's builder, in place of the row's, as alpha=0.5; and of any
            network act, initializer, dropout and zero_gamma (see `vary`).

    Returns:
        A functional `keras.Model`: images as the paper normalizes them, (batch, height, width,
        channels) -> logits, (batch, num_classes). With weights: RGB images as
        `kerascnn.preprocessing(name, weights)` normalizes them.

    Raises:
        UserError: unknown name or argument, an input size on which the network does not fit, or
            weights that are not there or not this network's.
    """
    found = variant(name)
    found.check(arguments)
    if weights is not None:
        known_weights.check(name, weights)
    shape = found.row.input_shape if input_shape is None else tuple(input_shape)
    if len(shape) != len(found.row.input_shape):
        expected = ", ".join(map(str, found.row.input_shape))
        raise UserError(f"{name}: expected an input shape like ({expected}), got {shape}")
    classes = found.row.num_classes if num_classes is None else num_classes
    own = found.own_arguments()
    variations = {key: arguments.pop(key) for key in VARIATIONS if key in {*arguments} - {*own}}
    if weights is not None and {"initializer", "zero_gamma"} & {*variations}:
        raise UserError(f"{name}: initial values, and weights from {weights} in their place")
    arguments = {**found.row.arguments, **arguments}
    network = found.builder(**arguments, input_shape=shape, num_classes=classes, name=name)
    if weights is not None:
        known_weights.load(network, name, weights, arguments, new_head=new_head)
    return vary(network, variations)
