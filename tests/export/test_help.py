"""What --help lists first, and what a shell completes."""

import os
import subprocess
import sys

import typer

from kerascnn.cli import GROUPS, app


def test_help_lists_the_common_path_first_and_every_verb_once(kerascnn):
    code, out, _ = kerascnn("--help")
    assert code == 0
    listed = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    verbs = list(typer.main.get_command(app).commands)
    named = [word for word in listed if word in verbs]
    assert sorted(named) == sorted(verbs)
    (common, looking) = GROUPS.values()
    assert named[: len(common) + len(looking)] == [*common, *looking]


def test_a_shell_completes_verbs_and_options():
    for words, wanted in (("kerascnn ben", "benchmark"), ("kerascnn train --res", "--resume")):
        environment = {
            **os.environ,
            "_KERASCNN_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        command = [sys.executable, "-m", "kerascnn"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.stdout.split() == [wanted], done.stderr
