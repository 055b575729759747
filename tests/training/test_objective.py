"""What is minimized: labels and shares, auxiliary heads, averages of weights."""

import keras
import numpy as np
import pytest
from keras import ops

import kerascnn.config as configs
from kerascnn.errors import UserError
from kerascnn.training import open_run, train
from kerascnn.training.losses import Accuracy, cross_entropy, hinge
from kerascnn.training.objective import Objective

MLP = ["model={name: mlp_128}", "data.size=null", "data.train=[]"]
SMALL = ["training.epochs=2", "data.validation=0.5", "optimizer.schedule.warmup=0"]


def quick(*overrides):
    return configs.load("configs/digits/lenet5.yaml", [*MLP, *SMALL, *overrides])


def drawn(rows=6, classes=4):
    rng = np.random.default_rng(0)
    return rng.integers(0, classes, rows), rng.normal(size=(rows, classes)).astype("float32")


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_smoothed_cross_entropy_is_that_of_the_paper(smoothing):
    labels, logits = drawn()
    targets = (1 - smoothing) * np.eye(4)[labels] + smoothing / 4
    expected = -(targets * log_softmax(logits)).sum(axis=1).mean()
    found = float(ops.mean(cross_entropy(ops.convert_to_tensor(labels), logits, smoothing)))
    assert found == pytest.approx(expected, rel=1e-5)
    of_shares = cross_entropy(np.eye(4, dtype="float32")[labels], logits, smoothing)
    assert float(ops.mean(of_shares)) == pytest.approx(expected, rel=1e-5)


def test_hinge_sums_the_margins_of_all_other_classes():
    labels, logits = drawn()
    each = [
        sum(max(0, 1 + row[j] - row[label]) for j in range(4) if j != label)
        for row, label in zip(logits, labels, strict=True)
    ]
    found = hinge(ops.convert_to_tensor(labels), logits)
    np.testing.assert_allclose(found, each, rtol=1e-5)
    others = np.int64([1, 2, 3, 0])[labels]
    mixed = np.float32(0.3 * np.eye(4)[labels] + 0.7 * np.eye(4)[others])
    expected = 0.3 * np.array(each) + 0.7 * np.array(hinge(ops.convert_to_tensor(others), logits))
    np.testing.assert_allclose(hinge(mixed, logits), expected, rtol=1e-5)


def test_accuracy_of_shares_is_that_of_the_largest():
    metric = Accuracy()
    metric.update_state(np.float32([[0.6, 0.4], [0.3, 0.7]]), np.float32([[1, 0], [1, 0]]))
    metric.update_state(np.int32([0, 0]), np.float32([[1, 0], [1, 0]]))
    assert float(metric.result()) == 0.75


class Mixed:
    """Batches whose labels are shares, as mixup makes them."""

    def __init__(self, data):
        self.data = data

    def __getattr__(self, name):
        return getattr(self.data, name)

    def training_batches(self, **steps):
        import tensorflow as tf

        def mix(images, labels):
            shares = tf.one_hot(labels, 10)
            return (images + images[::-1]) / 2, (shares + shares[::-1]) / 2

        return self.data.training_batches(**steps).map(mix)


def test_labels_may_be_shares(tmp_path, monkeypatch):
    from kerascnn.data import load_data

    monkeypatch.setitem(
        train.__globals__, "load_data", lambda *args, **more: Mixed(load_data(*args, **more))
    )
    run = train(quick("training.epochs=8", "loss.smoothing=0.1"), tmp_path / "run")
    assert run.history[-1]["val_accuracy"] > 0.7


def test_the_hinge_trains(tmp_path):
    run = train(quick("loss.name=hinge", "optimizer.schedule.peak=0.01"), tmp_path / "run")
    assert run.history[-1]["val_accuracy"] > 0.7


