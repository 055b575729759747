"""Claims that are tried again: the arms, the arithmetic of verdicts, and runs that go on."""

import json
from types import MappingProxyType

import keras
import numpy as np
import pytest

from kerascnn import UserError, build, config, normalized
from kerascnn.analysis import count
from kerascnn.data import load_data
from kerascnn.experiments import (
    MEASURES,
    Outcome,
    compared,
    experiment_names,
    read_experiment,
    run_experiment,
    summary,
    verdict,
)
from kerascnn.experiments.by_depth import sizes_by_depth
from kerascnn.models.graph import without_weights

TINY = ["data.batch_size=8", "training.epochs=1"]


def sides(data):
    return (*data.size, config.CHANNELS[data.name])


@pytest.mark.parametrize("name", experiment_names())
def test_every_arm_is_a_network_on_its_data(name):
    experiment = read_experiment(name)
    told = experiment.told
    assert told.claim.endswith(".") and told.source and told.reported
    assert told.measure.name in MEASURES
    asked = {str(one.model_dump()) for one in experiment.arms.values()}
    assert len(asked) == len(experiment.arms) - len(told.members), "two arms are the same"
    for arm, trained in experiment.arms.items():
        with without_weights():
            network = build(
                trained.model.name, input_shape=sides(trained.data), **trained.model.arguments
            )
        assert network.outputs[0].shape == (None, 10), arm


@pytest.mark.parametrize("name", experiment_names())
def test_every_arm_makes_two_steps(name):
    """Small images, one block in a stage: each takes a step, and answers otherwise after it."""
    rng = np.random.default_rng(0)
    networks = {str(one.model): (arm, one) for arm, one in read_experiment(name).arms.items()}
    for arm, trained in networks.values():
        arguments = dict(trained.model.arguments)
        if arguments.get("groups", 1) > 1 or arguments.get("towers", 1) > 1:
            continue  # outside of `train` Keras compiles each grouped convolution, which takes long
        if isinstance(arguments.get("depth"), int) or trained.model.name.endswith("56"):
            arguments["depth"] = 1
        shape = (16, 16, sides(trained.data)[2])
        network = build(trained.model.name, input_shape=shape, num_classes=3, **arguments)
        images = rng.normal(size=(8, *shape)).astype("float32")
        labels = np.arange(8) % 3
        losses = steps(network, images, labels, 2)
        assert np.isfinite(losses[0]) and losses[0] != losses[1], (arm, losses)


def steps(network, images, labels, number):
    """The losses in front of so many steps of gradient descent, taken eagerly."""
    import tensorflow as tf

    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    losses = []
    for _ in range(number):
        with tf.GradientTape() as tape:
            value = loss(labels, network(images, training=True))
        gradients = tape.gradient(value, [w.value for w in network.trainable_variables])
        for weight, gradient in zip(network.trainable_variables, gradients, strict=True):
            weight.assign_sub(0.01 * gradient)
        losses.append(float(value))
    return losses


@pytest.mark.parametrize(
    ("name", "within"),
    [
        ("separable", 0.02),
        ("groups", 0.02),
        ("width_vs_depth", 0.05),
        ("bottleneck", 0.05),
        ("degradation", None),
    ],
)
def test_arms_that_are_to_cost_the_same_do(name, within):
    costs = {}
    for arm, trained in read_experiment(name).arms.items():
        with without_weights():
            arguments = trained.model.arguments
            network = build(trained.model.name, input_shape=sides(trained.data), **arguments)
        costs[arm] = count(network).macs
    if name == "degradation":
        assert costs["plain56"] == costs["resnet56"] and costs["plain20"] == costs["resnet20"]
    else:
        assert max(costs.values()) <= (1 + within) * min(costs.values()), costs


WIDTH, DEPTH = 512, 8


def deep(**arguments):
    """A perceptron of eight layers of 512 on noise, and how it scales by depth."""
    keras.utils.set_random_seed(0)
    network = build("mlp_128", hidden=[WIDTH] * DEPTH, input_shape=(8, 8, 1), **arguments)
    model = normalized(network, config.Normalize())
    pixels = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1))
    return sizes_by_depth(model, pixels, np.arange(64) % 10)


# Each layer's mean square is one of 512 independent units, and that of a rectified normal number
# is off by sqrt(5) of itself: by 0.1 a layer, 0.26 over seven of them; three times that.
OFF = 3 * np.sqrt(5 / WIDTH * (DEPTH - 1))


