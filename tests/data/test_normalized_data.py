"""Normalization from the training images: computed once, kept in the run."""

import numpy as np
import pytest
import tensorflow as tf

import kerascnn.config as configs
from kerascnn.data import load_data, normalization
from kerascnn.errors import UserError
from kerascnn.training import open_run, train


def quick(*overrides):
    small = ["training.epochs=1", "data.validation=0.5", "data.batch_size=50"]
    return configs.load(
        "configs/digits/lenet5.yaml",
        [*small, "optimizer.schedule={name: constant, peak: 0.01}", *overrides],
    )


def test_mean_and_deviation_are_those_of_the_training_images_a_channel():
    config = configs.DataConfig(
        name="synthetic", size=(6, 5), images=100, normalize="from_data", train=["flip"]
    )
    data = load_data(config)
    pixels = data.pixels(data.train).astype("float64")
    found = data.normalization
    np.testing.assert_allclose(found.mean, pixels.mean((0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(found.std, pixels.std((0, 1, 2)), rtol=1e-6)


def test_a_mean_for_each_pixel_as_alexnets():
    normalize = {"mean": "per_pixel", "std": 1}
    data = load_data(configs.DataConfig(name="digits", normalize=normalize))
    found = normalization.computed(data)
    assert found.std == 1
    # float32 of grey levels
    np.testing.assert_allclose(found.mean, data.pixels(data.train).mean(0), atol=1e-4)


@pytest.mark.parametrize("normalize", ["from_data", "{mean: per_pixel, std: 64}"])
def test_the_model_of_a_run_normalizes_by_what_was_computed(normalize, tmp_path):
    run = train(quick(f"data.normalize={normalize}"), tmp_path / "run")
    data = run.data()
    kept = normalization.read(run.path / normalization.FILE, data.shape)
    images = data.pixels(data.test, 20).astype("float32")
    layer = open_run(run.path).model().get_layer("normalize")
    wanted = (images - np.asarray(kept.mean)) / np.asarray(kept.std)
    np.testing.assert_allclose(layer(images), wanted, atol=1e-4)
    if normalize == "from_data":
        seen = layer(data.pixels(data.train).astype("float32")).numpy()
        np.testing.assert_allclose([seen.mean(), seen.std()], [0, 1], atol=1e-3)


def test_a_resumed_run_goes_on_with_the_numbers_it_began_with(tmp_path):
    """Even if the images would give others now."""
    out = tmp_path / "run"
    config = quick("data.normalize=from_data")
    train(config, out)
    other = normalization.Normalization((100.0,), (50.0,))
    normalization.save(other, out)
    longer = quick("data.normalize=from_data", "training.epochs=2")
    run = train(longer, out, resume=True)
    layer = run.model().get_layer("normalize")
    np.testing.assert_allclose(layer(tf.fill([1, 32, 32, 1], 150.0)), 1, atol=1e-6)
    (out / normalization.FILE).write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"normalization\.npz: not what training wrote"):
        train(quick("data.normalize=from_data", "training.epochs=3"), out, resume=True)


def test_the_config_of_a_run_still_says_where_the_numbers_are_from(tmp_path):
    run = train(quick("data.normalize=from_data"), tmp_path / "run")
    assert run.config == quick("data.normalize=from_data")


def test_a_per_pixel_mean_is_converted_in_float_and_refused_in_int8(tmp_path, kerascnn):
    run = train(quick("data.normalize={mean: per_pixel, std: 64}"), tmp_path / "run").path
    code, _, err = kerascnn("convert", run, "--to", "tflite", "onnx", "--recipe", "float32")
    assert code == 0, err
    code, _, err = kerascnn("convert", run, "--to", "tflite", "--recipe", "static_wi8_ai8")
    assert code == 2 and "normalize: int8 has no kernel" in err
