"""A search: what is drawn, what fits, which are trained for longer, and that it goes on."""

import collections
import csv
import io
import json
from pathlib import Path

import pytest

from export.architecture_search.candidates import networks
from export.architecture_search.config import Family, read_search
from export.architecture_search.halving import search
from kerascnn.analysis import count, without_weights
from kerascnn.files import write_text
from kerascnn.models import build
from kerascnn.training import open_run
from kerascnn.training.progress import EpochProgress
from tests.test_recipes_of_training import made_up

SHIPPED = sorted(Path("configs/search").glob("*.yaml"))
LIMITS = ("--macs", "3e5", "--bytes", "14_000")
LENET = Path("configs/digits/lenet5.yaml").resolve()
CONFIG = """
train: TRAINING
changes:
  data.size: [12, 12]
  data.validation: 0.5
  optimizer.schedule: {name: %s, peak: 0.1}
space:
  - {name: resnet8, arguments: {filters: [64]}}
  - name: anynet_basic
    arguments: {widths: [[4, 8], [8, 12]], depths: [[1, 1]], stem: [4, 8]}
  - name: anynet_inverted
    arguments: {widths: [[8, 16]], depths: [[1, 1]], stem: [4], expansion: [1, 2]}
candidates: 2
fill: 0.2
epochs: [1, 2]
keep: 0.4
""".replace("TRAINING", str(LENET))