@pytest.mark.parametrize(
    ("initializer", "factor"),
    [("he", 1.0), ("glorot", 0.5), ("gaussian", 0.01**2 * WIDTH / 2), ("unit_gaussian", WIDTH / 2)],
)
def test_each_layer_of_rectifiers_scales_the_mean_square_by_half_the_fan_times_the_variance(
    initializer, factor
):
    """Equation 9 of arXiv:1502.01852 forwards, and equation 13 backwards."""
    activations, gradients = deep(initializer=initializer)
    expected = (DEPTH - 1) * np.log(factor)
    assert 2 * np.log(activations[-1] / activations[0]) == pytest.approx(expected, abs=OFF)
    assert 2 * np.log(gradients[0] / gradients[-1]) == pytest.approx(expected, abs=OFF)


def test_sigmoids_pass_back_at_most_a_quarter_of_the_gradient():
    """Their slope is 1/4 at most; a glorot kernel keeps the rest, within sampling error."""
    _, gradients = deep(act="sigmoid", initializer="glorot")
    assert np.log(gradients[0] / gradients[-1]) < (DEPTH - 1) * np.log(0.25) + OFF / 2
    assert np.all(np.diff(gradients) > 0)


def test_zeros_pass_nothing_on():
    activations, gradients = deep(initializer="zeros")
    assert not activations.any() and not gradients.any()


def test_a_figure_is_below_another_where_the_spreads_do_not_overlap():
    assert compared([1, 2, 3], [4, 5, 6]) == "held"
    assert compared([4, 5, 6], [1, 2, 3]) == "did not hold"
    assert compared([1, 2, 4], [4, 5, 6]) == compared([1, 5], [4, 6]) == "undecided"
    assert compared([1, 2], [None, None]) == "held"  # that never got there
    assert compared([1, None], [2, 3]) == compared([None] * 3, [None] * 3) == "undecided"
    assert compared([1], [2]) == "undecided"  # one seed
    figures = {"a": [1, 2], "b": [3, 4], "c": [2, 5]}
    assert verdict([("a", "b"), ("a", "c")], figures) == ("undecided", ["held", "undecided"])
    assert verdict([("a", "c"), ("b", "a")], figures)[0] == "did not hold"
    assert verdict([("a", "b")], figures)[0] == "held"


def test_a_summary_has_no_mean_of_what_was_never_reached():
    found = summary([1.0, 2.0, 6.0])
    assert (found.mean, found.least, found.most) == (3.0, 1.0, 6.0)
    found = summary([1.0, None])
    assert (found.mean, found.least, found.most) == (None, 1.0, None)


class History:
    """A run whose training error falls from 80 to 20 and 5 percent, 10 steps an epoch."""

    history = tuple({"accuracy": a, "val_accuracy": a} for a in (0.2, 0.8, 0.95))
    facts = MappingProxyType({"images": {"train": 105}})
    config = config.load("configs/digits/lenet5.yaml", ["data.batch_size=10", "training.epochs=3"])


@pytest.mark.parametrize(
    ("error", "steps"), [(0.8, 10), (0.5, 15), (0.2, 20), (0.125, 25), (0.01, None)]
)
def test_steps_are_counted_between_epochs(error, steps):
    found = MEASURES["steps_to"].trained([History()], error, None)
    assert found.figure == pytest.approx(steps) if steps else found.note == "not reached"
    assert found.curve == pytest.approx((0.8, 0.2, 0.05))


OWN = """
claim: More units err less.
source: nobody
reported: nothing
measure: {MEASURE}
expected: [wide < narrow]
train:
  model: {name: mlp_128}
  data: {name: digits, size: [8, 8], batch_size: 64}
  optimizer: {schedule: {name: constant, peak: 0.05}}
  training: {epochs: 2}
arms:
  narrow: {model.arguments.hidden: [2]}
  wide: {model.arguments.hidden: [64]}
members: {wide: 2}
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """An experiment of one's own, its folder, run once with two seeds."""
    folder = tmp_path_factory.mktemp("own")
    path = folder / "units.yaml"
    path.write_text(OWN.replace("{MEASURE}", "test_error"))
    return path, folder / "out", run_experiment(path, folder / "out", seeds=[0, 1])


def test_an_experiment_trains_measures_and_says_the_verdict(own):
    _, out, result = own
    record = json.loads((out / "experiment.json").read_text())
    assert record["verdict"] == result.verdict[0] == "held"
    assert record["pairs"] == {"wide < narrow": "held"}
    wide = record["arms"]["wide"]
    two = 2 * (65 * 64 + 65 * 10), 2 * (64 * 64 + 64 * 10)
    assert (wide["parameters"], wide["macs"]) == two
    seeds = [one["figure"] for one in wide["seeds"].values()]
    assert wide["mean"] == pytest.approx(np.mean(seeds)) and wide["most"] == max(seeds)
    assert len(wide["seeds"]["0"]["curve"]) == 2
    runs = sorted(str(path.parent.relative_to(out)) for path in out.rglob("run.json"))
    assert runs[:4] == [
        f"runs/{arm}" for arm in ("narrow/seed0", "narrow/seed1", "wide/seed0_1", "wide/seed0_2")
    ]
    assert len(runs) == 6


