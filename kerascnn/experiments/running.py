"""An experiment, run: every arm for every seed, what is done is not done again."""

from collections.abc import Sequence
from pathlib import Path

import keras

from kerascnn.analysis import count
from kerascnn.config import Config
from kerascnn.console import console
from kerascnn.data import load_data
from kerascnn.errors import required
from kerascnn.experiments.config import read_experiment
from kerascnn.experiments.measures import MEASURES, Outcome
from kerascnn.experiments.record import read_record, write_record
from kerascnn.experiments.result import Result
from kerascnn.locks import locked
from kerascnn.training import Diverged, Run, run_model, train

SEEDS = (0, 1, 2)


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
    read_record(out, experiment)  # before anything is written
    with locked(out):
        outcomes, costs = read_record(out, experiment)
        for seed in seeds:
            for arm, config in experiment.arms.items():
                if seed in outcomes[arm]:
                    continue
                console.print(f"  {experiment.name}: {arm}, seed {seed}", highlight=False)
                outcome, costs[arm] = _outcome(experiment, arm, config, seed, out, data_dir)
                outcomes[arm][seed] = outcome
                write_record(Result(out, experiment, outcomes, costs))
                keras.utils.clear_session()  # dozens of networks would not fit into memory
        write_record(Result(out, experiment, outcomes, costs))  # the claim may say more than before
    asked = {arm: {seed: found[seed] for seed in seeds} for arm, found in outcomes.items()}
    return Result(out, experiment, asked, costs)


def _outcome(experiment, arm, config, seed, out, data_dir):
    """(the outcome of an arm with a seed, the cost of its networks)."""
    asked, members = experiment.told.measure, experiment.told.members.get(arm, 1)
    measure, config = MEASURES[asked.name], _with_seed(config, seed)
    if measure.untrained:
        model, data = _untrained(config, data_dir)
        return measure.untrained(model, data, asked.argument), _cost(model, 1)
    runs = []
    for member in range(members):
        name = f"seed{seed}" + f"_{member + 1}" * (members > 1)
        # Members differ from each other, and from those of other seeds that people try.
        own = _with_seed(config, seed + 1000 * member)
        try:
            runs.append(_trained(own, out / "runs" / arm / name, data_dir))
        except Diverged as error:
            console.print(f"  {arm}: {error}", highlight=False)
            return Outcome(None, note="diverged"), _cost(_untrained(own, data_dir)[0], members)
    outcome = required(measure.trained)(runs, asked.argument, data_dir)
    return outcome, _cost(runs[0].model(), members)


def _untrained(config, data_dir):
    """(the network of a config with its first weights, its data)."""
    data = load_data(config.data, seed=config.training.seed, data_dir=data_dir)
    keras.utils.set_random_seed(config.training.seed)
    return run_model(config, data, "float32"), data


def _with_seed(config: Config, seed: int) -> Config:
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"training": training})


def _trained(config, folder, data_dir):
    """The finished run in a folder, trained now where it is not there yet."""
    if not (folder / "run.json").exists():
        train(config, folder, data_dir=data_dir, resume=True)
    return Run(folder)


def _cost(model, members):
    counted = count(model)
    return members * counted.params, members * counted.macs
