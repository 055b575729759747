"""A .keras file that was not trained here: converted and proven, or told the way out."""

import io
import json
import resource
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from small_networks import randomized

import export
from export.runtimes import Artifact
from export.subject.images import samples_from
from kerascnn.errors import UserError
from kerascnn.models.graph import output_names
from kerascnn.training import load_model

SHAPE = (16, 16, 3)


def samples_of_pixels(path):
    """What is read for a model that takes pixels of one shape."""
    image = keras.Input(SHAPE)
    return samples_from(path, keras.Model(image, layers.Flatten()(image)), (True,))


def body(x):
    x = layers.Conv2D(8, 3, padding="same", name="conv")(x)
    x = layers.ReLU(name="relu")(layers.BatchNormalization(name="bn")(x))
    return layers.Flatten(name="flat")(layers.MaxPooling2D(name="pool")(x))


def saved(model, folder, name="mine.keras"):
    model.save(folder / name)
    return folder / name


def of_pixels(folder):
    """A sequential model as many are written: it normalizes, and ends in a softmax."""
    stack = [
        keras.Input(SHAPE),
        layers.RandomFlip(),
        layers.Rescaling(1 / 255),
        layers.Conv2D(8, 3),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ]
    return saved(randomized(keras.Sequential(stack, name="pixels")), folder)


def of_floats(folder):
    image = keras.Input(SHAPE)
    return saved(randomized(keras.Model(image, layers.Dense(4)(body(image)))), folder)


def arrays(folder):
    """Inputs for either: pixels as .npz, floats as .npy."""
    rng = np.random.default_rng(0)
    np.savez(folder / "pixels.npz", rng.integers(0, 256, (60, *SHAPE), np.uint8))
    np.save(folder / "floats.npy", rng.normal(0.3, 1, (60, *SHAPE)))
    return folder / "pixels.npz", folder / "floats.npy"


def complaint(result):
    code, _, err = result
    assert code == 2, err
    assert len(err.strip().splitlines()) == 1, err
    return err


@pytest.mark.parametrize(
    ("make", "dtype", "words"), [(of_pixels, "uint8", "0..255"), (of_floats, "float32", "-1..1")]
)
def test_floats_need_nothing_but_the_file(kerascnn, tmp_path, make, dtype, words):
    """The input stays the model's own: pixels where it normalizes them, else its floats."""
    path = make(tmp_path)
    code, out, err = kerascnn("convert", path, "--to", "tflite", "onnx", "--recipe", "float32")
    assert code == 0, out + err
    for kind in ("tflite", "onnx"):
        made = tmp_path / f"mine_float32.{kind}"
        metadata = json.loads((tmp_path / f"mine_float32.{kind}.json").read_text())
        assert metadata["inputs"][0]["dtype"] == dtype
        assert metadata["source"]["compared_on"]["from"] == f"synthetic: uniform noise, {words}"
        assert kerascnn("verify", made)[0] == 0
        assert kerascnn("benchmark", made, "--runs", 50)[0] == 0


def test_half_precision_takes_floats_as_they_are(tmp_path):
    for made in export.deliver(of_floats(tmp_path), ["tflite", "onnx"], recipe="float16"):
        assert made.verdict.passed
        with Artifact(made.path) as artifact:
            assert artifact.inputs[0]["dtype"] == artifact.outputs[0]["dtype"] == "float32"


def test_the_output_is_called_as_in_keras_and_its_metadata_says_what_it_is(tmp_path):
    import onnx

    export.deliver(of_pixels(tmp_path), ["onnx"], recipe="float32")
    graph = onnx.load_model(tmp_path / "mine_float32.onnx").graph
    (name,) = output_names(load_model(tmp_path / "mine.keras"))
    assert [x.name for x in graph.output] == [name]


@pytest.mark.parametrize("make", [of_pixels, of_floats])
def test_int8_takes_ranges_from_images_of_ones_own(kerascnn, tmp_path, make):
    path = make(tmp_path)
    pixels, floats = arrays(tmp_path)
    images = pixels if make is of_pixels else floats
    convert = ("convert", path, "--to", "tflite", "onnx", "--recipe", "static_wi8_ai8")
    assert "--images FOLDER or FILE.npz" in complaint(kerascnn(*convert))
    code, out, err = kerascnn(*convert, "--images", images, "--out", tmp_path / "out")
    assert code == 0, out + err
    made = tmp_path / "out" / "mine_int8_static.tflite"
    assert not list(tmp_path.glob("*.tflite"))
    with Artifact(made) as artifact:
        end = artifact.inputs[0]
    assert end["dtype"] == "uint8"
    # The integers mean what the model takes: those of the lowest and highest value differ by 255.
    if make is of_floats:
        values = np.load(floats)
        span = values.max() - values.min()
        assert end["scale"] == pytest.approx(span / 255)
    assert "is missing" in complaint(kerascnn("verify", made, "--images", images))
    (tmp_path / "out" / "mine.keras").write_bytes(path.read_bytes())
    assert "give them with --images" in complaint(kerascnn("verify", made))
    assert kerascnn("verify", made, "--images", images)[0] == 0