def written(folder, schedule="constant", text=CONFIG):
    path = folder / "search.yaml"
    write_text(path, text % schedule)
    return path


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A finished search at a constant rate. For reading only."""
    folder = tmp_path_factory.mktemp("search")
    return search(written(folder), folder / "out", macs=300_000, bytes=14_000)


def test_all_are_trained_and_the_best_by_validation_for_longer(found):
    first = [one.accuracy[0] for one in found.candidates]
    longer = [one for one in found.candidates if len(one.accuracy) == 2]
    assert len(first) == 2 and len(longer) == 1  # 0.4 of 2, rounded up
    assert longer[0].accuracy[0] == max(first)
    for one in found.candidates:
        run = open_run(found.run(one))
        assert len(run.history) == len(one.accuracy)
        assert run.facts["validation_accuracy"] == one.accuracy[-1]
        assert run.config.model.arguments == one.arguments


def test_limits_are_those_of_the_network_and_of_its_trained_int8_file(found, kerascnn):
    for one in found.candidates:
        with without_weights():
            made = build(one.network, input_shape=(12, 12, 1), num_classes=10, **one.arguments)
            assert count(made).macs == one.macs <= 300_000
        assert one.bytes <= 14_000
    best = found.candidates[0]
    run = found.run(best)
    kerascnn("convert", run, "--to", "tflite", "--recipe", "static_wi8_ai8", "--accept")
    assert (run / "model_int8_static.tflite").stat().st_size == best.bytes


def test_too_large_networks_are_looked_at_and_never_trained(found):
    tried = json.loads((found.path / "search.json").read_text())["tried"]
    runs = {path.name for path in (found.path / "runs").iterdir()}
    large = [one for one in tried if one["network"] == "resnet8"]
    assert large and not any(one["fits"] for one in large)
    assert runs == {one.name for one in found.candidates}


class Killed(BaseException):
    """Ends a training as nothing in it expects."""


@pytest.mark.parametrize(
    ("schedule", "last"), [("constant", 3), pytest.param("cosine", 4, marks=pytest.mark.full)]
)
def test_a_killed_search_goes_on_to_the_same_end(schedule, last, tmp_path, monkeypatch, found):
    """Killed in the second epoch of the second rung; at a cosine, rungs are trained anew."""
    config, limits = written(tmp_path, schedule), {"macs": 300_000, "bytes": 14_000}
    whole = found if schedule == "constant" else search(config, tmp_path / "whole", **limits)
    begun, on_epoch_begin = [], EpochProgress.on_epoch_begin

    def killed_in_the_last(self, epoch, logs=None):
        begun.append(epoch)
        if len(begun) == last:
            raise Killed
        on_epoch_begin(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(EpochProgress, "on_epoch_begin", killed_in_the_last)
        with pytest.raises(Killed):
            search(config, tmp_path / "out", **limits)
    again = search(config, tmp_path / "out", **limits, resume=True)
    assert again.candidates == whole.candidates
    for one in again.candidates:
        mine, theirs = open_run(again.run(one)), open_run(whole.run(one))
        assert [row["loss"] for row in mine.history] == [row["loss"] for row in theirs.history]


def test_the_command_prints_one_table_and_draws_one_plot(found, kerascnn, tmp_path):
    arguments = ("search", written(tmp_path), *LIMITS, "--out", found.path, "--resume")
    code, said, err = kerascnn(*arguments)
    assert (code, err) == (0, "")
    for one in found.candidates:
        assert one.name in said and f"{one.bytes:,}" in said and f"{one.accuracy[0]:.2%}" in said
    assert "longer rungs go on from shorter ones" in said
    assert (found.path / "search.png").stat().st_size > 10_000
    code, said, _ = kerascnn(*arguments, "--json")
    assert [one["candidate"] for one in json.loads(said)] == [one.name for one in found.candidates]
    code, said, _ = kerascnn(*arguments, "--csv")
    assert [row["bytes"] for row in csv.DictReader(io.StringIO(said))] == [
        str(one.bytes) for one in found.candidates
    ]


@pytest.mark.full
def test_a_candidate_that_diverges_is_said_and_is_the_last(kerascnn, tmp_path):
    small = CONFIG.replace("candidates: 2", "candidates: 1").replace("[1, 2]", "[1]")
    path = written(tmp_path, text=small)
    rate = "optimizer.schedule.peak=1e30"
    code, said, _ = kerascnn("search", path, rate, *LIMITS, "--out", tmp_path / "out")
    assert code == 0 and "training diverged in epoch 1" in said
    assert said.count("diverged") == 2  # when it happens, and in the table


def test_every_network_of_a_space_is_drawn_once_and_families_take_turns():
    space = (
        Family(name="resnet8", arguments={"filters": [4, 8, 12], "act": ["relu", "tanh"]}),
        Family(name="lenet5", arguments={"act": ["relu", "tanh"]}),
    )
    drawn = list(networks(space, seed=1))
    assert collections.Counter(name for name, _ in drawn) == {"resnet8": 6, "lenet5": 2}
    assert len({json.dumps(one) for one in drawn}) == 8
    assert [name for name, _ in drawn[:4]] == ["resnet8", "lenet5"] * 2
    assert drawn == list(networks(space, seed=1)) != list(networks(space, seed=2))


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("fill", "fil"), LIMITS, "unknown key 'fil'; did you mean 'fill'?"),
        (("anynet_basic", "anynet_bsic"), LIMITS, "did you mean 'anynet_basic'?"),
        (("stem: [4, 8]", "stm: [4]"), LIMITS, "did you mean 'stem'?"),
        (("stem: [4, 8]", "stem: 4"), LIMITS, "space.1.arguments.stem: input should be a valid"),
        (("[1, 2]", "[2, 1]"), LIMITS, "epochs: expected a rising list"),
        (("keep:", "recipe: qat_wi8_ai8\nkeep:"), LIMITS, "quantizes without training"),
        (("peak: 0.1}", "peak: 0.1}\n  training.epochs: 7"), LIMITS, "those of its rungs"),
        (("lenet5.yaml", "lenet6.yaml"), LIMITS, "no such file"),
        ((), ("--macs", "many", "--bytes", "1"), "--macs: expected a whole number above 0"),
        ((), ("--macs", "3e5", "--bytes", "1.5"), "--bytes: expected a whole number above 0"),
        ((), ("--macs", "3e5", "--bytes", "5"), "fits 300,000 multiply-accumulates and 5 bytes"),
    ],
)
def test_bad_input_is_one_line(change, arguments, said, kerascnn, tmp_path):
    text = CONFIG.replace(*change) if change else CONFIG
    path = written(tmp_path, text=text)
    code, _, err = kerascnn("search", path, *arguments, "--out", tmp_path / "out")
    assert code == 2 and len(err.splitlines()) == 1 and said in err


def test_a_search_goes_on_with_its_own_config_only(found, kerascnn, tmp_path):
    path = written(tmp_path)
    code, _, err = kerascnn("search", path, *LIMITS, "--out", found.path)
    assert code == 2 and "holds a search already" in err
    other = ("--macs", "3e5", "--bytes", "11_000")
    code, _, err = kerascnn("search", path, *other, "--out", found.path, "--resume")
    assert code == 2 and "bytes is 14000 in the search, 11000 was asked" in err


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_a_shipped_search_reads_and_its_families_build(path):
    text = path.read_text()
    assert f"kerascnn search {path}" in text and "# Measured " in text
    asked = read_search(path, macs=12_500_000, bytes=98_496)
    families = {}
    for name, arguments in networks(asked.search.space, asked.search.seed):
        families.setdefault(name, arguments)
        if len(families) == len(asked.search.space):
            break
    with without_weights():
        assert all(build(name, **arguments) for name, arguments in families.items())


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_a_candidate_of_a_shipped_search_trains_two_steps(path, tmp_path):
    from kerascnn.training import train

    asked = read_search(path, macs=12_500_000, bytes=98_496)
    name, arguments = next(networks(asked.search.space, asked.search.seed))
    model = asked.training.model.model_copy(update={"name": name, "arguments": arguments})
    config = made_up(asked.training.model_copy(update={"model": model}))
    assert train(config, tmp_path / "run").facts["epochs"] == 1
