"""The standing guard: a few hundred damaged files, and that the guard itself sees what is wrong."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.fuzz import PER_SEED, drawn, input_of
from benchmarks.fuzz_examples import make_examples
from benchmarks.fuzz_readers import READERS, example_bytes
from benchmarks.tables import write_between

ROOT = Path(__file__).parents[1]
INPUTS = 120

# Readers in the place of others, and what is to be said of them; by its own process, since what
# this one has started does not survive a fork.
ORACLE = """
import dataclasses, json, os, subprocess, sys, time
from pathlib import Path
import benchmarks.fuzz_workers as workers
from kerascnn.errors import UserError

def refuse(folder, data, _): raise UserError("no")
def accept(folder, data, _): (folder / "read").write_bytes(data)
def fail(folder, data, _): raise KeyError("what")
def crash(folder, data, _): os.abort()
def leave(folder, data, _): (folder / ".model.1.partial.keras").touch()
def leave_scratch(folder, data, _):
    import tempfile
    tempfile.mkstemp()
def leave_process(folder, data, _): subprocess.Popen(["sleep", "60"])
def devour(folder, data, _): bytearray(4 * 2**30)
def devour_below(folder, data, _):
    subprocess.run([sys.executable, "-S", "-c", "b'x' * 2**28"], check=True)
def hang(folder, data, _): time.sleep(60)

workers.SECONDS, found = 2, {}
readers = [refuse, accept, fail, crash, leave, leave_scratch, leave_process, devour, hang, accept]
for reader in readers:
    workers.READERS[reader.__name__] = dataclasses.replace(
        workers.READERS["run"], read=reader
    )
with workers.Pool(1, Path()) as pool:
    for kind, _, data, verdict in pool.run([(r.__name__, 0, b"x") for r in readers]):
        found[kind] = verdict
workers.READERS["devour_below"] = dataclasses.replace(workers.READERS["run"], read=devour_below)
workers.BYTES = 2**27
with workers.Pool(1, Path()) as pool:
    ((kind, *_, found["devour_below"]),) = pool.run([("devour_below", 0, b"x")])
print(json.dumps(found))
"""


def python(*arguments):
    """A run of Python at the root of the repository: (exit code, stdout)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def examples(finished_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz") / "examples"
    make_examples(folder, finished_run)
    return folder


def test_damaged_files_are_read_or_refused(examples, tmp_path):
    page = tmp_path / "reliability.md"
    page.write_text("before\n<!-- fuzz -->\nold\n<!-- end fuzz -->\nafter\n")
    code, out = python(
        "-m",
        "benchmarks.fuzz",
        "--seed",
        3,
        "--inputs",
        INPUTS,
        "--processes",
        1,
        "--examples",
        examples,
        "--findings",
        tmp_path / "findings",
        "--out",
        page,
    )
    assert code == 0, out
    assert not list((tmp_path / "findings").iterdir())
    written = page.read_text()
    assert written.startswith("before\n<!-- fuzz -->\n") and written.endswith("-->\nafter\n")
    assert "old" not in written and f"--seed 3 --minutes 60 --inputs {INPUTS}`" in written
    rows = re.findall(r"^\| (.*) \| ([\d,]+) \| (\d+) \| (\d+) \| (\d+) \|$", written, re.MULTILINE)
    assert [row[0] for row in rows] == [*(r.title for r in READERS.values()), "all"]
    counts = [[int(number) for number in row[1:]] for row in rows]
    assert counts[-1] == [sum(column) for column in zip(*counts[:-1], strict=True)]
    assert counts[-1][0] == INPUTS and counts[-1][3] == 0
    # An oracle that refuses all would see nothing; that accepts all, neither.
    assert counts[-1][1] > INPUTS / 30 and counts[-1][2] > INPUTS / 3


@pytest.mark.full
def test_what_is_not_damaged_is_accepted(examples, tmp_path):
    program = f"""
from pathlib import Path
from benchmarks.fuzz_readers import READERS, example_bytes
from benchmarks.fuzz_workers import Pool
folder = Path({str(examples)!r})
whole = [(k, 0, data) for k, reader in READERS.items() for data in example_bytes(reader, folder)]
with Pool(1, folder) as pool:
    print([(kind, verdict) for kind, *_, verdict in pool.run(whole) if verdict != "accepted"])
"""
    assert python("-c", program)[1].splitlines()[-1] == "[]"


@pytest.mark.full
def test_the_guard_sees_what_is_wrong():
    found = json.loads(python("-c", ORACLE)[1].splitlines()[-1])
    assert found["refuse"] == "refused" and found["accept"] == "accepted"
    assert found["fail"] == "KeyError: 'what'"
    assert found["crash"] == "ended the process, exit code -6"
    assert found["leave"] == "left .model.1.partial.keras"
    assert found["leave_scratch"].startswith("left tmp")
    assert found["leave_process"] == "left 1 processes"
    assert found["devour"].startswith("MemoryError")
    assert re.fullmatch(r"took [\d,]+ bytes in a process of its own", found["devour_below"])
    assert found["hang"] == "did not end within 2 s, twice"


@pytest.mark.full
def test_a_finding_is_kept_and_read_again(examples, tmp_path):
    program = """
import dataclasses, sys
from benchmarks import fuzz
def fail(folder, data, _): raise KeyError("what")
history = fuzz.READERS["history"]
fuzz.READERS.clear()
fuzz.READERS["history"] = dataclasses.replace(history, read=fail)
sys.exit(fuzz.main(fuzz.parsed()))
"""
    given = ["--examples", examples, "--findings", tmp_path]
    code, out = python("-c", program, "--seed", 5, "--inputs", 3, "--processes", 1, *given)
    found = re.findall(r"^history:(\d+)  KeyError: 'what'$", out, re.MULTILINE)
    assert code == 1 and len(found) == 3
    assert {p.name for p in tmp_path.iterdir()} == {f"history-{seed}" for seed in found}
    known = {"history": example_bytes(READERS["history"], examples)}
    kept = tmp_path / f"history-{found[0]}"
    assert kept.read_bytes() == input_of("history", int(found[0]), known)
    code, out = python("-c", program, "--replay", f"history:{found[0]}", *given)
    assert code == 1 and f"history:{found[0]}  KeyError: 'what'" in out


def test_inputs_are_the_same_each_time_and_differ(examples):
    known = {kind: example_bytes(reader, examples) for kind, reader in READERS.items()}
    for kind in READERS:
        made = [
            [hashlib.sha256(input_of(kind, seed, known)).digest() for seed in range(20)]
            for _ in range(2)
        ]
        assert made[0] == made[1], kind
        assert len(set(made[0])) >= 10  # small files have few places
    kinds = drawn(2)
    first = [next(kinds) for _ in range(sum(reader.share for reader in READERS.values()))]
    for kind, reader in READERS.items():
        assert sum(name == kind for name, _ in first) == reader.share
    assert [seed for _, seed in first] == list(range(2 * PER_SEED, 2 * PER_SEED + len(first)))


def test_two_programs_share_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes((ROOT / "docs" / "reliability.md").read_bytes())
    for mark in ("fuzz", "kills", "fuzz"):
        write_between(page, mark, [f"of {mark}"])
    text = page.read_text()
    assert text.count("of fuzz") == text.count("of kills") == 1
    assert text.index("of fuzz") < text.index("<!-- end fuzz -->") < text.index("of kills")