def test_a_folder_of_images_calibrates(tmp_path):
    path, folder = of_pixels(tmp_path), tmp_path / "photos" / "cats"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(12):
        picture = rng.integers(0, 256, (20, 24, 3), np.uint8)
        (folder / f"{number}.png").write_bytes(tf.io.encode_png(picture).numpy())
    recipe = "static_wi8_ai8"
    (made,) = export.deliver(path, ["tflite"], recipe=recipe, images=tmp_path / "photos")
    assert made.verdict.passed
    with pytest.raises(UserError, match=r"begin it with a Rescaling layer, or give .*\.npy"):
        export.deliver(of_floats(tmp_path), ["tflite"], recipe=recipe, images=tmp_path / "photos")


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((4, 8, 8, 3)), r"expected numbers of the shape \(n, 16, 16, 3\)"),
        (np.array([{"a": 1}], object), "not an .npy or .npz array of numbers"),
        (np.full((4, *SHAPE), np.nan), "not finite"),
        (np.full((4, *SHAPE), 0.5), r"expected 0\.\.255, got 0\.5\.\.0\.5"),
        (np.full((4, *SHAPE), "a"), "expected numbers"),
    ],
)
def test_an_array_that_does_not_fit(tmp_path, array, match):
    path = tmp_path / "odd.npy"
    np.save(path, array, allow_pickle=True)
    with pytest.raises(UserError, match=match):
        export.deliver(of_pixels(tmp_path), ["tflite"], recipe="float32", images=path)
    assert not list(tmp_path.glob("*.tflite*"))


