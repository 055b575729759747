"""The scan that prunes one layer at a time."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from export.constraints.kernels import prunable_kernels
from export.pruning.sensitivity import LayerSensitivity, Scan, sensitivity, suggestions
from export.subject.metric import metric_of
from kerascnn.errors import UserError
from kerascnn.files import read_json
from kerascnn.training import open_run

ACCURACY = metric_of(None, ("classes",), ("logits",))
IMAGES = np.eye(4, dtype="uint8").reshape(4, 2, 2, 1) * 10  # one bright pixel, at four places


def by_hand():
    """Says which pixel is bright: `vital` copies the pixels, the weaker ones as weaker weights.

    `idle` adds a number that the softmax would not see.
    """
    image = keras.Input((2, 2, 1))
    x = layers.Flatten()(image)
    y = layers.Dense(4, use_bias=False, name="vital")(x)
    z = layers.Dense(1, use_bias=False, name="idle")(x)
    model = keras.Model(image, layers.Add()([y, z]))
    model.get_layer("vital").kernel.assign(np.diag([1.0, 2.0, 3.0, 4.0]))
    model.get_layer("idle").kernel.assign(np.ones((4, 1)))
    return model


def test_the_drop_of_each_layer_by_hand():
    """Of 16 weights 12 are zero already: 75 % cost nothing, 87.5 % the two weakest pixels.

    A pixel whose weight is gone ties between all logits, and the first label wins.
    """
    found = sensitivity(by_hand(), (IMAGES, np.arange(4)), sparsities=(0.75, 0.875, 1.0))
    assert found.metric.name == "accuracy" and found.figure == 1 and found.samples == 4
    vital, idle = found.layers
    assert (vital.name, vital.weights) == ("vital", 16)
    assert vital.figures == (1.0, 0.75, 0.25)  # label 0 is right by the tie
    assert found.drops(vital) == [0, 25, 75]
    assert idle.figures == (1.0, 1.0, 1.0)


def test_what_costs_much_and_holds_little_is_suggested_for_exclusion():
    """A tenth of 10,000 weights: the head and the stem fit, together with nothing else."""
    layers = (
        LayerSensitivity("body", 8000, (0.85, 0.4)),
        LayerSensitivity("stem", 500, (0.89, 0.5)),
        LayerSensitivity("neck", 1100, (0.88, 0.6)),
        LayerSensitivity("head", 300, (0.9, 0.6)),
        LayerSensitivity("side", 100, (0.9, 0.895)),
    )
    found = Scan(ACCURACY, 0.9, 1000, (0.5, 0.9), layers)
    assert found.exclude(0.5) == []  # the stem costs a point, and no more than that
    assert found.exclude(0.9) == ["head", "stem"]
    assert suggestions(found) == [
        "  sparsity: 0.5, exclude: []",
        "  sparsity: 0.9, exclude: [head, stem]  # 8.0% of the weights stay dense",
    ]


def test_the_model_is_left_as_it_was_and_traced_once():
    model = by_hand()
    before = [ops.convert_to_numpy(v).copy() for v in model.weights]
    sensitivity(model, (IMAGES, np.arange(4)), sparsities=(0.5, 0.9, 1.0))
    for old, variable in zip(before, model.weights, strict=True):
        np.testing.assert_array_equal(old, ops.convert_to_numpy(variable))
    assert model.predict_function.experimental_get_tracing_count() == 1


def test_the_verb_prints_the_worst_layer_first_and_writes_the_figures(
    kerascnn, finished_run, tmp_path
):
    out = tmp_path / "sensitivity.json"
    code, said, _ = kerascnn("sensitivity", finished_run, "--images", 100, "--out", out)
    assert code == 0
    found, run = read_json(out), open_run(finished_run)
    names = [row["name"] for row in found["layers"]]
    assert sorted(names) == sorted(prunable_kernels(run.model()))
    assert [said.index(name) for name in names] == sorted(said.index(name) for name in names)
    assert found["samples"] == 100
    assert all(f"sparsity: {share:g}, exclude: [" in said for share in found["sparsities"])
    worst, best = found["layers"][0], found["layers"][-1]
    assert sum(worst["drops"]) >= sum(best["drops"])
    for row in found["layers"]:
        expected = [100 * (found["figure"] - x) for x in row["figures"]]
        assert row["drops"] == pytest.approx(expected)


def test_what_cannot_be_scanned_is_said():
    with pytest.raises(UserError, match=r"expected shares of zeros within 0\.\.1, got 1\.5"):
        sensitivity(by_hand(), (IMAGES, np.arange(4)), sparsities=(1.5,))
    image = keras.Input((2, 2, 1))
    flat = keras.Model(image, layers.Flatten()(image), name="flat")
    with pytest.raises(UserError, match="flat: expected a convolution or a dense layer"):
        sensitivity(flat, (IMAGES, np.arange(4)))
