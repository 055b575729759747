"""Fine-tuning, read from top to bottom: a network that has learned, images, a choice, a run."""

from dataclasses import asdict
from math import ceil
from pathlib import Path

import keras

from kerascnn.config import Config
from kerascnn.config.data import DataConfig
from kerascnn.config.optimization import Distribute, TrainingConfig
from kerascnn.config.optimizers import Optimizer, SGDConfig
from kerascnn.config.schedules import CosineSchedule
from kerascnn.console import console
from kerascnn.data import Data, load_data
from kerascnn.errors import UserError
from kerascnn.files import read_json, write_json
from kerascnn.locks import locked
from kerascnn.models.graph import normalized
from kerascnn.training import Run, finish, fit, is_finished, write_settings
from kerascnn.training.distribution import place
from kerascnn.training.resuming import refuse_another, refuse_existing
from kerascnn.transfer.choosing import Orders, prepared
from kerascnn.transfer.freezing import freeze_layers, variable_rates
from kerascnn.transfer.start import Start, image_data, start_from
from kerascnn.transfer.strategy import RATES

EPOCHS = (20, 100)  # the fewest and the most
STEPS = 600  # that a new classifier needs to settle
CHOICE = "transfer.json"  # in a run: what was asked and chosen, for who goes on with it
PEAK = 0.02  # of SGD with momentum at this batch; what has learned takes a tenth of it


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
    distribute: Distribute = "none",
    resume: bool = False,
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
        out: the run folder, which must not hold a run already, unless `resume`.
        orders: what to do otherwise than the table says.
        size: (height, width) of the images; by default that of the network's row, or of the run.
        epochs: of the training; by default 20, and up to 100 where there are few images.
        optimizer: the section of a config; by default SGD with momentum and a cosine.
        seed: of the new classifier, of the order of images and of augmentation.
        data_dir: where MNIST's or CIFAR-10's files are.
        distribute: over which devices of this machine, as `training.distribute` of a config.
        resume: go on from the last epoch that the run in `out` finished, asked as it was begun.

    Returns:
        The `Run`. `run.json` says under "transfer" where it came from and what was trained.

    Raises:
        UserError: weights, data, layers or a folder that do not fit.
    """
    start, out = start_from(network, weights), Path(out)
    section = _data_config(data, start, size)
    if not resume:
        refuse_existing(out)  # before the data is read
    images = load_data(section, seed=seed, data_dir=data_dir)
    config = Config(
        model=start.model,
        data=section,
        optimizer=optimizer or _optimizer(),
        training=TrainingConfig(
            epochs=epochs or _epochs(images.steps_per_epoch()), seed=seed, distribute=distribute
        ),
    )
    if config.data.name == "folder":
        console.print(f"  {config.data.path}: {images.summary()}", highlight=False)
    with locked(out):
        refuse_another(config, out, resume=resume)
        finetune_on(images, start, config, out, orders or Orders(), resume=resume)
    return Run(out)


def finetune_on(
    data: Data, start: Start, config: Config, out: Path, orders: Orders, *, resume: bool = False
) -> None:
    """`finetune` on images that are loaded: chooses, says what and why, trains, writes the run."""
    where = place(config.training.distribute)
    if where.workers > 1:
        raise UserError("finetune: trains on the devices of one machine; `train` takes --workers")
    where.check(len(data.train), config.data.batch_size)
    keras.utils.set_random_seed(config.training.seed)
    asked = {"network": start.model.name, "weights": start.weights, "orders": asdict(orders)}
    with where.scope():
        model = normalized(start.network(data.shape, len(data.names)), config.data.normalize)
        chosen = _chosen_before(out, asked) if resume else None
        if chosen:
            freeze_layers(model, chosen["frozen"])
        else:
            model, chosen = prepared(model, data, config, orders)
        strategy = chosen["strategy"]
        rates = variable_rates(model, orders.rates, pretrained=RATES[strategy] or 1.0)
        console.print(
            f"  {len(chosen['frozen'])} layers stay as they are; {len(model.trainable_variables)} "
            f"tensors of weights are trained, {len(rates)} of them at another rate",
            highlight=False,
        )

        def write(logs):
            write_settings(config, data, out)
            write_json(out / CHOICE, {**asked, **chosen})

        rows = fit(
            model,
            data,
            config.optimizer,
            config.training,
            out,
            checkpoints=out / "checkpoints",
            resume=resume,
            callbacks=[keras.callbacks.LambdaCallback(on_train_begin=write)],
            rates=rates,
            where=where,
        )
    if resume and is_finished(out, len(rows)):
        return  # what was made of its model refers to it
    told = {key: value for key, value in asked.items() if key != "orders"}
    finish(config, data, out, rows, transfer={**told, **chosen, "rates": dict(orders.rates)})


def _chosen_before(out, asked):
    """What the run in `out` chose; None where it finished no epoch.

    Raises:
        UserError: it was begun with other weights or orders, or what it chose is gone.
    """
    if not (out / "checkpoints" / "last.keras").exists():
        return None
    if not (out / CHOICE).exists():
        raise UserError(f"{out / CHOICE} is missing: what this fine-tuning chose; put it back")
    before = read_json(out / CHOICE)
    for key, value in asked.items():
        if before.pop(key, None) != value:
            raise UserError(f"{out}: goes on only with the {key} it began with")
    console.print(f"  {before['why']}", highlight=False)
    return before


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
