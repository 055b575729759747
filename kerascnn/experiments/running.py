"""An experiment, run: every arm for every seed, what is done is not done again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras

from kerascnn.analysis import count
from kerascnn.config import Config, flat, shown
from kerascnn.console import console
from kerascnn.data import load_data
from kerascnn.errors import UserError
from kerascnn.experiments.config import Experiment, read_experiment
from kerascnn.experiments.measures import MEASURES, Measure, Outcome
from kerascnn.experiments.statistics import Summary, summary, verdict
from kerascnn.files import read_json, write_json
from kerascnn.locks import locked
from kerascnn.training import Diverged, Run, run_model, train

FILE = "experiment.json"
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Result:
    """What an experiment gave.

    path: its folder. outcomes: arm -> seed -> `Outcome`. costs: arm -> (parameters,
    multiply-accumulates) of one network of it.
    """

    path: Path
    experiment: Experiment
    outcomes: dict[str, dict[int, Outcome]]
    costs: dict[str, tuple[int, int]]

    @property
    def measure(self) -> Measure:
        return MEASURES[self.experiment.told.measure.name]

    def figures(self, arm: str) -> list[float | None]:
        """Of an arm, one a seed."""
        return [outcome.figure for outcome in self.outcomes[arm].values()]

    def summary(self, arm: str) -> Summary:
        """Mean, least and most of an arm."""
        return summary(self.figures(arm))

    @cached_property
    def verdict(self) -> tuple[str, list[str]]:
        """(held, did not hold or undecided; the same of each expected pair of arms)."""
        figures = {arm: self.figures(arm) for arm in self.outcomes}
        return verdict(self.experiment.pairs, figures)


def run_experiment(
    source: str | Path,
    out: str | Path,
    *,
    seeds: Sequence[int] = SEEDS,
    overrides: Sequence[str] = (),
    data_dir: str | Path | None = None,
) -> Result:
    """Trains the arms of an experiment and measures them.

    Args:
        source: a name that `experiment_names` lists, or the path of a YAML file.
        out: the folder to write: experiment.json, and a run for each arm and seed in runs/. What
            is there already is not trained again; more seeds may be asked for.
        seeds: of the initial weights, the order of the images and the validation split.
        overrides: of the training config of all arms, as "training.epochs=2".
        data_dir: as in `train`.

    Returns:
        The `Result`, of these seeds.

    Raises:
        UserError: what does not fit, as in `train`; a folder that holds another experiment.
    """
    experiment, out = read_experiment(source, overrides), Path(out)
    _read(out, experiment)  # before anything is written
    with locked(out):
        outcomes, costs = _read(out, experiment)
        for seed in seeds:
            for arm, config in experiment.arms.items():
                if seed in outcomes[arm]:
                    continue
                console.print(f"  {experiment.name}: {arm}, seed {seed}", highlight=False)
                outcome, costs[arm] = _outcome(experiment, arm, config, seed, out, data_dir)
                outcomes[arm][seed] = outcome
                _write(Result(out, experiment, outcomes, costs))
                keras.utils.clear_session()  # dozens of networks would not fit into memory
    asked = {arm: {seed: found[seed] for seed in seeds} for arm, found in outcomes.items()}
    return Result(out, experiment, asked, costs)


def _outcome(experiment, arm, config, seed, out, data_dir):
    """(the outcome of an arm with a seed, the cost of its network)."""
    asked = experiment.told.measure
    measure, members = MEASURES[asked.name], experiment.told.members.get(arm, 1)
    if measure.untrained:
        seeded = _with_seed(config, seed)
        data = load_data(config.data, seed=seed, data_dir=data_dir)
        keras.utils.set_random_seed(seed)
        model = run_model(seeded, data, "float32")
        return measure.untrained(model, data, asked.argument), _cost(model)
    runs, own = [], out / "runs" / arm
    for member in range(members):
        folder = own / (f"seed{seed}" + (f"_{member + 1}" if members > 1 else ""))
        # Members differ from each other, and from those of other seeds that people try.
        seeded = _with_seed(config, seed + 1000 * member)
        try:
            runs.append(_trained(seeded, folder, data_dir))
        except Diverged as error:
            console.print(f"  {arm}: {error}", highlight=False)
            model = run_model(
                seeded, load_data(config.data, seed=seed, data_dir=data_dir), "float32"
            )
            return Outcome(None, note="diverged"), _cost(model)
    return measure.trained(runs, asked.argument, data_dir), _cost(runs[0].model())


def _with_seed(config: Config, seed: int) -> Config:
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"training": training})


def _trained(config, folder, data_dir):
    """The finished run in a folder, trained now where it is not there yet."""
    if not (folder / "run.json").exists():
        train(config, folder, data_dir=data_dir, resume=True)
    return Run(folder)


def _cost(model):
    counted = count(model)
    return counted.params, counted.macs


def _write(result: Result) -> None:
    """experiment.json: what was asked, what came of it, and what that says."""
    told, (whole, each) = result.experiment.told, result.verdict
    done = {arm: found for arm, found in result.outcomes.items() if found}
    write_json(
        result.path / FILE,
        {
            "experiment": result.experiment.name,
            "claim": told.claim,
            "source": told.source,
            "reported": told.reported,
            "verdict": whole,
            "pairs": dict(zip(told.expected, each, strict=True)),
            "arms": {
                arm: {
                    "parameters": result.costs[arm][0],
                    "macs": result.costs[arm][1],
                    **asdict(result.summary(arm)),
                    "seeds": {str(seed): asdict(one) for seed, one in found.items()},
                }
                for arm, found in done.items()
            },
            "asked": result.experiment.asked(),
        },
    )


def _read(out: Path, experiment: Experiment) -> tuple[dict[str, Any], dict[str, Any]]:
    """(outcomes, costs) that a folder holds; UserError where they are another experiment's."""
    outcomes: dict[str, dict[int, Outcome]] = {arm: {} for arm in experiment.arms}
    costs: dict[str, tuple[int, int]] = {}
    path = out / FILE
    if not path.exists():
        return outcomes, costs
    record = read_json(path)
    try:
        before, arms = flat(record["asked"]), record["arms"]
        for arm, found in arms.items():
            costs[arm] = found["parameters"], found["macs"]
            for seed, one in found["seeds"].items():
                outcome = Outcome(one["figure"], tuple(one["curve"]), one["note"])
                outcomes.setdefault(arm, {})[int(seed)] = outcome
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UserError(
            f"{path}: not the record of an experiment; remove the folder to begin anew"
        ) from None
    now = flat(experiment.asked())
    told = [
        f"{key} is {shown(before.get(key))} there, {shown(now.get(key))} was asked"
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    if told:
        raise UserError(
            f"{out}: holds another experiment: {'; '.join(told[:3])}; ask for the same, or give "
            "another --out"
        )
    return outcomes, costs
