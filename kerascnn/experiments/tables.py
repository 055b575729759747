"""What an experiment gave, as a table, as figures and in a sentence."""

from dataclasses import asdict
from typing import Any

from kerascnn.experiments.running import Result
from kerascnn.experiments.statistics import Figure
from kerascnn.tables import Column, Table


def label(result: Result) -> str:
    """What is measured, with its number: "steps to a training error of 10%"."""
    argument = result.experiment.told.measure.argument
    return result.measure.label.format(argument=argument if argument is not None else 0)


def written(result: Result, figure: Figure, note: str = "") -> str:
    """A figure as people read it; where there is none, why."""
    return (note or "none") if figure is None else result.measure.written.format(figure)


def figures(result: Result) -> list[dict[str, Any]]:
    """A dict for each arm: what it costs, mean, least, most, and the figure of each seed."""
    return [
        {
            "arm": arm,
            "parameters": result.costs[arm][0],
            "macs": result.costs[arm][1],
            "measure": label(result),
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
        title=label(result),
        caption=sentence(result),
    )
    for arm, found in result.outcomes.items():
        cells = [f"{number:,}" for number in result.costs[arm]]
        cells += [written(result, one.figure, one.note) for one in found.values()]
        mean = result.summary(arm).mean
        table.add(arm, *cells, "" if mean is None else written(result, mean))
    return table


def sentence(result: Result) -> str:
    """The verdict: "held: resnet56 1.20% (1.10 to 1.30%) < plain56 4.00% (3.10 to 5.20%)"."""
    whole, each = result.verdict
    parts = [
        f"{_spread(result, left)} < {_spread(result, right)}" + (f": {one}" * (len(each) > 1))
        for (left, right), one in zip(result.experiment.pairs, each, strict=True)
    ]
    seeds = len(next(iter(result.outcomes.values())))
    few = "; one seed decides nothing" if seeds == 1 else ""
    return f"{whole}{few}: {'; '.join(parts)}"


def _spread(result, arm):
    found, notes = result.summary(arm), [one.note for one in result.outcomes[arm].values()]
    note = next(filter(None, notes), "")
    mean, least, most = (written(result, x, note) for x in (found.mean, found.least, found.most))
    return f"{arm} {mean} ({least} to {most})"