def with_header(header):
    """An .npy file with such a header."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + bytes(3072)


ODD_FILES = {
    "no header": lambda: b"\x93NUMPY\1\0",
    "open": lambda: with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (("),
    "token": lambda: with_header("{'descr': '<f4', 'shape': 1L \"\"\"\\"),
    "types": lambda: with_header("{'descr': 5, 'fortran_order': False, 'shape': (1, 16, 16, 3)}"),
    "key": lambda: with_header("{[]: 1}"),
    "many": lambda: with_header(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (9000000000, 16, 16, 3)}"
    ),
    "less": lambda: with_header(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (-4, 16, 16, 3)}"
    ),
    "zlib": lambda: zipped(lambda data: data[:80] + bytes(60) + data[140:]),
    "method": lambda: zipped(lambda data: data.replace(b"\x14\0\0\0\x08\0", b"\x14\0\0\0\x63\0")),
    "text": lambda: zipped(name="note.txt", member=b"hello"),
}


def zipped(change=lambda data: data, name="x.npy", member=None):
    array, file = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(4 * 768).reshape(4, *SHAPE) % 255)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, member or array.getvalue())
    return change(file.getvalue())


@pytest.mark.parametrize("kind", ODD_FILES)
def test_whatever_numpy_raises_is_one_line(kerascnn, tmp_path, kind):
    path = tmp_path / "odd.npz"
    path.write_bytes(ODD_FILES[kind]())
    line = complaint(
        kerascnn(
            "convert",
            of_pixels(tmp_path),
            "--to",
            "tflite",
            "--recipe",
            "float32",
            "--images",
            path,
        )
    )
    assert "odd.npz: " in line and ("not an" in line or "expected numbers" in line)


def test_many_arrays_are_told_in_a_short_line(tmp_path):
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for i in range(10_000):
            archive.writestr(f"array{i}.npy", b"")
    told = r"an array an input, got 10000: array0, array1, array2, \.\.\.$"
    with pytest.raises(UserError, match=told):
        samples_of_pixels(tmp_path / "many.npz")


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    header = {"descr": "|u1", "fortran_order": False, "shape": (1_500_000, *SHAPE)}
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        np.lib.format.write_array_header_1_0(member, header)
        for _ in range(72):
            member.write(bytes(2**24))
    with pytest.raises(UserError, match="unpacks to 1,207,959,680 bytes, expected at most"):
        samples_of_pixels(path)


def test_of_a_large_array_only_what_is_used_is_read(tmp_path):
    """1.2 GB that take no room on the disk: 1,024 images of it are spread over all."""
    path, count = tmp_path / "large.npy", 1_500_000
    made = np.lib.format.open_memmap(path, "w+", np.uint8, (count, *SHAPE))
    made[-1] = 7
    del made
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (found,) = samples_of_pixels(path).inputs
    assert found.shape == (1024, *SHAPE) and found[-1].max() == 7
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # kB


def test_two_outputs_are_both_compared(tmp_path):
    image = keras.Input(SHAPE)
    x = body(image)
    heads = [layers.Dense(4, name="kind")(x), layers.Dense(4, name="place")(x)]
    path = saved(randomized(keras.Model(image, heads)), tmp_path)
    for made in export.deliver(path, ["tflite", "onnx"], recipe="float32"):
        assert made.verdict.passed
        assert len(made.verdict.checks) == 2


def test_a_nested_backbone_that_normalizes_takes_pixels(tmp_path):
    image = keras.Input(SHAPE)
    backbone = keras.Model(image, body(layers.Rescaling(1 / 127.5, -1.0)(image)), name="backbone")
    model = keras.Sequential([keras.Input(SHAPE), backbone, layers.Dense(4)])
    path = saved(randomized(model), tmp_path)
    export.deliver(path, ["tflite"], recipe="float32")
    with Artifact(tmp_path / "mine_float32.tflite") as artifact:
        assert artifact.inputs[0]["dtype"] == "uint8"


def test_a_rescaling_of_0_to_1_does_not_make_pixels(tmp_path):
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(4)(body(layers.Rescaling(2.0, -1.0)(image))))
    export.deliver(saved(randomized(model), tmp_path), ["tflite"], recipe="float32")
    with Artifact(tmp_path / "mine_float32.tflite") as artifact:
        assert artifact.inputs[0]["dtype"] == "float32"


def test_a_lambda_is_run_only_for_whom_one_trusts(kerascnn, tmp_path):
    image = keras.Input(SHAPE)
    x = layers.Lambda(lambda t: t * 2.0, output_shape=SHAPE, name="twice")(image)
    path = saved(randomized(keras.Model(image, layers.Dense(4)(body(x)))), tmp_path)
    convert = ("convert", path, "--to", "tflite", "--recipe", "float32")
    assert "carries Python code (a Lambda layer)" in complaint(kerascnn(*convert))
    assert not list(tmp_path.glob("*.tflite"))
    assert kerascnn(*convert, "--trust")[0] == 0
    made = tmp_path / "mine_float32.tflite"
    assert "--trust" in complaint(kerascnn("verify", made))
    assert kerascnn("verify", made, "--trust")[0] == 0


def test_a_layer_of_ones_own_is_named_and_its_file_asked_for(kerascnn, tmp_path):
    """The class is not registered, as few are; and not known here, since it stands in that file."""
    code = tmp_path / "my_layers.py"
    code.write_text(
        "import keras\n\n\nclass Doubling(keras.layers.Layer):\n"
        "    def call(self, x):\n        return keras.ops.multiply(x, 2.0)\n"
    )
    scope = {}
    exec(code.read_text(), scope)
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(4)(body(scope["Doubling"]()(image))))
    path = saved(randomized(model), tmp_path)
    convert = ("convert", path, "--to", "tflite", "--recipe", "float32")
    line = complaint(kerascnn(*convert))
    assert "the class 'Doubling' is not part of Keras" in line and "--code FILE.py" in line
    assert kerascnn(*convert, "--code", code)[0] == 0
    code.write_text("import no_such_module\n")
    assert "raises ModuleNotFoundError" in complaint(kerascnn(*convert, "--code", code))


@keras.saving.register_keras_serializable("tests")
class Subclassed(keras.Model):
    def __init__(self, **options):
        super().__init__(**options)
        self.dense = layers.Dense(4)

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 768)))


@keras.saving.register_keras_serializable("tests")
class OfTensorFlow(Subclassed):
    def call(self, x):
        return self.dense(tf.reshape(tf.py_function(lambda v: v, [x], tf.float32), (-1, 768)))


def test_a_subclassed_model_of_keras_operations_is_converted(tmp_path):
    model = Subclassed()
    model(np.zeros((1, *SHAPE), "float32"))
    for made in export.deliver(saved(model, tmp_path), ["tflite", "onnx"], recipe="float32"):
        assert made.passed


def test_a_model_of_something_else_is_told_the_way_out(kerascnn, tmp_path):
    model = OfTensorFlow()
    model(np.zeros((1, *SHAPE), "float32"))
    line = complaint(kerascnn("convert", saved(model, tmp_path), "--to", "onnx"))
    assert "OfTensorFlow.call is not made of Keras operations" in line
    assert "model = keras.Model(x, y)" in line


def test_several_inputs_are_converted_and_compared(tmp_path):
    for made in export.deliver(saved(two_inputs(), tmp_path), ["tflite", "onnx"]):
        assert made.passed


def two_inputs():
    ends = [keras.Input(SHAPE), keras.Input(SHAPE)]
    return keras.Model(ends, layers.Dense(4)(body(layers.Add()(ends))))


def of_any_size():
    image = keras.Input((None, None, 3))
    return keras.Model(image, layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image)))


def of_words():
    words = keras.Input((8,), dtype="int32")
    return keras.Model(words, layers.Flatten()(layers.Embedding(10, 4)(words)))


def of_nan():
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(4, name="last")(body(image)))
    model.get_layer("last").kernel.assign(np.full((512, 4), np.nan))
    return model


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (of_any_size, r"has no fixed size, \(None, None, 3\); give data of the size"),
        (of_words, "takes int32, expected float32 or uint8"),
        (of_nan, "has weights that are not finite"),
    ],
)
def test_a_model_that_does_not_fit(tmp_path, make, match):
    path = saved(make(), tmp_path)
    with pytest.raises(UserError, match=match):
        export.deliver(path, ["tflite"], recipe="float32")


def test_what_belongs_to_a_run_is_sent_there(kerascnn, finished_run):
    options = ("--to", "tflite", "--recipe", "float32")
    model = finished_run / "model.keras"
    assert "is the model of a run" in complaint(kerascnn("convert", model, *options))
    simulated = finished_run / "quick_int8" / "model.keras"
    code, out, _ = kerascnn("convert", simulated, "--to", "tflite")  # as it is: to int8
    assert code == 0 and (simulated.parent / "model_int8.tflite").exists(), out
    line = complaint(kerascnn("convert", finished_run, *options, "--trust"))
    assert "are for a .keras file" in line


def test_a_recipe_that_trains_needs_a_run(kerascnn, tmp_path):
    path = of_pixels(tmp_path)
    line = complaint(kerascnn("convert", path, "--to", "tflite", "--recipe", "qat_wi8_ai8"))
    assert "a .keras file takes float32, float16" in line


def test_the_model_may_not_change_after_its_conversion(kerascnn, tmp_path):
    path = of_pixels(tmp_path)
    export.deliver(path, ["tflite"], recipe="float32")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("note.txt", "changed")
    line = complaint(kerascnn("verify", tmp_path / "mine_float32.tflite"))
    assert "convert it again" in line


def test_a_script_proves_a_file_on_its_own_data(tmp_path):
    """The path of a .keras file takes evidence as the model in it does."""
    path = of_pixels(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (60, *SHAPE)).astype("float32")
    y = np.argmax(load_model(path).predict(x, verbose=0), axis=1)
    (delivery,) = export.deliver(path, [tmp_path / "own.tflite"], evidence=(x, y))
    metadata = json.loads((tmp_path / "own.tflite.json").read_text())
    compared = metadata["source"]["compared_on"]
    assert compared["from"] == "the caller's data" and compared["inputs"] == 60
    assert metadata["source"]["file"] == path.name
    assert delivery.passed
    assert export.verify(tmp_path / "own.tflite", evidence=(x, y)).passed
    with pytest.raises(UserError, match="not the samples"):
        export.verify(tmp_path / "own.tflite", evidence=(x[:20], y[:20]))
    scan = export.sensitivity(path, (x, y), sparsities=(0.5,))
    assert scan.samples == 60
    with pytest.raises(UserError, match="two answers"):
        export.deliver(path, ["tflite"], evidence=(x, y), images=arrays(tmp_path)[0])


def test_a_run_has_its_evidence(finished_run):
    with pytest.raises(UserError, match="its own validation images"):
        export.deliver(finished_run, ["tflite"], evidence=np.zeros((4, 32, 32, 1)))
