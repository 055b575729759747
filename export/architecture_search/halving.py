"""Successive halving: train all for a few epochs, keep the best, train those for more."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import keras

from kerascnn.config import Config
from kerascnn.console import console
from kerascnn.data import load_data
from kerascnn.locks import locked
from kerascnn.training import Diverged, Run, train
from kerascnn.training.resuming import OPEN_ENDED

from .candidates import Candidate, draw
from .config import Asked, read_search
from .record import read_record, write_record


@dataclass(frozen=True)
class Search:
    """What a search found. path: of its folder. candidates: the best first."""

    path: Path
    asked: Asked
    candidates: tuple[Candidate, ...]

    @property
    def epochs(self) -> tuple[int, ...]:
        """Those of the rungs."""
        return self.asked.search.epochs

    def run(self, candidate: Candidate) -> Path:
        """The folder of the longest run of a candidate that was trained."""
        return run_folder(self.path, self.asked, candidate, len(candidate.accuracy) - 1)


def search(
    config: str | Path,
    out: str | Path,
    *,
    macs: int,
    bytes: int,
    overrides: Sequence[str] = (),
    data_dir: Path | None = None,
    resume: bool = False,
) -> Search:
    """Searches for the most accurate network within two limits.

    Candidates are drawn from the config's space, and those that fit are trained, as `train` does,
    for the epochs of the first rung; the best of them by the validation images for those of the
    next one, and so on. No test image is looked at.

    Args:
        config: a YAML file, see `SearchConfig`.
        out: the folder to write: search.json and a run for each candidate, in runs/.
        macs: the most multiply-accumulates for one image. bytes: of the int8 .tflite file.
        overrides: of the training config, as "optimizer.schedule.peak=0.05".
        data_dir: as in `train`.
        resume: go on with the search in `out`, at the epoch at which it ended.

    Returns:
        The `Search`.

    Raises:
        UserError: what does not fit, as in `train`; a space of which nothing fits the limits.
    """
    asked = read_search(Path(config), macs=macs, bytes=bytes, overrides=overrides)
    out = Path(out)
    read_record(out, asked, resume=resume)  # before the data is read
    data = load_data(asked.training.data, seed=asked.training.training.seed, data_dir=data_dir)
    with locked(out):
        tried = read_record(out, asked, resume=resume)
        found = draw(asked, data, tried, lambda: write_record(out, asked, tried))
        console.print(
            f"  {len(found)} candidates, of {len(tried):,} networks that were drawn",
            highlight=False,
        )
        _climb(found, asked, out, data_dir, lambda: write_record(out, asked, tried))
    return Search(out, asked, tuple(sorted(found, key=_rank)))


def _climb(alive, asked, out, data_dir, keep):
    """Trains the candidates, rung by rung; fills in their accuracies."""
    rungs = asked.search.epochs
    if len(rungs) > 1:
        schedule = asked.training.optimizer.schedule.name
        how = (
            "go on from shorter ones"
            if goes_on(asked.training)
            else f"train anew: the schedule {schedule} ends with its epochs"
        )
        console.print(f"  longer rungs {how}", highlight=False)
    for rung, epochs in enumerate(rungs):
        console.print(
            f"  rung {rung + 1} of {len(rungs)}: {len(alive)} candidates, {plural(epochs)}",
            highlight=False,
        )
        for candidate in alive:
            if len(candidate.accuracy) > rung or candidate.diverged:
                continue
            console.print(
                f"  {candidate.name}, {candidate.macs:,} multiply-accumulates, "
                f"{candidate.bytes:,} bytes",
                highlight=False,
            )
            _train(candidate, asked, rung, out, data_dir)
            keep()
        places = ceil(round(len(alive) * asked.search.keep, 6))  # 0.1 * 30 is above 3
        sound = [candidate for candidate in alive if not candidate.diverged]
        alive = sorted(sound, key=_rank)[:places]


def _train(candidate, asked, rung, out, data_dir):
    """Trains a candidate for a rung; goes on where an interrupted run stands."""
    epochs = asked.search.epochs[rung]
    folder = run_folder(out, asked, candidate, rung)
    config = candidate.config(asked.training)
    training = config.training.model_copy(update={"epochs": epochs})
    config = config.model_copy(update={"training": training})
    try:
        if not _is_done(folder, epochs):
            train(config, folder, data_dir=data_dir, resume=True)
        candidate.accuracy.append(Run(folder).facts["validation_accuracy"])
    except Diverged as error:
        console.print(f"  {candidate.name}: {error}", highlight=False)
        candidate.diverged = True
    keras.utils.clear_session()  # a hundred networks would not fit into memory


def _is_done(folder, epochs):
    """Whether a folder holds the finished run of so many epochs.

    Also where what stands there is an unfinished training of a longer one: run.json is of before.
    """
    return (folder / "run.json").exists() and Run(folder).facts["epochs"] == epochs


def run_folder(out: Path, asked: Asked, candidate: Candidate, rung: int) -> Path:
    """Where a candidate is trained for a rung: in one folder, where rungs go on from another."""
    name = candidate.name
    if not goes_on(asked.training):
        name = f"{name}_{asked.search.epochs[rung]}epochs"
    return out / "runs" / name


def plural(epochs: int) -> str:
    """A number of epochs in words, "1 epoch"."""
    return f"{epochs} epoch{'s' * (epochs > 1)}"


def goes_on(training: Config) -> bool:
    """Whether more epochs may follow on fewer: whether the schedule does not depend on them."""
    return training.optimizer.schedule.name in OPEN_ENDED


def _rank(candidate):
    """Sorts the best first: by the rungs that were reached, then by the accuracy at the last."""
    reached = len(candidate.accuracy)
    return -reached, -candidate.accuracy[-1] if reached else 0.0, candidate.number
