"""The float network teaches the one that is compressed."""

import keras
import numpy as np
import pytest

import export
import kerascnn
from export.delivery.compress import compress
from export.recipes.names import recipe_name
from export.recipes.recipe import Recipe
from kerascnn.config import parse
from kerascnn.errors import UserError
from kerascnn.training import open_run


def recipe(name, distillation, **more):
    tuning = {"epochs": 2, "peak": 0.01, "distillation": distillation}
    return parse(
        Recipe, {"name": name, "quantization": {"method": "qat", "fine_tune": tuning, **more}}, name
    )


def apart(model, teacher, images):
    """The mean divergence of a model's answers from its teacher's, in nats."""
    log_p, log_q = (
        keras.ops.convert_to_numpy(keras.ops.log_softmax(m.predict(images, verbose=0)))
        for m in (teacher, model)
    )
    return float((np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean())


def test_a_taught_int8_network_answers_as_the_float_one_does(own_run):
    """Teaching alone, against labels alone, from the same start with the same batches."""
    run = open_run(own_run)
    float_weights = run.model().get_weights()
    taught = compress(run, recipe("taught", {"weight": 1.0}))
    told = compress(run, recipe("told", None))
    data = run.data()
    images = data.pixels(data.validation).astype("float32")
    assert apart(taught, run.model(), images) < 0.9 * apart(told, run.model(), images)
    for mine, kept in zip(run.model().get_weights(), float_weights, strict=True):
        np.testing.assert_array_equal(mine, kept)
    saved = keras.models.load_model(own_run / "taught" / "model.keras")
    assert [w.shape for w in saved.weights] == [w.shape for w in told.weights]  # no teacher inside


def test_a_recipe_says_that_the_float_network_teaches():
    assert recipe_name(recipe("a", {})) == "qat_wi8_ai8_distilled"
    assert recipe("a", {}).quantization.fine_tune.distillation.temperature == 4.0
    with pytest.raises(UserError, match=r"'fine_tune\.distillation' needs 'engine: native'"):
        recipe("a", {}, engine="tfmot")


def test_a_script_of_ones_own_teaches_a_quantized_model(own_run):
    run = open_run(own_run)
    data, teacher = run.data(), run.model()
    images = data.pixels(data.train).astype("float32")[:256]
    student = export.quantize(run.model(), images[:64])
    rng = np.random.default_rng(0)
    for kernel in student.trainable_variables:
        kernel.assign(kernel * rng.uniform(0.7, 1.3, kernel.shape))
    before = apart(student, teacher, images)
    distiller = kerascnn.Distiller(student, teacher, weight=1.0, temperature=2.0)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(keras.optimizers.Adam(1e-4), loss)
    distiller.fit(images, data.train.labels[:256], epochs=5, verbose=0)
    assert apart(student, teacher, images) < 0.5 * before
