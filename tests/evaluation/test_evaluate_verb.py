"""kerascnn evaluate with crops, ensembles, calibration and a sheet; networks by their names."""

import json

import keras
import numpy as np
import pytest
import slow_evaluation as slow
import tensorflow as tf
from keras import layers

from kerascnn.models.weights.imagenet import imagenet_classes
from kerascnn.training import open_run


def figures(result):
    code, out, err = result
    assert code == 0, out + err
    return json.loads(out)


def complaint(result, words):
    code, out, err = result
    assert (code, len(err.strip().splitlines())) == (2, 1), out + err
    assert words in err, err


def slow_top1(run, crops):
    """Of the test images, averaged over crops of each, in plain loops."""
    data, model = run.data(), run.model()
    right = 0
    for image, label in zip(data.test.images[:30], data.test.labels[:30], strict=True):
        batch = np.stack(crops(image)).astype("float32")
        rows = [slow.softmax(row) for row in model.predict_on_batch(batch)]
        right += np.mean(rows, axis=0).argmax() == label
    return right / 30


@pytest.fixture(scope="module")
def thirty(finished_run, tmp_path_factory):
    """The first 30 test images of the run as files, 8 pixels wide, in class folders."""
    folder = tmp_path_factory.mktemp("thirty")
    data = open_run(finished_run).data()
    for number, (image, label) in enumerate(zip(data.test.images, data.test.labels, strict=True)):
        if number < 30:
            place = folder / str(label)
            place.mkdir(exist_ok=True)
            (place / f"{number}.png").write_bytes(tf.io.encode_png(image).numpy())
    return folder


@pytest.mark.parametrize(
    ("name", "crops"),
    [
        ("ten", lambda image: slow.ten_crops(image, 32, 37)),
        pytest.param(
            "144",
            lambda image: slow.crops_144(image, 32, (37, 41, 46, 50)),
            marks=pytest.mark.full,
        ),
    ],
)
def test_a_run_and_its_file_are_shown_the_same_crops(kerascnn, finished_run, thirty, name, crops):
    asked = ("--data", thirty, "--crops", name, "--json")
    run = figures(kerascnn("evaluate", finished_run, *asked))
    expected = slow_top1(open_run(finished_run), crops)
    assert run["images"] == 30 and run["top1"] == pytest.approx(expected, abs=1 / 30)  # of a tie
    for file in ("model_float32.tflite", "model_float32.onnx"):
        found = figures(kerascnn("evaluate", finished_run / file, *asked))
        assert found["confusion"] == run["confusion"]
        assert found["calibration_error"] == pytest.approx(run["calibration_error"], abs=1e-4)


def test_dense_and_multiscale_slide_a_run_but_no_file(kerascnn, finished_run, thirty):
    asked = ("--data", thirty, "--crops")
    found = figures(kerascnn("evaluate", finished_run, *asked, "multiscale", "--json"))
    assert found["images"] == 30 and found["top1"] > 0.5  # chance is 0.1
    file = kerascnn("evaluate", finished_run / "model_int8.tflite", *asked, "dense")
    complaint(file, "takes pictures of one size, and cannot be slid")


def test_crops_of_the_test_images_leave_the_evaluation_of_the_run_alone(kerascnn, own_run):
    before = (own_run / "evaluation.json").read_bytes()
    plain = figures(kerascnn("evaluate", own_run, "--json"))
    center = figures(kerascnn("evaluate", own_run, "--crops", "center", "--json"))
    assert center["images"] == plain["images"] and center["confusion"] != plain["confusion"]
    assert (own_run / "evaluation.json").read_bytes() == before


def test_an_ensemble_is_the_average_of_probabilities(kerascnn, finished_run, thirty):
    files = [finished_run / "model_float32.onnx", finished_run / "model_int8.onnx"]
    alone = [figures(kerascnn("evaluate", f, "--data", thirty, "--json")) for f in files]
    both = figures(kerascnn("evaluate", files[0], "--with", files[1], "--data", thirty, "--json"))
    errors = [found["calibration_error"] for found in (*alone, both)]
    assert len(set(errors)) == 3
    same = figures(kerascnn("evaluate", files[0], "--with", files[0], "--data", thirty, "--json"))
    assert same["calibration_error"] == pytest.approx(alone[0]["calibration_error"])
    assert same["confusion"] == alone[0]["confusion"]


def test_members_of_other_classes_are_refused(kerascnn, finished_run, thirty, tmp_path):
    image = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Rescaling(1 / 255)(image))
    keras.Model(image, layers.Dense(3)(x)).save(tmp_path / "three.keras")
    found = kerascnn("evaluate", finished_run, "--with", tmp_path / "three.keras", "--data", thirty)
    complaint(found, "has other classes than")


