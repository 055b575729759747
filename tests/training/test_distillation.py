"""A teacher: its part of the loss, and where it may come from."""

import keras
import numpy as np
import pytest

import kerascnn
import kerascnn.config as configs
from kerascnn.errors import UserError
from kerascnn.training import train
from kerascnn.training.distillation import Distillation

MLP = ["model={name: mlp_128}", "data.size=null", "data.train=[]"]
SMALL = ["training.epochs=2", "data.validation=0.5", "optimizer.schedule.warmup=0"]


def quick(*overrides):
    return configs.load("configs/digits/lenet5.yaml", [*MLP, *SMALL, *overrides])


def network(seed, channels=3, classes=4, softmax=False, side=6):
    keras.utils.set_random_seed(seed)
    image = keras.Input((side, side, 1))
    x = keras.layers.Conv2D(channels, 3, activation="relu", name="maps")(image)
    x = keras.layers.Dense(classes, activation="softmax" if softmax else None)(
        keras.layers.Flatten(name="flat")(x)
    )
    return keras.Model(image, x, name=f"network{seed}")


def images(count=8):
    rng = np.random.default_rng(0)
    return rng.normal(size=(count, 6, 6, 1)).astype("float32"), rng.integers(0, 4, count)


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_the_divergence_is_that_of_the_paper():
    student, teacher = network(0), network(1, channels=5)
    x, _ = images()
    told = Distillation(student, teacher, temperature=3.0, weight=0.7)
    p, q = (softmax(m.predict(x, verbose=0) / 3.0) for m in (teacher, student))
    expected = 0.7 * 3.0**2 * (p * (np.log(p) - np.log(q))).sum(axis=1)
    np.testing.assert_allclose(told.loss(x, student(x), {}), expected, rtol=1e-3, atol=1e-6)


def test_a_student_that_answers_and_looks_as_its_teacher_pays_nothing():
    teacher = network(1)
    student = keras.models.clone_model(teacher)
    student.set_weights(teacher.get_weights())
    x, _ = images()
    told = Distillation(student, teacher, features={"maps": "maps"})
    maps = keras.Model(student.input, told.maps)(x)
    np.testing.assert_allclose(told.loss(x, student(x), maps), 0, atol=1e-6)
    other = network(2, channels=7)  # attention needs no like numbers of channels
    told = Distillation(other, teacher, weight=0.0, features={"maps": "maps"}, feature_weight=10.0)
    found = told.loss(x, other(x), keras.Model(other.input, told.maps)(x))
    looks = []
    for model in (other, teacher):
        energy = (keras.Model(model.input, model.get_layer("maps").output)(x).numpy() ** 2).mean(-1)
        energy = energy.reshape(len(x), -1)
        looks.append(energy / np.linalg.norm(energy, axis=1, keepdims=True))
    expected = 10 * ((looks[0] - looks[1]) ** 2).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_probabilities_of_a_teacher_say_what_its_logits_say():
    student, x = network(0), images()[0]
    plain, squashed = network(1), network(1, softmax=True)
    squashed.set_weights(plain.get_weights())
    losses = [Distillation(student, t).loss(x, student(x), {}) for t in (plain, squashed)]
    np.testing.assert_allclose(*losses, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("features", [pytest.param(None, marks=pytest.mark.full), {"maps": "maps"}])
def test_a_distiller_trains_the_student_alone(features):
    student, teacher = network(0, channels=8), network(1)
    x, y = images(64)
    before = teacher.get_weights()
    distiller = kerascnn.Distiller(student, teacher, weight=1.0, features=features)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    distiller.compile(keras.optimizers.Adam(0.03), loss, metrics=["accuracy"])
    distiller.fit(x, y, epochs=100, validation_data=(x, y), verbose=0)
    agreed = student.predict(x, verbose=0).argmax(1) == teacher.predict(x, verbose=0).argmax(1)
    assert agreed.mean() > 0.9  # with random labels, which nothing was told of
    for mine, kept in zip(teacher.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, kept)
    np.testing.assert_array_equal(distiller.predict(x, verbose=0), student.predict(x, verbose=0))


@pytest.mark.parametrize(
    ("student", "options", "told"),
    [
        ({"classes": 5}, {}, r"network0 has outputs of \(5,\), the teacher network1 of \(4,\)"),
        ({"side": 8}, {}, r"has inputs of \(8, 8, 1\)"),
        ({}, {"temperature": 0}, "expected a temperature above 0"),
        ({}, {"features": {"map": "maps"}}, "unknown layer of the student .*did you mean 'maps'"),
        ({}, {"features": {"flat": "maps"}}, "flat of the student gives no maps"),
    ],
)
def test_what_does_not_fit_is_told(student, options, told):
    with pytest.raises(UserError, match=told):
        Distillation(network(0, **student), network(1), **options)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return train(quick("training.epochs=10"), tmp_path_factory.mktemp("teacher") / "run").path


@pytest.mark.parametrize("kind", ["run", "keras"])
def test_a_student_learns_from_a_run_or_a_file_named_in_its_config(teacher, tmp_path, kind):
    path = teacher if kind == "run" else teacher / "model.keras"
    asked = quick(f"distillation.teacher={path}", "distillation.weight=0.5")
    run = train(asked, tmp_path / "run")
    assert run.config.distillation.temperature == 4.0
    assert run.history[-1]["val_accuracy"] > 0.8
    assert run.history[-1]["loss"] < run.history[0]["loss"]
    inside = [layer.name for layer in run.model().layers]
    assert "teacher" not in inside


def test_a_registered_teacher_takes_weights(teacher, kerascnn, tmp_path):
    config = "configs/digits/lenet5.yaml"
    for named, told in (
        ("{teacher: resnet8}", "resnet8 without weights knows nothing"),
        ("{teacher: nobody}", "nobody is neither the folder of a run nor a .keras file"),
        ("{teacher: resnet81, weights: imagenet}", "unknown distillation.teacher 'resnet81'"),
    ):
        code, _, err = kerascnn(
            "train", config, "--out", tmp_path / "run", *SMALL, f"distillation={named}"
        )
        assert (code, len(err.splitlines())) == (2, 1), err
        assert told in err
        assert not (tmp_path / "run" / "history.csv").exists()
