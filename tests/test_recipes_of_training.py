"""Every config says what it is, builds its network, and trains two steps on made-up images."""

import re
from pathlib import Path

import pytest

import kerascnn.config as configs
from kerascnn.models import variant
from kerascnn.training import train

ROOT = Path(__file__).parents[1]
CONFIGS = sorted(
    path.relative_to(ROOT)
    for path in (ROOT / "configs").glob("*/*.yaml")
    if path.parent.name not in ("export", "search")
)
SAMPLES = 12
# Sides that networks of ImageNet also fit on, and train on in a second; the others take 32.
SIDES = {"alexnet": 67, "zfnet": 64, "googlenet_aux": 80, "inception_v3_aux": 299}
# Of each data set and family one or more of few layers, built and compiled in some seconds; deeper
# ones are marked full.
QUICK = {
    *("frontier", "lenet5", "linear", "mlp", "resnet8", "squeezenet1_1"),
}


def header(path):
    return "".join(
        line[1:] for line in (ROOT / path).read_text().splitlines(True) if line[:1] == "#"
    )


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_a_header_says_command_and_figures(path):
    text = header(path)
    assert f"kerascnn train {path}" in text
    assert re.search(r"^ Published +\S", text, re.MULTILINE)
    assert re.search(r"^ Measured +\S", text, re.MULTILINE)


@pytest.mark.parametrize("path", CONFIGS, ids=str)
def test_a_published_figure_is_that_of_the_network(path):
    """The first number of the line is the row's, whose source the battery holds."""
    row = variant(configs.load(ROOT / path).model.name).row
    if number := re.search(r"^ Published +([\d.]+) top-1", header(path), re.MULTILINE):
        assert float(number[1]) == row.top1


def made_up(config):
    """A config with a batch of made-up images in place of its data: two steps an epoch."""
    channels = configs.CHANNELS.get(config.data.name, config.data.channels)
    row = variant(config.model.name).row
    size = config.data.size or row.input_shape[:2]
    if config.data.name == "shards":
        size = (SIDES.get(config.model.name, 32),) * 2
    data = config.data.model_copy(
        update={
            "name": "synthetic",
            "path": None,
            "images": 2 * SAMPLES,
            "classes": 4,
            "size": size,
            "channels": channels,
            "batch_size": 4,
            "validation": 0.25,
        }
    )
    training = config.training.model_copy(update={"epochs": 1, "precision": "float32"})
    # Two steps on noise; what a rate does to a network in a hundred epochs is no matter here.
    schedule = config.optimizer.schedule.model_copy(update={"peak": 1e-4})
    optimizer = config.optimizer.model_copy(update={"schedule": schedule})
    parts = {"data": data, "training": training, "optimizer": optimizer}
    return config.model_copy(update=parts)


def is_large(path):
    return path.parent.name == "imagenet"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem in QUICK else [pytest.mark.full], id=str(path))
        for path in CONFIGS
    ],
)
def test_a_config_trains_two_steps(path, tmp_path):
    config = made_up(configs.load(ROOT / path))
    if config.model.pretrained:
        first = path.with_stem(Path(config.model.pretrained.run).name)
        source = train(made_up(configs.load(ROOT / first)), tmp_path / "first")
        pretrained = config.model.pretrained.model_copy(update={"run": str(source.path)})
        model = config.model.model_copy(update={"pretrained": pretrained})
        config = config.model_copy(update={"model": model})
    run = train(config, tmp_path / "run")
    assert run.facts["epochs"] == 1 and (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize("path", [p for p in CONFIGS if is_large(p)], ids=str)
def test_a_recipe_of_imagenet_takes_the_size_of_its_network(path):
    config = configs.load(ROOT / path)
    assert config.data.size == variant(config.model.name).row.input_shape[:2]
    assert config.data.name == "shards" and config.data.evaluate
