"""experiment.json: what was asked, what came of it. An experiment goes on from it."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from kerascnn.config import differences
from kerascnn.errors import UserError
from kerascnn.experiments.config import Experiment
from kerascnn.experiments.measures import Outcome
from kerascnn.experiments.result import Result
from kerascnn.files import read_json, write_json

FILE = "experiment.json"


def write_record(result: Result) -> None:
    """Writes the record of an experiment into its folder."""
    told, (whole, each) = result.experiment.told, result.verdict
    done = {arm: found for arm, found in result.outcomes.items() if found}
    write_json(
        result.path / FILE,
        {
            "experiment": result.experiment.name,
            "claim": told.claim,
            "source": told.source,
            "reported": told.reported,
            "measure": result.label,
            "verdict": whole,
            "sentence": result.sentence if len(done) == len(result.outcomes) else "",
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


def read_record(out: Path, experiment: Experiment) -> tuple[dict[str, Any], dict[str, Any]]:
    """(outcomes, costs) that a folder holds; UserError where they are another experiment's."""
    outcomes: dict[str, dict[int, Outcome]] = {arm: {} for arm in experiment.arms}
    costs: dict[str, tuple[int, int]] = {}
    path = out / FILE
    if not path.exists():
        return outcomes, costs
    record = read_json(path)
    try:
        told = differences(record["asked"], experiment.asked(), "there")
        for arm, found in record["arms"].items():
            costs[arm] = found["parameters"], found["macs"]
            for seed, one in found["seeds"].items():
                outcome = Outcome(one["figure"], tuple(one["curve"]), one["note"])
                outcomes.setdefault(arm, {})[int(seed)] = outcome
    except (KeyError, TypeError, AttributeError, ValueError):
        raise UserError(
            f"{path}: not the record of an experiment; remove the folder to begin anew"
        ) from None
    if told:
        raise UserError(
            f"{out}: holds another experiment: {'; '.join(told[:3])}; ask for the same, or give "
            "another --out"
        )
    return outcomes, costs
