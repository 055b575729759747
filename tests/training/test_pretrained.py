"""Layers that begin with what another run has learned, as VGG-16 with VGG-11's."""

import numpy as np
import pytest

import kerascnn.config as configs
from kerascnn.errors import UserError
from kerascnn.training import train

LENET = "configs/digits/lenet5.yaml"
STILL = "optimizer.schedule={name: constant, peak: 1.0e-9}"  # what it begins with can be seen
SMALL = ("data.validation=0.5", "training.epochs=1", STILL)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A run of LeNet-5, an epoch. For reading only."""
    return train(configs.load(LENET, SMALL), tmp_path_factory.mktemp("learned") / "run")


def begun(learned, out, layers, *overrides):
    run = f"model.pretrained={{run: {learned.path}, layers: [{', '.join(layers)}]}}"
    return train(configs.load(LENET, [*SMALL, "training.seed=1", run, *overrides]), out)


def test_the_named_layers_begin_with_the_weights_of_the_run(learned, tmp_path):
    run = begun(learned, tmp_path / "run", ["stage1_conv", "head_1_dense"])
    before, after = learned.model(), run.model()
    for name in ("stage1_conv", "stage2_conv", "head_1_dense", "head_2_dense"):
        ours, theirs = (model.get_layer(name).get_weights()[0] for model in (after, before))
        copied = name in ("stage1_conv", "head_1_dense")
        assert np.allclose(ours, theirs, atol=1e-6) == copied


@pytest.mark.parametrize(
    ("layers", "overrides", "message"),
    [
        (["stage1_cnv"], [], r"layer with weights of lenet5 'stage1_cnv'; did you mean 'stage1_co"),
        (
            ["head_1_dense"],
            ["data.size=[24, 24]"],
            r"head_1_dense has weights of \[\(400, 120\), \(120,\)\] in .*, expected \[\(144, 120",
        ),
    ],
)
def test_layers_that_do_not_fit_are_told(learned, tmp_path, layers, overrides, message):
    with pytest.raises(UserError, match=message):
        begun(learned, tmp_path / "run", layers, *overrides)


def test_a_run_that_is_not_there_is_told(learned, tmp_path):
    run = "model.pretrained={run: runs/nowhere, layers: [stage1_conv]}"
    with pytest.raises(UserError, match="no such run folder: runs/nowhere"):
        train(configs.load(LENET, [*SMALL, run]), tmp_path / "run")