def test_averages_follow_the_formula_and_include_statistics():
    image = keras.Input((3,))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(4)(image))
    network = keras.Model(image, x)
    objective = Objective(network, averaged=0.5)
    objective.compile(keras.optimizers.SGD(0.1))
    expected = [w.copy() for w in network.get_weights()]
    statistics = [v.path.rpartition("/")[2].startswith("moving") for v in network.weights]
    rng = np.random.default_rng(0)
    for step in range(4):
        before = network.get_weights()
        objective.train_on_batch(rng.normal(size=(8, 3)), rng.integers(0, 4, 8))
        decay = min(0.5, (1 + step) / (10 + step))
        for i, after in enumerate(network.get_weights()):
            new = after if statistics[i] else before[i]
            expected[i] = decay * expected[i] + (1 - decay) * new
    raw = network.get_weights()
    objective.swap_averages()
    for mine, wanted in zip(network.get_weights(), expected, strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-4, atol=1e-6)
    objective.swap_averages()
    for mine, wanted in zip(network.get_weights(), raw, strict=True):
        np.testing.assert_array_equal(mine, wanted)


def test_the_average_is_what_is_evaluated_and_kept(tmp_path):
    run = train(quick("training.ema=0.999", "training.epochs=3"), tmp_path / "run")
    data, best = run.data(), run.facts["validation_accuracy"]
    logits = run.model().predict(data.batches(data.validation), verbose=0)
    assert (logits.argmax(1) == data.validation.labels).mean() == pytest.approx(best, abs=1e-6)
    last = keras.models.load_model(run.path / "checkpoints" / "last.keras", compile=False)
    assert not np.allclose(last.get_weights()[0], run.model().get_weights()[0], atol=1e-3)


AUX = ["model={name: googlenet_aux}", "data.size=[79, 79]", "data.batch_size=8", "data.train=[]"]


@pytest.fixture
def few_digits(monkeypatch):
    from kerascnn.data import pipelines
    from kerascnn.data.sources import Source, Split

    def few(config, data_dir=None):
        rng = np.random.default_rng(0)
        split = Split(
            rng.integers(0, 256, (20, 8, 8, 1), np.uint8), np.arange(20, dtype="int32") % 10
        )
        return Source(split, split, tuple("0123456789"), (8, 8, 1))

    monkeypatch.setattr(pipelines, "load_source", few)


def test_auxiliary_heads_train_and_vanish(kerascnn, tmp_path, few_digits):
    out = tmp_path / "run"
    small = [*SMALL, "training.epochs=1", "optimizer.schedule.peak=0.001"]
    code, said, err = kerascnn("train", "configs/digits/lenet5.yaml", "--out", out, *AUX, *small)
    assert code == 0, said + err
    run = open_run(out)
    weights = {"head_aux1_logits": 0.3, "head_aux2_logits": 0.3}
    assert run.config.loss.auxiliary == weights  # of the paper, spelled out
    model = run.model()
    assert model.output_shape == (None, 10)
    assert not [layer.name for layer in model.layers if "aux" in layer.name]
    row = run.history[0]
    assert row["loss"] > 1.3 * row["val_loss"]  # three heads of untrained networks against one


def test_gradients_of_auxiliary_heads_have_their_weight():
    image = keras.Input((3,))
    heads = {name: keras.layers.Dense(4, name=name)(image) for name in ("head_logits", "head_aux")}
    network = keras.Model(image, heads)
    x, y = np.ones((2, 3), "float32"), np.int32([1, 2])
    moved = {}
    for weight in (0.1, 0.2):
        network.set_weights([np.full(v.shape, 0.5) for v in network.weights])
        objective = Objective(network, auxiliary={"head_aux": weight})
        objective.compile(keras.optimizers.SGD(1.0))
        objective.train_on_batch(x, y)
        for name in heads:
            moved[name, weight] = network.get_layer(name).kernel.numpy() - 0.5
    np.testing.assert_allclose(moved["head_aux", 0.2], 2 * moved["head_aux", 0.1], rtol=1e-4)
    np.testing.assert_allclose(moved["head_aux", 0.1], 0.1 * moved["head_logits", 0.1], rtol=1e-4)


@pytest.mark.parametrize(
    ("auxiliary", "told"),
    [
        ({}, "auxiliary heads need a weight in the loss: head_aux"),
        ({"head_auxx": 1.0}, "unknown auxiliary head .*'head_auxx'; did you mean 'head_aux'"),
    ],
)
def test_weights_for_other_heads_are_refused(auxiliary, told):
    image = keras.Input((3,))
    heads = {name: keras.layers.Dense(4, name=name)(image) for name in ("head_logits", "head_aux")}
    with pytest.raises(UserError, match=told):
        Objective(keras.Model(image, heads), auxiliary=auxiliary)
