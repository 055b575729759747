"""What a fine-tuning trains: orders, else what measurements and the table of `strategy` say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import keras

from kerascnn.config import Config
from kerascnn.console import console
from kerascnn.data import Data
from kerascnn.models import build
from kerascnn.models.graph import nodes, normalized
from kerascnn.models.weights.fitting import classifiers
from kerascnn.transfer.features import extract_features, pooled, stage_ends
from kerascnn.transfer.freezing import freeze_but_classifiers, freeze_until
from kerascnn.transfer.start import BATCH
from kerascnn.transfer.strategy import (
    Domain,
    Similarity,
    Strategy,
    choose_strategy,
    cross_validated,
    sample,
    small,
)


@dataclass(frozen=True)
class Orders:
    """What whoever fine-tunes wants otherwise than the table has it.

    domain: whether the images are like those that the network learned from; measured by default.
    freeze_until: a layer or stage; it and all before it stay. rates: stage or layer -> factor of
    the learning rate.
    """

    domain: Domain | None = None
    freeze_until: str | None = None
    rates: Mapping[str, float] = field(default_factory=dict)


def prepared(
    model: keras.Model, data: Data, config: Config, orders: Orders
) -> tuple[keras.Model, dict[str, Any]]:
    """Chooses and says what to train, and freezes the rest.

    model: takes raw pixels, with the weights that it learned elsewhere.

    Returns:
        The model to train, and the strategy, the reason, the measurement and the names of the
        frozen layers, as JSON keeps them.
    """
    similarity, strategy = choose(model, data, orders)
    if strategy.kind == "scratch":
        model = normalized(_anew(data, config), config.data.normalize)
    frozen = _freeze(model, data, strategy, orders)
    measured = similarity and {"features": similarity.features, "pixels": similarity.pixels}
    return model, {
        "strategy": strategy.kind,
        "why": strategy.why,
        "similarity": measured,
        "frozen": frozen,
    }


def choose(model: keras.Model, data: Data, orders: Orders) -> tuple[Similarity | None, Strategy]:
    """Measures, where it is not told, how similar images are; says that and what to train.

    model: takes raw pixels, with the weights that it learned elsewhere.
    """
    similarity = None
    if orders.domain is None:
        similarity = measure_similarity(model, data)
        console.print(f"  {similarity.told()}", highlight=False)
        domain: Domain = similarity.domain
    else:
        domain = orders.domain
    strategy = choose_strategy(len(data.train) / len(data.names), domain)
    if orders.freeze_until is not None:
        why = f"as ordered, {orders.freeze_until} and all before it stay"
        strategy = Strategy("deeper", why)
    console.print(f"  {strategy.why}", highlight=False)
    return similarity, strategy


def measure_similarity(model: keras.Model, data: Data) -> Similarity:
    """How well a linear classifier tells training images that it has not seen.

    By what the network's classifier is given, and by the pixels; see `Similarity`.
    """
    pixels, labels = sample(data)
    heads = classifiers(model)
    last = next(node for node in nodes(model) if node.operation.name in heads)
    part = keras.Model(model.inputs, pooled(last.input_tensors[0]))
    found = part.predict(pixels.astype("float32"), batch_size=BATCH, verbose=0)
    return Similarity(cross_validated(found, labels), cross_validated(small(pixels), labels))


def most_telling_stage(model: keras.Model, data: Data) -> str | None:
    """The stage whose average features tell training images best; None where there are none."""
    pixels, labels = sample(data)
    stages = [name for name in stage_ends(model) if name != "head"]
    scores = {
        stage: cross_validated(
            extract_features(model, pixels.astype("float32"), stage, average=True), labels
        )
        for stage in stages
    }
    for stage, score in scores.items():
        console.print(f"    {stage}: {score:.1%} of held-out images", highlight=False)
    return max(scores, key=lambda stage: scores[stage], default=None)


def _freeze(model: keras.Model, data: Data, strategy: Strategy, orders: Orders) -> list[str]:
    if orders.freeze_until is not None:
        return freeze_until(model, orders.freeze_until)
    if strategy.kind == "last":
        return freeze_but_classifiers(model)
    if strategy.kind == "earlier":
        stage = most_telling_stage(model, data)
        return freeze_until(model, stage) if stage else freeze_but_classifiers(model)
    return []


def _anew(data: Data, config: Config) -> keras.Model:
    return build(
        config.model.name,
        input_shape=data.shape,
        num_classes=len(data.names),
        **config.model.arguments,
    )
