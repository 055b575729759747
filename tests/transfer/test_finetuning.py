"""Fine-tuning: what is chosen and said, what stays, and that an ordinary run comes of it."""

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerascnn import UserError
from kerascnn.config import ConstantSchedule, SGDConfig
from kerascnn.training import open_run
from kerascnn.transfer import Orders, Similarity, choose_strategy, finetune


@pytest.fixture(scope="module")
def few(write_digits):
    return write_digits(20)


def weights(run):
    return {layer.name: layer.get_weights() for layer in run.model().layers if layer.weights}


def same(mine, theirs):
    return all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_the_table_of_lectures():
    kinds = {
        (count, domain): choose_strategy(count, domain).kind
        for count in (20, 1000)
        for domain in ("similar", "different")
    }
    assert kinds == {
        (20, "similar"): "last",
        (20, "different"): "earlier",
        (1000, "similar"): "deeper",
        (1000, "different"): "scratch",
    }
    assert "collect more data" in choose_strategy(20, "different").why
    assert "20 images a class are few" in choose_strategy(20, "similar").why


def test_similar_is_what_closes_a_quarter_of_what_pixels_leave_open():
    assert Similarity(features=0.56, pixels=0.4).domain == "similar"
    assert Similarity(features=0.54, pixels=0.4).domain == "different"
    assert Similarity(features=0.4, pixels=0.5).domain == "different"


def test_few_similar_images_train_the_last_layer_alone(learned, few, tmp_path, kerascnn):
    code, out, err = kerascnn(
        "finetune",
        *("--weights", learned.path, "--data", few, "--out", tmp_path / "run"),
        *("--domain", "similar", "--epochs", 3),
    )
    assert code == 0, err
    assert "images a class are few" in out and "similar" in out
    assert "the last layer is trained, all else stays" in out
    before, after = weights(learned), weights(open_run(tmp_path / "run"))
    changed = {name for name in before if not same(before[name], after[name])}
    assert changed == {"head_logits"}  # moving statistics of frozen normalizations stay, too


def test_what_comes_of_it_is_an_ordinary_run(learned, write_digits, tmp_path, kerascnn):
    """evaluate, compress, convert and verify take it."""
    run, images = tmp_path / "run", write_digits(60)
    orders = Orders(domain="similar")
    facts = finetune(None, learned, images, run, orders=orders, epochs=12).facts["transfer"]
    assert (facts["network"], facts["strategy"]) == ("resnet8", "last")
    assert facts["weights"] == str(learned.path) and "stem_conv" in facts["frozen"]
    (tmp_path / "r.yaml").write_text(
        "name: quick_int8\nartifact: int8\nquantization: {fine_tune: {epochs: 1, peak: 0.002}}\n"
        "max_drop: 50.0\n"
    )
    for verb in (
        ["evaluate", run],
        ["compress", run, "--recipe", tmp_path / "r.yaml"],
        ["convert", run, "--to", "tflite", "--recipe", tmp_path / "r.yaml"],
        ["verify", run / "model_int8.tflite"],
    ):
        code, _, err = kerascnn(*verb)
        assert code == 0, err
    found = json.loads((run / "evaluation.json").read_text())
    assert found["top1"] > 0.5  # of 60 images, and chance is a fifth


def test_similarity_is_measured_and_said(learned, few, tmp_path, capsys):
    run = finetune(None, learned, few, tmp_path / "run", epochs=1)
    out = capsys.readouterr().out
    assert "of held-out images by the network's features" in out
    measured = run.facts["transfer"]["similarity"]
    assert 0.5 < measured["pixels"] <= 1 and 0.5 < measured["features"] <= 1


def test_few_different_images_say_collect_more_and_train_behind_a_stage(
    learned, few, tmp_path, capsys
):
    orders = Orders(domain="different")
    run = finetune(None, learned, few, tmp_path / "run", orders=orders, epochs=1)
    out = capsys.readouterr().out
    assert "collect more data" in out
    frozen = run.facts["transfer"]["frozen"]
    assert "stem_conv" in frozen and "head_logits" not in frozen
    stages = [line.split(":")[0].strip() for line in out.splitlines() if line.startswith("    st")]
    assert stages == ["stem", "stage1", "stage2", "stage3"]


def test_many_different_images_train_from_scratch(learned, few, tmp_path, monkeypatch):
    monkeypatch.setattr("kerascnn.transfer.strategy.MANY", 10)
    orders = Orders(domain="different")
    fast = SGDConfig(schedule=ConstantSchedule(peak=1e-9))  # what it begins with can be seen
    run = finetune(None, learned, few, tmp_path / "run", orders=orders, epochs=1, optimizer=fast)
    before, after = weights(learned)["stem_conv"][0], weights(run)["stem_conv"][0]
    assert run.facts["transfer"]["strategy"] == "scratch"
    assert np.abs(np.corrcoef(before.ravel(), after.ravel())[0, 1]) < 0.5