def test_arrays_are_shown_whole_and_to_models_they_fit(kerascnn, imagenet, tmp_path):
    folder, network = imagenet
    pixels = np.random.default_rng(0).integers(0, 256, (4, 224, 224, 3), np.uint8)
    best = network.predict_on_batch(pixels / np.float32(127.5) - 1).argmax(axis=1)
    np.savez(tmp_path / "four.npz", x=pixels, y=best)
    asked = ("--weights", folder / "mobilenet.weights.h5", "--images", tmp_path / "four.npz")
    assert figures(kerascnn("evaluate", "mobilenet_v1_025", *asked, "--json"))["top1"] == 1
    vector = keras.Input((5,))
    keras.Model(vector, layers.Dense(1000)(vector)).save(tmp_path / "five.keras")
    other = kerascnn("evaluate", "mobilenet_v1_025", *asked, "--with", tmp_path / "five.keras")
    complaint(other, "do not fit a model that takes (5,)")
    with_photos = ("--data", folder, "--truth", folder / "truth.txt")
    (folder / "truth.txt").write_text("ILSVRC2012_val_00000001.JPEG tench\n")
    together = (*asked[:2], *with_photos, "--with", tmp_path / "five.keras")
    both = kerascnn("evaluate", "mobilenet_v1_025", *together)
    complaint(both, "five.keras: takes numbers of (5,)")


def test_calibration_is_fitted_on_the_validation_images(kerascnn, finished_run, thirty):
    found = figures(kerascnn("evaluate", finished_run, "--calibrate", "--json"))
    assert found["temperature"] > 0 and found["calibrated_error"] < 0.1
    code, out, _ = kerascnn("evaluate", finished_run, "--calibrate")
    count = len(open_run(finished_run).data().validation)
    assert code == 0 and f"fitted on {count} other images" in out
    alone = kerascnn("evaluate", finished_run / "model_int8.onnx", "--calibrate", "--json")
    assert figures(alone)["temperature"] > 0
    of_folder = kerascnn("evaluate", finished_run, "--validation", thirty, "--json")
    assert figures(of_folder)["temperature"] != found["temperature"]


def test_classes_and_confusions_are_printed_in_full(kerascnn, finished_run):
    code, out, _ = kerascnn("evaluate", finished_run, "--per-class", "--confusion")
    assert code == 0
    for heading in ("recall", "precision", "taken for", "who is taken for whom"):
        assert heading in out
    result = figures(kerascnn("evaluate", finished_run, "--json"))
    matrix = np.array(result["confusion"])
    rows = [line.split("│") for line in out.splitlines() if "│" in line]
    cells = [[cell.strip() for cell in row[1:-1]] for row in rows]
    for digit in range(10):
        images, right = matrix[digit].sum(), matrix[digit, digit]
        line = next(c for c in cells if len(c) == 6 and c[0] == str(digit))
        assert line[1:3] == [str(images), f"{right / images:.1%}"]
        line = next(c for c in cells if len(c) == 11 and c[0] == str(digit))
        assert line[1:] == [str(n) if n else "" for n in matrix[digit]]


def test_the_worst_mistakes_are_drawn_and_a_perfect_network_makes_none(
    kerascnn, finished_run, tmp_path
):
    sheet = tmp_path / "sheets" / "worst.png"
    code, out, _ = kerascnn("evaluate", finished_run, "--mistakes", sheet)
    assert code == 0 and f"->  {sheet}" in out
    drawn = tf.io.decode_png(sheet.read_bytes()).numpy()
    assert drawn.ndim == 3 and min(drawn.shape[:2]) > 200 and drawn.std() > 10
    bad = kerascnn("evaluate", finished_run, "--mistakes", tmp_path / "worst.pdf")
    complaint(bad, "expected a .png or .svg file")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory):
    """MobileNet 0.25 with drawn weights as keras.applications saves them, and six photographs."""
    folder = tmp_path_factory.mktemp("imagenet")
    keras.utils.set_random_seed(5)
    network = keras.applications.MobileNet(alpha=0.25, weights=None, classifier_activation=None)
    rng = np.random.default_rng(0)
    for layer in network.layers:  # as training would: at their start all images answer alike
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights([gamma, beta + rng.normal(0, 0.3, beta.shape), mean, variance])
    network.save_weights(folder / "mobilenet.weights.h5")
    photos = folder / "val"
    photos.mkdir()
    for number in range(1, 7):
        small = rng.uniform(0, 255, (1, 5, 6, 3))
        pixels = tf.image.resize(small, (260 + 8 * number, 300))[0]
        data = tf.io.encode_jpeg(tf.cast(pixels, tf.uint8), quality=95).numpy()
        (photos / f"ILSVRC2012_val_{number:08d}.JPEG").write_bytes(data)
    return folder, network


