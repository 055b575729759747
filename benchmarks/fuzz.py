"""Feeds damaged files to every reader: python -m benchmarks.fuzz --seed 1 --minutes 60

Each input must be read, or be refused with a UserError, within 20 s and 3 GB, and nothing may be
left behind: no file, no process. What is otherwise is printed and kept as KIND-SEED in --findings;
`--replay KIND:SEED` reads it once more and shows where it fails. With --out the counts are written
into a page. Engines run in processes of their own, as they do for users.
"""

import argparse
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from benchmarks.fuzz_examples import make_examples
from benchmarks.fuzz_readers import READERS, example_bytes
from benchmarks.fuzz_workers import Pool, in_a_fork, mishandled
from benchmarks.mutations import generator
from benchmarks.tables import write_between
from export.runtimes.machine import machine

PER_SEED = 10**6  # inputs that one --seed has numbers for
VERDICTS = ("accepted", "refused", "mishandled")
TOOLS = ("tensorflow", "keras", "onnxruntime", "ai-edge-litert", "safetensors", "h5py", "numpy")


def main(arguments):
    """Runs as the command line says; returns the exit code, 1 where an input was mishandled."""
    examples = arguments.examples.resolve()
    if not (examples / "models").exists():
        in_a_fork(lambda: make_examples(examples))  # TensorFlow starts there, not before the forks
    known = {kind: example_bytes(reader, examples) for kind, reader in READERS.items()}
    arguments.findings.mkdir(parents=True, exist_ok=True)
    if arguments.replay:
        return replay(*arguments.replay.split(":"), known, examples, arguments.findings)
    started = time.monotonic()
    counts = {kind: Counter() for kind in READERS}
    inputs = ((kind, seed, input_of(kind, seed, known)) for kind, seed in drawn(arguments.seed))
    with Pool(arguments.processes, examples) as pool:
        ends = started + 60 * arguments.minutes
        for kind, seed, data, verdict in pool.run(inputs, most=arguments.inputs, until=ends):
            counts[kind][verdict if verdict in VERDICTS else "mishandled"] += 1
            if mishandled(verdict):
                (arguments.findings / f"{kind}-{seed}").write_bytes(data)
                print(f"{kind}:{seed}  {verdict}", flush=True)
    seconds = time.monotonic() - started
    lines = page(counts, arguments, seconds)
    print("\n".join(lines))
    if arguments.out:
        write_between(arguments.out, "fuzz", lines)
    return int(any(found["mishandled"] for found in counts.values()))


def drawn(seed):
    """Endless (kind, seed of the input), the kinds in their shares."""
    kinds = [kind for kind, reader in READERS.items() for _ in range(reader.share)]
    order = np.random.default_rng(seed).permutation(len(kinds))
    number = 0
    while True:
        yield kinds[order[number % len(order)]], seed * PER_SEED + number
        number += 1


def input_of(kind, seed, known):
    """The bytes of an input; `known`: kind -> the examples."""
    return READERS[kind].change(known[kind], generator(kind, seed))


def replay(kind, seed, known, examples, findings):
    """Reads one input again in this process, so that what is wrong shows where."""
    kept = findings / f"{kind}-{seed}"
    data = kept.read_bytes() if kept.exists() else input_of(kind, int(seed), known)
    with Pool(1, examples, quiet=False) as pool:
        ((*_, verdict),) = pool.run([(kind, int(seed), data)], most=1)
    print(f"{kind}:{seed}  {verdict}")
    return int(mishandled(verdict))


def page(counts, arguments, seconds):
    """The lines of the page: what was run where, and a row a kind of file."""
    where = machine()
    command = f"python -m benchmarks.fuzz --seed {arguments.seed} --minutes {arguments.minutes:g}"
    command += f" --inputs {arguments.inputs}" if arguments.inputs else ""
    tools = ", ".join(f"{tool} {version(tool)}" for tool in TOOLS)
    rows = [
        (READERS[k].title, sum(c.values()), *(c[v] for v in VERDICTS)) for k, c in counts.items()
    ]
    total = ("all", *(sum(row[i] for row in rows) for i in range(1, 5)))
    return [
        f"`{command}`, {datetime.now(UTC):%Y-%m-%d}: {total[1]:,} inputs in {seconds / 60:.0f} "
        f"minutes, {arguments.processes} at a time, on {where['cores']} cores of {where['cpu']}; "
        f"Python {sys.version.split()[0]}, {tools}.",
        "",
        f"| file | inputs | {' | '.join(VERDICTS)} |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {' | '.join(f'{cell:,}' if i else cell for i, cell in enumerate(row))} |"
            for row in (*rows, total)
        ),
    ]


def parsed(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="to stop after")
    parser.add_argument("--inputs", type=int, help="to stop after, where that is sooner")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, help="the page, as docs/reliability.md")
    parser.add_argument("--replay", metavar="KIND:SEED", help=f"kinds: {', '.join(READERS)}")
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"))
    parser.add_argument("--examples", type=Path, default=Path("runs/fuzz/examples"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(parsed()))
