"""Transforms: what each does to pixels, and that chance comes from seed, step and place alone."""

import numpy as np
import pytest
import tensorflow as tf
from image_files import jpeg, picture
from PIL import Image, ImageEnhance, ImageOps

from kerascnn.config import DataConfig
from kerascnn.data import load_data, read_image
from kerascnn.data.augmentation import Chain, uniform_numbers
from kerascnn.data.transforms import TRANSFORMS, affine, cropping, policies
from kerascnn.data.transforms.arguments import InceptionCrop

SHAPE = (24, 20, 3)
POLICIES = {"random_augment", "trivial_augment"}  # compiled in seconds, of the others' operations


def written(name):
    row = TRANSFORMS[name]
    return name if row.example is None else {name: row.example}


def transforms(*entries):
    return DataConfig(name="cifar10", train=entries).train


def applied(entry, images, shape=SHAPE):
    """A transform on a batch of one size, with the numbers of seed 0 and step 0."""
    chain = Chain(transforms(entry), shape, "stretch")
    return chain.of_batch(tf.constant(images), uniform_numbers(len(images), chain.draws, 0, 0))


def many(count):
    return np.repeat(picture(24, 20)[None], count, 0)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for i in range(12):
        path = root / "ab"[i % 2] / f"{i:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(picture(60 + i, 48, seed=i), orientation=[None, 6][i % 3 == 0]))
    return root


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in POLICIES else ()) for n in TRANSFORMS]
)
def test_a_resumed_run_sees_what_it_would_have_seen(name, photos):
    config = DataConfig(
        name="folder",
        path=str(photos),
        size=(24, 20),
        batch_size=3,
        train=[written(name)],
        validation=0.5,
    )
    data = load_data(config)
    whole = [(x.numpy(), y.numpy()) for x, y in data.training_batches(seed=3, steps=5)]
    rest = [(x.numpy(), y.numpy()) for x, y in data.training_batches(seed=3, first_step=3, steps=2)]
    for (x, y), (u, v) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(x, u)
        np.testing.assert_array_equal(y, v)
    assert all(x.shape == (3, *SHAPE) and x.dtype == np.float32 for x, _ in whole)
    # Mixing rounds; all else is bytes.
    assert all(x.min() >= 0 and x.max() <= 255 + 1e-3 for x, _ in whole)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.full if n in POLICIES else ())
        for n, row in TRANSFORMS.items()
        if row.random
    ],
)
def test_images_of_a_batch_and_of_steps_and_seeds_are_drawn_apart(name):
    config = DataConfig(name="synthetic", size=SHAPE[:2], batch_size=64, train=[written(name)])
    data = load_data(config)
    first, other_step = (x.numpy() for x, _ in data.training_batches(seed=0, steps=2))
    (other_seed,) = (x.numpy() for x, _ in data.training_batches(seed=1, steps=1))
    # Some operations of the policies make one picture of two: posterize, at its strongest.
    assert len({image.tobytes() for image in first}) > 48
    assert not np.array_equal(first, other_step) and not np.array_equal(first, other_seed)
    if not TRANSFORMS[name].batch:
        made = applied(written(name), np.repeat(picture(30, 26)[None], 64, 0)).numpy()
        assert len({image.tobytes() for image in made}) > 1


def test_a_center_crop_is_the_middle():
    images = many(2)
    made = applied("center_crop", images, (10, 12, 3))
    np.testing.assert_array_equal(made, images[:, 7:17, 4:16])


def test_a_crop_of_an_image_that_is_too_small_enlarges_it():
    assert applied("center_crop", many(2), (48, 48, 3)).shape == (2, 48, 48, 3)
    assert applied("random_crop", many(2), (25, 20, 3)).shape == (2, 25, 20, 3)


def test_a_random_crop_is_a_part_and_each_place_is_drawn():
    images = many(256)
    made = applied("random_crop", images, (22, 19, 3)).numpy().astype(np.uint8)
    parts = {
        images[0, r : r + 22, c : c + 19].tobytes(): (r, c) for r in range(3) for c in range(2)
    }
    found = {parts[image.tobytes()] for image in made}  # a KeyError: not a part of it
    assert len(found) == 6  # 256 draws of 6 places: one is missing once in 1e19


@pytest.mark.parametrize(("size", "scaled"), [((60, 120), (30, 60)), ((120, 61), (59, 30))])
def test_the_shorter_side_is_resized_and_the_aspect_kept(size, scaled):
    made = cropping.resize_short(tf.constant(picture(*size)), 30, None, None)
    assert made.shape == (*scaled, 3)


