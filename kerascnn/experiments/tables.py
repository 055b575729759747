"""What an experiment gave, as a table and as figures."""

from dataclasses import asdict
from typing import Any

from kerascnn.experiments.result import Result
from kerascnn.tables import Column, Table


def figures(result: Result) -> list[dict[str, Any]]:
    """A dict for each arm: what it costs, mean, least, most, and the figure of each seed."""
    return [
        {
            "arm": arm,
            "parameters": result.costs[arm][0],
            "macs": result.costs[arm][1],
            "measure": result.label,
            **asdict(result.summary(arm)),
            "seeds": {str(seed): one.figure for seed, one in found.items()},
            "notes": {str(seed): one.note for seed, one in found.items() if one.note},
        }
        for arm, found in result.outcomes.items()
    ]


def experiment_table(result: Result) -> Table:
    """A line for each arm, in the order of the file."""
    seeds = list(next(iter(result.outcomes.values())))
    columns = ["parameters", "MACs", *(f"seed {seed}" for seed in seeds), "mean"]
    table = Table(
        "arm",
        *(Column(name, right=True) for name in columns),
        title=result.label,
        caption=result.sentence,
    )
    for arm, found in result.outcomes.items():
        cells = [f"{number:,}" for number in result.costs[arm]]
        cells += [result.written(one.figure, one.note) for one in found.values()]
        mean = result.summary(arm).mean
        table.add(arm, *cells, "" if mean is None else result.written(mean))
    return table
