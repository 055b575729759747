"""Features of any layer, linear classifiers on them, and nearest neighbours."""

import keras
import numpy as np
import pytest

import kerascnn as package
from kerascnn import UserError
from kerascnn.transfer import extract_features, linear_probe, nearest


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_fc7_is_what_the_classifier_reads(name):
    side = {"alexnet": 67, "vgg11": 32}[name]
    model = package.build(name, input_shape=(side, side, 3), num_classes=3)
    x = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")
    fc7, fc6 = (extract_features(model, x, layer) for layer in ("fc7", "fc6"))
    assert fc7.shape == fc6.shape == (2, 4096) and fc7.dtype == np.float32
    kernel, bias = model.get_layer("head_logits").get_weights()
    logits = keras.ops.convert_to_numpy(model(x))
    most = 1e-4 * np.abs(logits).max()  # 4096 products in float32, in another order
    np.testing.assert_allclose(fc7 @ kernel + bias, logits, rtol=0, atol=most)


def test_maps_come_as_they_are_or_averaged_and_stages_by_their_names():
    model = package.build("resnet8")
    x = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")
    maps = extract_features(model, x, "stage2")
    assert maps.shape == (3, 16, 16, 32)
    averaged = extract_features(model, x, "stage2_block1_out", average=True)
    np.testing.assert_allclose(averaged, maps.mean((1, 2)), rtol=0, atol=1e-5)  # 256 sums


def test_an_unknown_layer_names_its_neighbour():
    with pytest.raises(UserError, match=r"unknown layer of resnet8 'stage2_block1_ot'; did y"):
        extract_features(package.build("resnet8"), np.zeros((1, 32, 32, 3)), "stage2_block1_ot")
    with pytest.raises(UserError, match=r"unknown layer of resnet8 'fc7'; expected one of"):
        extract_features(package.build("resnet8"), np.zeros((1, 32, 32, 3)), "fc7")


def test_a_probe_tells_what_a_line_separates_and_nothing_else():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 2)) * [1, 100]  # features of very different size
    line, circle = (x[:, 0] > 0).astype(int), (np.hypot(x[:, 0], x[:, 1] / 100) > 1.2).astype(int)
    easy = linear_probe(x[:300], line[:300], x[300:], line[300:])
    hard = linear_probe(x[:300], circle[:300], x[300:], circle[300:])
    assert min(easy.logistic_regression, easy.linear_svm) > 0.95
    assert max(hard.logistic_regression, hard.linear_svm) < 0.75


def test_the_nearest_are_those_of_the_largest_cosine():
    random = np.random.default_rng(0)
    features, queries = random.normal(size=(50, 4, 3)), random.normal(size=(5, 4, 3))
    found = nearest(features, queries, 3)
    for query, row in zip(queries, found, strict=True):
        cosines = [
            float((query * f).sum() / np.sqrt((query**2).sum() * (f**2).sum())) for f in features
        ]
        assert list(row) == sorted(range(50), key=lambda i: -cosines[i])[:3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: linear_probe(x, np.zeros(3), x, np.zeros(4)),
            r"features: expected a label",
        ),
        (lambda x: linear_probe(x, np.zeros(4), x, np.zeros(4)), r"expected two classes"),
        (lambda x: linear_probe(x, np.arange(4), x[:, :1], np.arange(4)), r"expected 2 features"),
        (lambda x: nearest(x, x, 9), r"count: expected 1 to 4 neighbours, got 9"),
        (lambda x: nearest(x, x[:, :1], 2), r"queries: expected 2 features, got 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(call, message):
    with pytest.raises(UserError, match=message):
        call(np.ones((4, 2)))


def test_the_verb_writes_probes_and_finds(learned, write_digits, tmp_path, kerascnn):
    folder = write_digits(12)
    image = sorted((folder / "digit7").iterdir())[0]
    code, out, err = kerascnn(
        "features",
        *(learned.path, "--layer", "head_pool", "--data", folder, "--out", tmp_path / "f.npz"),
        *("--probe", "--nearest", image),
    )
    assert code == 0, err
    made = np.load(tmp_path / "f.npz")
    assert made["train"].shape[1:] == made["test"].shape[1:] == (64,)
    assert len(made["train"]) == len(made["train_labels"]) and len(made["test"]) == 10
    assert list(made["names"]) == [f"digit{i}" for i in range(5, 10)]
    assert "logistic regression" in out and "linear SVM" in out
    first = next(line for line in out.splitlines() if "digit7  " in line)
    assert str(image) in first  # an image is nearest to itself
    labels = np.concatenate([made["train_labels"], made["test_labels"]])
    assert np.bincount(labels).tolist() == [12] * 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--layer", "head_pool"], "expected --out FILE.npz, --probe or --nearest IMAGE"),
        (["--layer", "nothing", "--probe"], "unknown layer of resnet8 'nothing'"),
        (["--layer", "stem", "--out", "f.txt"], "expected FILE.npz to write features to"),
    ],
)
def test_mistakes_are_one_line(learned, kerascnn, arguments, message):
    code, _, err = kerascnn("features", learned.path, *arguments)
    assert code == 2 and message in err and err.count("\n") == 1


def test_a_network_without_weights_or_images_says_what_is_missing(kerascnn, write_digits):
    code, _, err = kerascnn("features", "vgg16", "--layer", "fc7", "--probe")
    assert code == 2 and "of a network, say --weights, too" in err