def test_the_scale_is_drawn_between_both_ends():
    sides = transforms({"scale_jitter": [25, 30]})[0].argument
    found = set()
    for number in np.linspace(0, 0.999, 30, dtype="float32"):
        made = cropping.scale_jitter(tf.constant(picture(60, 80)), sides, number[None], None)
        found.add(made.shape[0])
    assert found == {*range(25, 31)}


def test_inception_windows_lie_inside_with_area_and_aspect_as_asked():
    argument = InceptionCrop(scale=(0.2, 0.5), ratio=(0.5, 2.0))
    numbers = np.random.default_rng(0).random((300, cropping.INCEPTION_DRAWS), "float32")
    for drawn in numbers:
        window = cropping.inception_window(tf.constant([300, 400]), argument, drawn)
        top, left, height, width = (int(part) for part in window)
        assert top >= 0 and top + height <= 300 and left >= 0 and left + width <= 400
        # Sides are whole pixels, of 150 and more: a hundredth.
        assert 0.2 * 0.98 <= height * width / 120_000 <= 0.5 * 1.02
        assert 0.5 * 0.98 <= width / height <= 2 * 1.02


def test_where_no_inception_window_fits_the_largest_of_a_permitted_aspect_is_taken():
    argument = InceptionCrop(scale=(1.0, 1.0))
    drawn = np.full(cropping.INCEPTION_DRAWS, 0.5, "float32")
    window = cropping.inception_window(tf.constant([100, 400]), argument, drawn)
    assert [int(part) for part in window] == [0, 133, 100, 133]


def test_a_window_of_a_jpeg_is_decoded_as_the_same_window_of_the_whole(photos):
    """Of one that was held upright only the window is decoded; a turned one is decoded whole."""
    entry = {"inception_crop": {"scale": [0.3, 0.6]}}
    chain = Chain(transforms(entry), SHAPE, "stretch")
    numbers = uniform_numbers(1, chain.draws, 5, 0)[0]
    data = jpeg(picture(64, 48))
    made = chain.of_file(tf.constant(data), tf.constant(1), numbers)
    whole = chain.of_pixels(tf.io.decode_jpeg(data), numbers)
    # At the border of a window libjpeg smooths colours with fewer neighbours.
    assert np.abs(made.numpy().astype(int) - whole.numpy())[1:-1, 1:-1].max() <= 3


def test_a_quarter_turn_is_numpys():
    image = picture(21, 21)
    made = affine.moved(tf.constant(image), [[0.0, -1.0], [1.0, 0.0]])
    np.testing.assert_array_equal(made, np.rot90(image))


def test_a_zoom_of_two_shows_the_middle_larger():
    image = np.zeros((21, 21, 1), np.uint8)
    image[8:13, 8:13] = 200
    factors = transforms({"zoom": [2, 2]})[0].argument
    made = affine.zoom(tf.constant(image), factors, tf.constant([0.3]), None).numpy()
    assert (made[6:15, 6:15] == 200).all() and (made[:5] == 0).all()


def test_shear_moves_rows_by_their_distance_from_the_middle():
    image = np.zeros((5, 9, 1), np.uint8)
    image[:, 4] = 100
    made = affine.shear(tf.constant(image), 1.0, tf.constant([1.0, 0.5]), None).numpy()
    assert [row.argmax() for row in made[..., 0]] == [6, 5, 4, 3, 2]


def test_cutout_blackens_a_square_that_may_hang_over_the_edge():
    images = np.full((200, 24, 20, 3), 9, np.uint8)
    holes = (applied({"cutout": 6}, images).numpy() == 0).all(-1)
    assert holes.sum((1, 2)).max() == 36 and holes.sum((1, 2)).min() < 36
    assert holes.any(0).all()


def test_pca_colour_shifts_every_pixel_alike_along_imagenets_components():
    images = np.full((400, 4, 4, 3), 128, np.uint8)
    shifts = applied({"pca_colour": 0.1}, images, (4, 4, 3)).numpy() - 128
    assert np.ptp(shifts, axis=(1, 2)).max() == 0
    covariance = np.cov(shifts[:, 0, 0].T)
    first = np.linalg.eigh(covariance)[1][:, -1]
    assert abs(first @ [-0.5675, -0.5808, -0.5836]) > 0.99
    # 255 x 0.1 x 0.2175, within three standard errors of 400 draws.
    assert np.sqrt(covariance.trace()) == pytest.approx(5.55, rel=0.15)


