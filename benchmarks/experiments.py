"""The table of docs/experiments.md, of the experiments that were run.

    kerascnn experiment NAME                     each of them, into runs/experiments/NAME
    python -m benchmarks.experiments             the table, out of these folders

    --runs runs/experiments      the folder of their folders
    --page docs/experiments.md   the page whose table is written anew

Those whose folder is not there are "not yet run".
"""

import argparse
import re
from pathlib import Path

from kerascnn.experiments import experiment_names, read_experiment
from kerascnn.files import read_json, write_text

BEGIN, END = "<!-- experiments -->\n", "<!-- end -->"
HEAD = "| experiment | claim, and what its source reports | images | here |\n|---|---|---|---|\n"


def main():
    """Writes the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--page", type=Path, default=Path("docs/experiments.md"))
    options = parser.parse_args()
    table = HEAD + "".join(row(name, options.runs / name) for name in experiment_names())
    page = options.page.read_text()
    pattern = f"{re.escape(BEGIN)}.*?{re.escape(END)}"
    write_text(options.page, re.sub(pattern, lambda _: BEGIN + table + END, page, flags=re.DOTALL))


def row(name, folder):
    """The line of an experiment; what stands in its folder was run with the config of today."""
    experiment = read_experiment(name)
    told = experiment.told
    data = next(iter(experiment.arms.values())).data
    images = f"{data.name}, {data.size[0]}x{data.size[1]}"
    here = "not yet run"
    path = folder / "experiment.json"
    if path.exists():
        record = read_json(path)
        if record["asked"] == experiment.asked() and record["sentence"]:
            seeds = {len(arm["seeds"]) for arm in record["arms"].values()}
            verdict, _, figures = record["sentence"].partition(": ")
            here = f"**{verdict}**, {min(seeds)} seeds, {record['measure']}: {figures}"
    cells = (f"`{name}`", f"{told.claim} {told.source}: {told.reported}", images, here)
    return f"| {' | '.join(cells).replace('<', '&lt;')} |\n"


if __name__ == "__main__":
    main()
