"""Learning rates and weight decay, against the formulas of their papers."""

import keras
import numpy as np
import pytest

from kerascnn.config import OptimizerConfig, Schedule
from kerascnn.errors import UserError
from kerascnn.training.history import plateau_rate
from kerascnn.training.optimizers import learning_rate, make_optimizer


def rates(schedule, steps, epochs):
    rate = learning_rate(schedule, steps_per_epoch=steps, epochs=epochs)
    return [float(rate(step)) for step in range(steps * epochs)]


def test_cosine_falls_from_the_peak_to_zero_after_a_linear_warm_up():
    found = rates(Schedule(name="cosine", peak=0.4, warmup=1), steps=10, epochs=5)
    rise = [0.4 * (i + 1) / 10 for i in range(10)]
    fall = [0.4 * 0.5 * (1 + np.cos(np.pi * i / 40)) for i in range(40)]
    np.testing.assert_allclose(found, rise + fall, atol=1e-7)  # float32 of 0.4


def test_constant_stays_at_its_peak_after_the_warm_up():
    found = rates(Schedule(name="constant", peak=0.3, warmup=1), steps=2, epochs=3)
    np.testing.assert_allclose(found, [0.15, 0.3, 0.3, 0.3, 0.3, 0.3], rtol=1e-6)


def test_steps_drop_at_their_epochs():
    found = rates(Schedule(name="steps", peak=1.0, epochs=(2, 3)), steps=4, epochs=5)
    assert found[8] == 1.0  # Keras' boundary itself still has the old rate
    np.testing.assert_allclose([found[0], found[9], found[13]], [1.0, 0.1, 0.01], rtol=1e-6)


def test_a_warm_up_longer_than_the_training_is_refused():
    with pytest.raises(UserError, match=r"warm-up of 5.* epochs leaves none of 5"):
        rates(Schedule(name="cosine", peak=1, warmup=5), steps=2, epochs=5)


def test_plateau_waits_then_drops():
    schedule = Schedule(name="plateau", peak=1.0, patience=2, factor=0.5)
    losses = [1.0, 0.9, 0.95, 0.96, 0.97, 0.98]
    found = [plateau_rate(schedule, losses[:n]) for n in range(len(losses) + 1)]
    assert found == [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def step(decoupled):
    layer = keras.layers.Dense(1)
    layer.build((None, 1))
    layer.kernel.assign([[2.0]])
    layer.bias.assign([3.0])
    config = OptimizerConfig(
        momentum=0.0, weight_decay=0.1, decoupled=decoupled, schedule=Schedule(peak=0.5)
    )
    optimizer = make_optimizer(config, layer.trainable_variables, steps_per_epoch=1, epochs=2)
    optimizer.build(layer.trainable_variables)
    gradients = [keras.ops.ones_like(v) for v in layer.trainable_variables]
    optimizer.apply(gradients, layer.trainable_variables)
    return [float(np.squeeze(v.numpy())) for v in layer.trainable_variables]


def test_l2_is_added_to_the_gradient_of_kernels_only():
    kernel, bias = step(decoupled=False)
    assert kernel == pytest.approx(2.0 - 0.5 * (1.0 + 0.1 * 2.0))
    assert bias == pytest.approx(3.0 - 0.5)


def test_decoupled_decay_shrinks_kernels_only():
    kernel, bias = step(decoupled=True)
    assert kernel == pytest.approx(2.0 - 0.5 * 0.1 * 2.0 - 0.5)
    assert bias == pytest.approx(3.0 - 0.5)