def test_pca_colour_of_a_grey_image_is_its_brightness():
    made = applied("pca_colour", np.full((40, 4, 4, 1), 128, np.uint8), (4, 4, 1)).numpy()
    assert np.ptp(made[:, 0, 0, 0]) > 0 and np.ptp(made, axis=(1, 2)).max() == 0


def test_colour_jitter_of_nothing_changes_nothing():
    entry = {"colour_jitter": {"brightness": 0, "contrast": 0, "saturation": 0}}
    np.testing.assert_array_equal(applied(entry, many(4)), many(4))


PIL = {
    "autocontrast": (policies.autocontrast, (), ImageOps.autocontrast),
    "equalize": (policies.equalize, (), ImageOps.equalize),
    "solarize": (policies.solarize, (100.0,), lambda im: ImageOps.solarize(im, 100)),
    "posterize": (policies.posterize, (4.0,), lambda im: ImageOps.posterize(im, 4)),
    "contrast": (policies.contrast, (1.6,), lambda im: ImageEnhance.Contrast(im).enhance(1.6)),
    "saturation": (policies.saturation, (0.3,), lambda im: ImageEnhance.Color(im).enhance(0.3)),
    "brightness": (
        policies.brightness,
        (1.3,),
        lambda im: ImageEnhance.Brightness(im).enhance(1.3),
    ),
    "sharpness": (policies.sharpness, (1.9,), lambda im: ImageEnhance.Sharpness(im).enhance(1.9)),
}


@pytest.mark.parametrize("name", PIL)
def test_operations_of_the_policies_are_pils(name):
    ours, arguments, theirs = PIL[name]
    noise = np.random.default_rng(0).integers(-20, 20, (40, 50, 3))
    image = (picture(40, 50).astype(int) // 2 + 60 + noise).clip(0, 255).astype(np.uint8)
    made = np.rint(ours(tf.constant(image, tf.float32), *arguments).numpy())
    wanted = np.asarray(theirs(Image.fromarray(image))).astype(int)
    # PIL rounds in between (grey levels, the smoothed picture); 0.9 of one level is left of that.
    assert np.abs(made - wanted).max() <= 2
    assert np.abs(made - image).max() > 10  # and it does something


def test_equalize_and_autocontrast_keep_an_image_of_one_level():
    flat = tf.fill([5, 5, 3], 77.0)
    for operation in (policies.equalize, policies.autocontrast):
        np.testing.assert_array_equal(operation(flat), flat)


@pytest.mark.parametrize("entries", [["mixup"], [{"cutmix": 1.0}], ["mixup", "cutmix"]])
def test_mixed_labels_say_what_is_seen(entries):
    """Images of class 0 are white, of class 1 black: the mean of the pixels is a label."""
    config = DataConfig(name="synthetic", size=(16, 16), batch_size=20, classes=2, images=200)
    data = load_data(config.model_copy(update={"train": transforms(*entries)}))
    assert data.mixes_labels and not load_data(config).mixes_labels
    split = type(data.train)(
        np.repeat([255, 0], 50).astype(np.uint8).repeat(16 * 16 * 3).reshape(100, 16, 16, 3),
        np.repeat([0, 1], 50).astype(np.int32),
    )
    data = type(data)(split, data.validation, data.test, data.shape, data.config, data.source)
    weights = []
    for images, labels in data.training_batches(seed=0, steps=5):
        assert labels.shape == (20, 2) and labels.dtype == tf.float32
        np.testing.assert_allclose(labels.numpy().sum(1), 1, atol=1e-6)
        np.testing.assert_allclose(images.numpy().mean((1, 2, 3)) / 255, labels[:, 0], atol=1e-5)
        weights += labels[:, 0].numpy().tolist()
    assert len({round(w, 3) for w in weights}) > 10
    for _, labels in data.batches(data.validation):
        assert labels.dtype == tf.int32


def test_evaluation_resizes_and_crops_as_asked(photos):
    evaluate = [{"resize_short": 30}, "center_crop"]
    config = DataConfig(name="folder", path=str(photos), size=(24, 20), evaluate=evaluate)
    data = load_data(config.model_copy(update={"validation": 0.5}))
    images = data.pixels(data.test)
    for image, path in zip(images, data.test.images, strict=True):
        np.testing.assert_array_equal(
            image, read_image(path.decode(), SHAPE, "stretch", config.evaluate)
        )
    assert not np.array_equal(images[0], read_image(path.decode(), SHAPE, "stretch"))


def test_every_transform_says_where_it_was_published():
    assert all(any(c.isdigit() for c in row.paper) for row in TRANSFORMS.values())
