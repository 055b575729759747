"""Configs: what is refused, in which words, and what survives being written."""

import pytest
import yaml

import kerascnn.config as configs
from kerascnn.errors import UserError

TREE = {
    "model": {"name": "lenet5"},
    "data": {"name": "digits"},
    "optimizer": {"schedule": {"peak": 0.1}},
    "training": {"epochs": 1},
}


@pytest.fixture
def write(tmp_path):
    def write(tree):
        path = tmp_path / "config.yaml"
        path.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree))
        return path

    return write


def test_a_resolved_config_reads_back_as_itself(write, tmp_path):
    tree = {**TREE, "data": {"name": "digits", "train": ["flip", {"pad_crop": 4}]}}
    config = configs.load(write(tree))
    configs.save(config, tmp_path / "saved.yaml")
    assert configs.load(tmp_path / "saved.yaml") == config


def test_a_number_that_yaml_takes_for_text_is_cast(write):
    text = yaml.safe_dump(TREE).replace("peak: 0.1", "peak: 1e-4")
    assert yaml.safe_load(text)["optimizer"]["schedule"]["peak"] == "1e-4"
    assert configs.load(write(text)).optimizer.schedule.peak == 1e-4


def test_overrides_win_over_the_file(write):
    config = configs.load(write(TREE), ["training.epochs=7", "data.size=[32, 48]"])
    assert config.training.epochs == 7
    assert config.data.size == (32, 48)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modle": {"name": "lenet5"}}, "unknown key 'modle'; did you mean 'model'?"),
        (
            {"training": {"epochs": 1, "epoch": 3}},
            "unknown key 'training.epoch'; did you mean 'training.epochs'?",
        ),
        ({"training": {}}, "the key 'training.epochs' is missing"),
        ({"training": {"epochs": "many"}}, "training.epochs: .* got 'many'"),
        ({"training": {"epochs": 0}}, "training.epochs: .* got 0"),
        ({"data": {"name": "digit"}}, "data.name: .*'digits'.* got 'digit'"),
        ({"data": {"name": "digits", "train": ["flop"]}}, "'flop'; did you mean 'flip'"),
        ({"data": {"name": "digits", "train": ["pad_crop"]}}, "pad_crop: 4"),
        ({"optimizer": {"schedule": {"name": "steps", "peak": 1}}}, "list of drops"),
        ({"optimizer": {"schedule": {"peak": float("inf")}}}, "peak: .* finite number, got inf"),
        ({"optimizer": {"schedule": {"peak": "1e400"}}}, "peak: .* finite number"),
        ({"data": {"name": "digits", "normalize": {"mean": float("nan")}}}, "finite number"),
        ({"model": {"name": "lenet5", "arguments": {"a": [1, {"b": float("nan")}]}}}, "not nan"),
        ({"model": {"name": "lenet5", "arguments": {"a": 2**70}}}, "at most 64 bits"),
        ({"training": {"epochs": 1, "seed": -1}}, "training.seed: .* got -1"),
        ({"training": {"epochs": 1, "seed": 2**40}}, "training.seed: .* 4294967296"),
        ({"training": {"epochs": 10**30}}, "training.epochs: .* 2147483647"),
        ({"training": {"epochs": 16**5000}}, "training.epochs: .* too long to show"),
        ({"data": {"name": "digits", "size": [32, -1]}}, "data.size.1: .* got -1"),
        ({"data": {"name": "digits", "train": [{"pad_crop": -1}]}}, "argument: .* got -1"),
    ],
)
def test_a_mistake_is_named_with_its_place(change, message):
    with pytest.raises(UserError, match=message):
        configs.parse(configs.Config, {**TREE, **change}, "config.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected a mapping of sections, got list"),
        ("model: {name: lenet5", "line 1"),
        ("model: !!python/object:os.system {}", "could not determine a constructor"),
    ],
)
def test_what_is_no_config_is_refused(write, text, message):
    with pytest.raises(UserError, match=message):
        configs.load(write(text))


def test_an_override_without_a_value_is_refused(write):
    with pytest.raises(UserError, match=r"expected key=value, as training.epochs=2, got 'fast'"):
        configs.load(write(TREE), ["fast"])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"train": [{"pad_crop": -3}]}, r"data\.train\.0\.argument: .* got -3"),
        ({"train": [{"pad_crop": 10**9}]}, r"data\.train\.0\.argument: .* got 1000000000"),
        ({"normalize": {"std": 0}}, r"data\.normalize\.std: expected numbers from 1 to 1000"),
        ({"normalize": {"std": [50, 0, 50]}}, r"data\.normalize\.std: expected numbers from 1"),
        ({"normalize": {"std": 0.229}}, r"data\.normalize\.std: .* for pixels in 0\.\.255"),
        ({"normalize": {"mean": float("nan")}}, r"data\.normalize\.mean"),
        ({"normalize": {"mean": float("inf")}}, r"data\.normalize\.mean"),
        ({"normalize": {"mean": -1e30}}, r"data\.normalize\.mean: expected numbers from 0 to 255"),
        ({"normalize": {"mean": [1, 2]}}, "normalize.mean: expected 1 numbers, one a channel"),
        ({"normalize": {"std": []}}, "normalize.std: expected 1 numbers, one a channel"),
        ({"size": [100_000, 32]}, r"data\.size\.0: .* got 100000"),
        ({"size": [0, 32]}, r"data\.size\.0: .* got 0"),
        ({"size": [32, -1]}, r"data\.size\.1: .* got -1"),
        ({"size": [32, float("inf")]}, r"data\.size\.1"),
        ({"batch_size": 10**12}, r"data\.batch_size: .* got 1000000000000"),
        ({"batch_size": 65536, "size": [4096, 4096]}, "at most 256 of this size fit"),
        ({"validation": float("nan")}, r"data\.validation"),
    ],
)
def test_numbers_of_the_data_that_make_no_sense_are_refused(write, data, message):
    with pytest.raises(UserError, match=message):
        configs.load(write({**TREE, "data": {"name": "digits", **data}}))


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_numpy_does_not_take_is_refused(write, seed):
    with pytest.raises(UserError, match=r"training\.seed: "):
        configs.load(write(TREE), [f"training.seed={seed}"])


VALUES = [
    "2024-99-99",
    "!!float x",
    "!!int x",
    "!!bool x",
    "!!timestamp x",
    "9" * 5000,
    "[" * 1500,  # deeper than Python's stack; PyYAML takes the square of it
    "{[1]: 2}",
    "!!python/name:os.system",
]


@pytest.mark.parametrize("value", VALUES, ids=[value[:9] for value in VALUES])
def test_a_value_that_yaml_cannot_make_is_named_with_its_place(write, value):
    text = yaml.safe_dump(TREE).replace("epochs: 1", f"epochs: {value}")
    with pytest.raises(UserError, match=r"config\.yaml") as refused:
        configs.load(write(text))
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300
    with pytest.raises(UserError, match=r"^training\.epochs: .* is not a YAML value") as refused:
        configs.load(write(TREE), [f"training.epochs={value}"])
    assert len(str(refused.value)) < 300


def test_the_line_and_the_key_of_a_value_that_is_no_date(write):
    text = "training:\n  epochs: 2024-99-99\n"
    line = r"config\.yaml, line 2: epochs: '2024-99-99' is no timestamp that can be read"
    with pytest.raises(UserError, match=line):
        configs.load(write(text))
