"""Fine-tuning, read from top to bottom: a network that has learned, images, a choice, a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

import keras

from kerascnn.config import Config
from kerascnn.config.data import DataConfig
from kerascnn.config.optimization import TrainingConfig
from kerascnn.config.optimizers import Optimizer, SGDConfig
from kerascnn.config.schedules import CosineSchedule
from kerascnn.console import console
from kerascnn.data import Data, load_data
from kerascnn.locks import locked
from kerascnn.models import build
from kerascnn.models.graph import nodes, normalized
from kerascnn.models.weights.fitting import classifiers
from kerascnn.training import Run, finish, fit, write_settings
from kerascnn.training.resuming import refuse_existing
from kerascnn.transfer.features import extract_features, pooled, stage_ends
from kerascnn.transfer.freezing import freeze_but_classifiers, freeze_until, variable_rates
from kerascnn.transfer.start import BATCH, Start, image_data, start_from
from kerascnn.transfer.strategy import (
    RATES,
    Domain,
    Similarity,
    Strategy,
    choose_strategy,
    cross_validated,
    sample,
    small,
)

EPOCHS = (20, 100)  # the fewest and the most
STEPS = 600  # that a new classifier needs to settle
PEAK = 0.02  # of SGD with momentum at this batch; what has learned takes a tenth of it


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


def finetune(
    network: str | None,
    weights: str | Path | Run,
    data: str | Path | DataConfig,
    out: str | Path,
    *,
    orders: Orders | None = None,
    size: tuple[int, int] | None = None,
    epochs: int | None = None,
    optimizer: Optimizer | None = None,
    seed: int = 0,
    data_dir: str | Path | None = None,
) -> Run:
    """Trains a network that has learned on other images, and leaves a run folder.

        kerascnn.finetune("resnet50", "imagenet", "photos", "runs/photos")

    Which layers are trained is chosen by the table of `kerascnn.transfer.strategy`, from the number
    of images and how well features tell them, and is said with its reason.

    Args:
        network: a registered name; None for that of a run.
        weights: "imagenet", a file that `kerascnn.build` takes, or a run.
        data: a folder of class folders; or the section of a config, whose normalization is replaced
            by what the weights expect.
        out: the run folder, which must not hold a run already.
        orders: what to do otherwise than the table says.
        size: (height, width) of the images; by default that of the network's row, or of the run.
        epochs: of the training; by default 20, and up to 100 where there are few images.
        optimizer: the section of a config; by default SGD with momentum and a cosine.
        seed: of the new classifier, of the order of images and of augmentation.
        data_dir: where MNIST's or CIFAR-10's files are.

    Returns:
        The `Run`. `run.json` says under "transfer" where it came from and what was trained.

    Raises:
        UserError: weights, data, layers or a folder that do not fit.
    """
    start, out = start_from(network, weights), Path(out)
    section = _data_config(data, start, size)
    refuse_existing(out)  # before the data is read
    images = load_data(section, seed=seed, data_dir=data_dir)
    config = Config(
        model=start.model,
        data=section,
        optimizer=optimizer or _optimizer(),
        training=TrainingConfig(epochs=epochs or _epochs(images.steps_per_epoch()), seed=seed),
    )
    if config.data.name == "folder":
        console.print(f"  {config.data.path}: {images.summary()}", highlight=False)
    with locked(out):
        refuse_existing(out)
        finetune_on(images, start, config, out, orders or Orders())
    return Run(out)


def finetune_on(data: Data, start: Start, config: Config, out: Path, orders: Orders) -> None:
    """`finetune` on images that are loaded: chooses, says what and why, trains, writes the run."""
    keras.utils.set_random_seed(config.training.seed)
    network = start.network(data.shape, len(data.names))
    model = normalized(network, config.data.normalize)
    similarity, strategy = choose(model, data, orders)
    if strategy.kind == "scratch":
        model = normalized(_anew(network, data, config), config.data.normalize)
    frozen = _freeze(model, data, strategy, orders)
    rates = variable_rates(model, orders.rates, pretrained=RATES[strategy.kind] or 1.0)
    trained = len(model.trainable_variables)
    console.print(
        f"  {len(frozen)} layers stay as they are; {trained} tensors of weights are trained, "
        f"{len(rates)} of them at another rate",
        highlight=False,
    )
    write = keras.callbacks.LambdaCallback(
        on_train_begin=lambda logs: write_settings(config, data, out)
    )
    rows = fit(
        model,
        data,
        config.optimizer,
        config.training,
        out,
        checkpoints=out / "checkpoints",
        callbacks=[write],
        rates=rates,
    )
    transfer = {
        "network": start.model.name,
        "weights": start.weights,
        "strategy": strategy.kind,
        "why": strategy.why,
        "similarity": similarity and {"features": similarity.features, "pixels": similarity.pixels},
        "frozen": frozen,
        "rates": dict(orders.rates),
    }
    finish(config, data, out, rows, transfer=transfer)


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


def _anew(network: keras.Model, data: Data, config: Config) -> keras.Model:
    return build(
        network.name,
        input_shape=data.shape,
        num_classes=len(data.names),
        **config.model.arguments,
    )


def _data_config(
    data: str | Path | DataConfig, start: Start, size: tuple[int, int] | None
) -> DataConfig:
    side = size or start.shape[:2]
    if not isinstance(data, DataConfig):
        moved = max(1, min(side) // 8)
        data = image_data(data, start.shape[2], side, train=("flip", {"pad_crop": moved}))
    return DataConfig(**{**dict(data), "size": side, "normalize": start.normalize})


def _epochs(steps: int) -> int:
    least, most = EPOCHS
    return min(most, max(least, ceil(STEPS / steps)))


def _optimizer() -> SGDConfig:
    return SGDConfig(
        momentum=0.9,
        weight_decay=1e-4,
        schedule=CosineSchedule(peak=PEAK),
    )