def test_what_is_done_is_not_trained_again(own, monkeypatch, kerascnn):
    path, out, result = own
    monkeypatch.setattr(
        "kerascnn.experiments.running.train", lambda *a, **k: pytest.fail("trained")
    )
    assert run_experiment(path, out, seeds=[0, 1]).outcomes == result.outcomes
    arguments = ("experiment", path, "--out", out, "--seeds", "1,0")
    code, told, err = kerascnn(*arguments)
    assert (code, err) == (0, "") and "held: wide" in told and "experiment.png" in told
    assert (out / "experiment.png").stat().st_size > 10_000
    code, told, _ = kerascnn(*arguments, "--json")
    figures = json.loads(told)
    assert code == 0 and figures["verdict"] == "held" and len(figures["arms"]) == 2
    code, told, _ = kerascnn(*arguments, "--csv")
    assert code == 0 and told.startswith(
        "arm,parameters,macs,measure,mean,least,most,seeds,notes\n"
    )


def test_an_interrupted_experiment_goes_on_with_the_runs_that_stand_there(own, monkeypatch):
    """Without its record the finished runs are measured again; only what is missing is trained."""
    path, out, result = own
    (out / "experiment.json").unlink()
    monkeypatch.setattr(
        "kerascnn.experiments.running.train", lambda *a, **k: pytest.fail("trained")
    )
    again = run_experiment(path, out, seeds=[0])
    assert again.figures("narrow") == result.figures("narrow")[:1]
    assert again.verdict[0] == "undecided" and "one seed decides nothing" in again.sentence


def test_a_folder_keeps_to_its_experiment(own, kerascnn):
    path, out, _ = own
    with pytest.raises(UserError, match=r"holds another experiment: .*epochs is 2 there, 3 was"):
        run_experiment(path, out, overrides=["training.epochs=3"])


def test_a_training_that_diverges_is_above_all_others(tmp_path):
    path = tmp_path / "rates.yaml"
    text = OWN.replace("{MEASURE}", "training_error")
    path.write_text(text.replace("model.arguments.hidden: [2]", "optimizer.schedule.peak: 1.0e+30"))
    result = run_experiment(path, tmp_path / "out", seeds=[0], overrides=TINY)
    assert result.outcomes["narrow"][0] == Outcome(None, (), "diverged")


def test_other_data_is_not_drawn_in_a_number():
    assert read_experiment("ablation").arms["whole"].data.images == 1200
    moved = read_experiment("ablation", ["data.name=cifar10"])
    assert {one.data.name for one in moved.arms.values()} == {"cifar10"}
    assert {one.data.images for one in moved.arms.values()} == {None}


def test_the_list_says_every_claim(kerascnn):
    code, out, err = kerascnn("experiment")
    assert (code, err) == (0, "") and "relu_vs_tanh" in out and "Figure 1" in out
    code, out, _ = kerascnn("experiment", "--json")
    rows = json.loads(out)
    assert [row["experiment"] for row in rows] == experiment_names() and code == 0
    assert kerascnn("experiment", "--csv")[1].startswith("experiment,claim,source,reported\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["degradaton"], "unknown experiment 'degradaton'; did you mean 'degradation'?"),
        (["dropout", "--seeds", "a"], "--seeds: expected whole numbers from 0 on, as 0,1,2"),
        (["dropout", "data.nam=mnist"], "unknown key 'data.nam'; did you mean 'data.name'?"),
        (["dropout", "model.name=mlp_12"], "unknown model 'mlp_12'; did you mean 'mlp_128'?"),
        (["none.yaml"], "no such file: none.yaml"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(kerascnn, tmp_path, arguments, said):
    code, _, err = kerascnn("experiment", *arguments, "--out", tmp_path / "out")
    assert code == 2 and said in err and len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{MEASURE}", "test_eror", "unknown measure 'test_eror'; did you mean 'test_error'?"),
        ("{MEASURE}", "steps_to", "steps_to takes a number"),
        ("wide < narrow", "wide < narow", "unknown arm 'narow'; did you mean 'narrow'?"),
        ("wide < narrow", "wide", "expected pairs of arms as 'a < b', not 'wide'"),
    ],
)
def test_a_claim_of_ones_own_is_checked(tmp_path, old, new, said):
    path = tmp_path / "own.yaml"
    path.write_text(OWN.replace(old, new).replace("{MEASURE}", "test_error"))
    with pytest.raises(UserError, match=said):
        read_experiment(path)


def test_digits_that_are_shifted_have_room_to_move_in():
    data = load_data(read_experiment("parameter_sharing").arms["perceptron"].data)
    pixels = data.pixels(data.test, 8)
    assert not pixels[:, :4].any() and not pixels[:, :, -4:].any() and pixels.any()