def test_a_network_by_its_name_is_evaluated_in_one_command(kerascnn, imagenet):
    """With the preprocessing of its weights, the central crop, and labels in any layout."""
    folder, network = imagenet
    answers = []
    for path in sorted((folder / "val").iterdir()):
        pixels = tf.io.decode_jpeg(path.read_bytes()).numpy()
        crop = slow.center_crop(slow.short_side(pixels, 256), 224)
        answers.append(network.predict_on_batch(crop[None].astype("float32") / 127.5 - 1)[0])
    best = [int(row.argmax()) for row in answers]
    ids = [imagenet_classes()[n].id for n in best]
    names = [f"ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, 7)]
    truth = folder / "truth.txt"
    truth.write_text("".join(f"{n} {i}\n" for n, i in zip(names, ids, strict=True)))
    asked = ("--weights", folder / "mobilenet.weights.h5", "--data", folder, "--truth", truth)
    found = figures(kerascnn("evaluate", "mobilenet_v1_025", *asked, "--json"))
    assert (found["images"], found["top1"], found["top5"]) == (6, 1.0, 1.0)
    wrong = "".join(f"{n} n01440764\n" for n in names)
    truth.write_text(wrong)
    code, out, _ = kerascnn("evaluate", "mobilenet_v1_025", *asked, "--confusion")
    assert code == 0 and f"labels of {truth.name}, by name" in out and "tench" in out

    photo = folder / "val" / names[0]
    code, out, _ = kerascnn("predict", "mobilenet_v1_025", photo, *asked[:2], "--json")
    assert code == 0 and json.loads(out)[0]["label"] == imagenet_classes()[best[0]].name
    assert json.loads(out)[0]["probability"] == pytest.approx(
        slow.softmax(answers[0]).max(), rel=1e-2
    )


def test_a_network_and_a_file_take_images_of_another_size(kerascnn, imagenet, tmp_path):
    folder, _ = imagenet
    photo = sorted((folder / "val").iterdir())[0]
    weights = ("--weights", folder / "mobilenet.weights.h5")
    own = figures(kerascnn("predict", "mobilenet_v1_025", photo, *weights, "--json"))
    larger = kerascnn("predict", "mobilenet_v1_025", photo, *weights, "--size", "256", "--json")
    assert [r["probability"] for r in figures(larger)] != [r["probability"] for r in own]

    image = keras.Input((None, None, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(image)))
    keras.Model(image, layers.Dense(3)(x)).save(tmp_path / "open.keras")
    complaint(kerascnn("predict", tmp_path / "open.keras", photo), "say which with --size")
    assert kerascnn("predict", tmp_path / "open.keras", photo, "--size", "40x64")[0] == 0
    x = layers.Dense(3)(layers.Flatten()(keras.Input((8, 8, 3))))
    image = keras.Input((8, 8, 3))
    x = layers.Dense(3, name="head")(layers.Flatten()(layers.Rescaling(1 / 255)(image)))
    keras.Model(image, x, name="tied").save(tmp_path / "tied.keras")
    tied = kerascnn("predict", tmp_path / "tied.keras", photo, "--size", "16")
    complaint(tied, "does not fit images of 16x16: head is tied to its size")
    complaint(kerascnn("predict", tmp_path / "tied.keras", photo, "--size", "big"), "as 224 or")


def test_what_a_name_lacks_is_said(kerascnn, imagenet, finished_run, thirty):
    folder, _ = imagenet
    complaint(kerascnn("evaluate", "resnet50", "--data", folder), "--weights imagenet, or FILE")
    weights = ("--weights", folder / "mobilenet.weights.h5", "--data", folder)
    complaint(kerascnn("evaluate", "mobilenet_v1_026", *weights), "did you mean 'mobilenet_v1_025'")
    complaint(
        kerascnn("evaluate", finished_run, *weights), "--weights is for a network by its name"
    )
    complaint(kerascnn("evaluate", finished_run, "--scales", "40"), "--scales are of crops")
    complaint(kerascnn("evaluate", finished_run, "--truth", folder / "x"), "--data FOLDER")
    tflite = finished_run / "model_int8.tflite"
    complaint(kerascnn("evaluate", tflite, "--size", "40"), "are for Keras models")
    crops = kerascnn("evaluate", finished_run, "--data", thirty, "--crops", "eleven")
    complaint(crops, "unknown crops 'eleven'")