def test_orders_freeze_and_slow_down(learned, few, tmp_path):
    orders = Orders(domain="similar", freeze_until="stage1", rates={"stage2": 0.0})
    run = finetune(None, learned, few, tmp_path / "run", orders=orders, epochs=2)
    before, after = weights(learned), weights(run)
    kernels = {name for name in before if name.endswith("conv")}
    changed = {name for name in kernels if not np.array_equal(before[name][0], after[name][0])}
    assert changed == {name for name in kernels if name.startswith("stage3")}
    # at a rate of 0 weights stay; its statistics are not weights and follow the images
    assert not same(before["stage2_block1_1_bn"], after["stage2_block1_1_bn"])
    assert same(before["stage1_block1_1_bn"], after["stage1_block1_1_bn"])


def test_weights_of_a_file_become_a_run_with_their_normalization(write_digits, tmp_path):
    """Of keras.applications, whose file has a thousand classes, on images of another size."""
    theirs = keras.applications.MobileNet((128, 128, 3), 0.25, weights=None)
    theirs.save_weights(tmp_path / "own.weights.h5")
    run = finetune(
        "mobilenet_v1_025",
        tmp_path / "own.weights.h5",
        write_digits(8, scale=4),
        tmp_path / "run",
        orders=Orders(domain="similar"),
        size=(32, 32),
        epochs=1,
    )
    assert (run.config.data.normalize.mean, run.config.data.normalize.std) == (127.5, 127.5)
    assert run.facts["input_shape"] == [32, 32, 3]
    np.testing.assert_array_equal(
        weights(run)["stem_conv"][0], theirs.get_layer("conv1").get_weights()[0]
    )


class Killed(BaseException):
    """Ends a training as nothing in it expects."""


@pytest.mark.full
def test_one_that_was_killed_goes_on_to_the_same_end(learned, few, tmp_path, monkeypatch):
    """With the choice that it made, which is measured once."""

    def tune(name, **options):
        orders = Orders(domain="different", rates={"stage3": 0.5})
        options = {"epochs": 2, "orders": orders, **options}
        return finetune(None, learned, few, tmp_path / name, **options)

    def killed(self, epoch, logs=None):
        if epoch == 1:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr("kerascnn.training.progress.EpochProgress.on_epoch_end", killed)
        tune("killed")
    with pytest.raises(UserError, match="holds a run already; give another --out, or --resume"):
        tune("killed")
    with pytest.raises(UserError, match="goes on only with the orders it began with"):
        tune("killed", orders=Orders(domain="similar"), resume=True)
    with pytest.raises(UserError, match=r"training\.seed is 0 in the run, 1 was asked"):
        tune("killed", seed=1, resume=True)
    whole = tune("whole")
    never = "kerascnn.transfer.choosing.choose"
    monkeypatch.setattr(never, lambda *_: pytest.fail("the choice was made already"))
    resumed = tune("killed", resume=True)
    assert resumed.facts["transfer"] == whole.facts["transfer"]
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]
    ours, theirs = weights(resumed), weights(whole)
    assert all(same(ours[name], theirs[name]) for name in theirs)


TWO_DEVICES = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from kerascnn.__main__ import main
main()
"""


@pytest.mark.full
def test_on_two_devices_it_learns_as_on_one(learned, few, tmp_path, kerascnn):
    arguments = ["--weights", learned.path, "--data", few, "--domain", "similar", "--epochs", "2"]
    arguments = ["finetune", *map(str, arguments), "--out"]
    code, _, err = kerascnn(*arguments, tmp_path / "one")
    assert code == 0, err
    done = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, *arguments, tmp_path / "two", "--distribute=mirrored"],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "2 CPU devices (mirrored)" in done.stdout
    one, two = (open_run(tmp_path / name).history for name in ("one", "two"))
    for mine, theirs in zip(one, two, strict=True):
        assert mine["loss"] == pytest.approx(theirs["loss"], abs=1e-5)  # sums in another order


REFUSALS = {
    "layer": ({"orders": Orders("similar", "stage9")}, r"unknown layer of resnet8 'stage9'; did"),
    "all": ({"orders": Orders("similar", "head_logits")}, r"freezes all weights; name a layer"),
    "rate": ({"orders": Orders("similar", None, {"stage7": 1})}, r"unknown stage or layer of res"),
    "negative": (
        {"orders": Orders("similar", None, {"stem": -1})},
        r"stem: expected a factor from",
    ),
    "network": ({"network": "resnet20"}, r"is a run of resnet8, not of resnet20"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_orders_that_do_not_fit_leave_no_run(learned, few, tmp_path, case):
    options, message = REFUSALS[case]
    options = {"network": None, "orders": Orders("similar"), **options}
    with pytest.raises(UserError, match=message):
        finetune(options["network"], learned, few, tmp_path / "run", orders=options["orders"])
    assert not (tmp_path / "run" / "history.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "imagenet"], "say which network these weights are of"),
        (["--from", "resnet8", "--weights", "imagenet"], "no weights of keras.applications fit it"),
        (
            ["--from", "vgg16", "--weights", "imagenet", "--rate", "x"],
            "--rate: expected NAME=FACTOR",
        ),
        (
            ["--from", "vgg16", "--weights", "imagenet", "--domain", "near"],
            "--domain: expected sim",
        ),
    ],
)
def test_mistakes_on_the_command_line_are_one_line(kerascnn, few, tmp_path, arguments, message):
    code, _, err = kerascnn("finetune", *arguments, "--data", few, "--out", tmp_path / "run")
    assert code == 2 and message in err and err.count("\n") == 1
