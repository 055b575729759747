"""`export.sensitivity` of models that were trained anywhere, by the metric their owner names."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import export
from kerascnn.errors import UserError

X = np.random.default_rng(0).normal(size=(200, 12)).astype("float32")


def regression():
    """y = what `vital` says; `idle` adds next to nothing."""
    x = keras.Input((12,), name="x")
    vital = layers.Dense(1, use_bias=False, name="vital")(x)
    idle = layers.Dense(1, use_bias=False, name="idle")(x)
    model = keras.Model(x, vital + idle)
    model.get_layer("vital").kernel.assign(np.arange(1.0, 13)[:, None])
    model.get_layer("idle").kernel.assign(np.full((12, 1), 1e-3))
    return model


def test_an_error_that_rises_is_a_loss_and_the_worst_layer_comes_first():
    model = regression()
    y = model.predict(X, verbose=0) + 1  # an error of 1 with no weight pruned
    scan = export.sensitivity(model, (X, y), metric="mean_squared_error", sparsities=(0.5, 0.75))
    assert [layer.name for layer in scan.layers] == ["vital", "idle"]
    assert scan.figure == pytest.approx(1, rel=1e-4)
    for share, reached, drop in zip(
        scan.sparsities, scan.layers[0].figures, scan.drops(scan.layers[0]), strict=True
    ):
        kept = np.arange(12) >= 12 * share  # the smallest weights have gone
        expected = np.mean((X @ (np.arange(1.0, 13) * ~kept) + 1) ** 2)
        assert reached == pytest.approx(expected, rel=1e-4)
        assert drop == pytest.approx(100 * (expected - 1), rel=1e-3)
    assert scan.exclude(0.5) == []  # half of all weights is more than a tenth of them
    said = str(scan.table)
    assert "percent more mean_squared_error, of 1" in said and said.index("vital") < said.index(
        "idle"
    )


def test_any_model_any_output_any_metric():
    """Blocks in a class of one's own, two outputs; a metric of the second."""

    class Block(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.inner = layers.Dense(units, name="inner")

        def call(self, x):
            return ops.relu(self.inner(x))

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.body = Block(16)
            self.label, self.where = layers.Dense(3, name="label"), layers.Dense(2, name="where")

        def call(self, x):
            x = self.body(x)
            return {"label": self.label(x), "where": self.where(x)}

    model = Own()
    targets = model.predict(X, verbose=0)
    y = {"label": targets["label"].argmax(1), "where": targets["where"]}
    by_class = export.sensitivity(model, (X, y), sparsities=(1.0,))
    assert by_class.metric.name == "accuracy" and by_class.figure == 1
    assert {x.name: x.figures[0] for x in by_class.layers}["where"] == 1  # not asked about
    scan = export.sensitivity(model, (X, y), metric={"where": "r2_score"}, sparsities=(1.0,))
    figures = {x.name: x.figures[0] for x in scan.layers}
    assert figures["label"] == pytest.approx(scan.figure) and scan.figure == pytest.approx(1)
    assert figures["where"] < 0.5 and figures["inner"] < 0.5
    assert [x.name for x in scan.layers][-1] == "label"


def test_what_is_missing_is_said():
    with pytest.raises(UserError, match='give a metric, as metric="mean_squared_error"'):
        export.sensitivity(regression(), (X, X[:, :1]))
    with pytest.raises(UserError, match="give inputs and targets"):
        export.sensitivity(regression(), X, metric="mae")
    with pytest.raises(UserError, match="unknown metric 'mean_sqared_error'"):
        export.sensitivity(regression(), (X, X[:, :1]), metric="mean_sqared_error")
