"""Image files: upright, in any of four formats, refused by their headers, named when damaged."""

import os
import struct

import numpy as np
import pytest
import tensorflow as tf
from image_files import GIF_COLORS, black_png, bmp, gif, gif_bomb, jpeg, picture

from kerascnn.config import DataConfig
from kerascnn.data import load_data, read_image
from kerascnn.data.headers import Header, read_header
from kerascnn.errors import UserError, raised_inside

# EXIF 2.3, 4.6.4: where the 0th row and the 0th column of what is stored are seen.
SIDES = {
    1: ("top", "left"),
    2: ("top", "right"),
    3: ("bottom", "right"),
    4: ("bottom", "left"),
    5: ("left", "top"),
    6: ("right", "top"),
    7: ("right", "bottom"),
    8: ("left", "bottom"),
}


def as_seen(stored, orientation):
    """Puts every stored pixel where EXIF says that it is seen."""
    rows, columns = stored.shape[:2]
    across = orientation > 4
    seen = np.zeros((columns, rows, 3) if across else stored.shape, stored.dtype)
    height, width = seen.shape[:2]
    for r in range(rows):
        for c in range(columns):
            place = dict(zip(SIDES[orientation], (r, c), strict=True))
            y = place["top"] if "top" in place else height - 1 - place["bottom"]
            x = place["left"] if "left" in place else width - 1 - place["right"]
            seen[y, x] = stored[r, c]
    return seen


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize("orientation", SIDES)
@pytest.mark.parametrize("order", ["big", "little"])
def test_a_photo_is_seen_as_it_was_held(write, orientation, order):
    data = jpeg(picture(), orientation, order)
    seen = as_seen(tf.io.decode_jpeg(data).numpy(), orientation)
    for rule in ("stretch", "pad"):
        read = read_image(write("photo.jpg", data), seen.shape, rule)
        np.testing.assert_array_equal(read, seen)


@pytest.mark.parametrize("orientation", SIDES)
def test_a_turned_photo_is_resized_like_one_that_was_saved_upright(write, orientation):
    """One is turned after it is resized, the other before: the same pixels, but for rounding."""
    data = jpeg(picture(), orientation)
    seen = as_seen(tf.io.decode_jpeg(data).numpy(), orientation)
    upright = write("upright.png", tf.io.encode_png(seen).numpy())
    for rule in ("stretch", "pad"):
        first, second = (
            read_image(path, (21, 40, 3), rule) for path in (write("photo.jpg", data), upright)
        )
        np.testing.assert_allclose(first.astype(int), second, atol=1)


def photos(write, orientation=1):
    """A folder of 2 x 6 JPEGs, told how they are held."""
    for i in range(12):
        path = write(f"photos/{'ab'[i % 2]}/{i:02}.jpg", jpeg(picture(seed=i), orientation))
    return path.parents[1]


def folder_data(path):
    config = DataConfig(name="folder", path=str(path), size=(48, 32), batch_size=4, validation=0.5)
    return load_data(config)


def test_training_and_test_batches_are_upright(write):
    data = folder_data(photos(write, orientation=6))
    for split, batches in (
        (data.train, data.training_batches(seed=0, steps=1)),
        (data.test, data.batches(data.test)),
    ):
        seen = {
            as_seen(tf.io.decode_jpeg(tf.io.read_file(p)).numpy(), 6).tobytes()
            for p in split.images
        }
        for images, _ in batches:
            shown = {image.astype(np.uint8).tobytes() for image in images.numpy()}
            assert len(shown) > 1 and shown <= seen


def indices():
    return (np.arange(32 * 48) % 128).astype(np.uint8).reshape(32, 48)


FORMATS = {
    "PNG": lambda: (tf.io.encode_png(picture()).numpy(), picture()),
    "JPEG": lambda: (jpeg(picture()), tf.io.decode_jpeg(jpeg(picture())).numpy()),
    "BMP": lambda: (bmp(picture()), picture()),
    "GIF": lambda: (gif(indices(), indices()[:20]), GIF_COLORS[indices()]),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_read_in_grey_and_in_colour(write, kind, channels):
    data, pixels = FORMATS[kind]()
    path = write("image", data)
    assert read_header(path) == Header(kind, 32, 48)
    expected = pixels.astype("float32")
    if channels == 1:
        expected = expected @ np.array([[0.299], [0.587], [0.114]], "float32")
    read = read_image(path, (32, 48, channels), "stretch")
    np.testing.assert_allclose(read, expected, atol=1 if channels == 1 else 0)  # grey is rounded


def test_grey_files_and_transparent_ones_are_read_in_either(write):
    grey, opaque = picture()[..., :1], np.full((32, 48, 1), 255, np.uint8)
    files = {"grey.png": grey, "pale.png": np.concatenate([grey, opaque], -1)}
    for name, pixels in files.items():
        path = write(name, tf.io.encode_png(pixels).numpy())
        np.testing.assert_array_equal(read_image(path, (32, 48, 1), "pad"), grey)
        np.testing.assert_array_equal(read_image(path, (32, 48, 3), "pad"), grey.repeat(3, -1))
    path = write("clear.png", tf.io.encode_png(np.concatenate([picture(), opaque], -1)).numpy())
    np.testing.assert_array_equal(read_image(path, (32, 48, 3), "pad"), picture())


def test_the_header_of_a_jpeg_is_found_behind_whatever_stands_before_it(write):
    """A thumbnail in it is a JPEG with a size of its own; an ICC profile has many segments."""
    data, thumbnail = jpeg(picture(), 6), jpeg(picture(8, 8))
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    profile = b"\xff\xe2" + struct.pack(">H", 65_000) + bytes(64_998)
    fill = b"\xff" * 7
    path = write("photo.jpg", data[:2] + comment + profile * 3 + fill + data[2:])
    assert read_header(path) == Header("JPEG", 32, 48, 6)
    assert read_image(path, (48, 32, 3), "pad").std() > 1


def damaged_orientation():
    good = jpeg(picture(), 6)
    place = good.index(b"\x01\x12")
    return {
        "of no meaning": jpeg(picture(), 9),
        "zero": jpeg(picture(), 0),
        "not a number": good[: place + 2] + b"\0\2" + good[place + 4 :],
        "endless": good.replace(b"\x08\0\2", b"\x08\xff\xff").replace(b"\x01\x12", b"\1\1"),
        "elsewhere": good.replace(b"MM\0*\0\0\0\x08", b"MM\0*\xff\xff\xff\xff"),
    }


@pytest.mark.parametrize("kind", damaged_orientation())
def test_an_orientation_that_means_nothing_turns_nothing(write, kind):
    path = write("photo.jpg", damaged_orientation()[kind])
    assert read_header(path) == Header("JPEG", 32, 48, 1)


def palette_bmp():
    head = struct.pack("<IiiHHIIiiII", 40, 4, 1, 1, 8, 0, 4, 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1082, 0, 0, 1078) + head + bytes(1024) + bytes(4)


def damaged_png():
    """A whole header, and a checksum that does not fit."""
    data = bytearray(tf.io.encode_png(picture()).numpy())
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


REFUSED = {
    "text": (lambda: b"not a picture", "not a JPEG, PNG, BMP or GIF image"),
    "empty": (lambda: b"", "not a JPEG, PNG, BMP or GIF image"),
    "start": (lambda: jpeg(picture())[:100], "ends within its header"),
    "png": (lambda: black_png(20_000, 20_000), "20,000 x 20,000 pixels, expected at most 134,217,"),
    "frames": (lambda: gif_bomb(60_000, 1000, 20), "GIF image with frames of 1,200,000,001 pixels"),
    "screen": (lambda: gif_bomb(60_000, 60_000, 1), "GIF image with frames of"),
    "palette": (palette_bmp, "a BMP image with a palette; save it as PNG"),
    "nothing": (lambda: black_png(0, 5), "a PNG image of 5 x 0"),
    "cut": (lambda: jpeg(picture(300, 300))[:-900], "a JPEG image that is cut off"),
    "bits": (damaged_png, "a damaged PNG image, which cannot be decoded"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_named(write, kind):
    make, words = REFUSED[kind]
    path = write("odd.jpg", make())
    with pytest.raises(UserError, match=f"odd.jpg: .*{words}"):
        read_image(path, (8, 8, 3), "stretch")


def test_a_photo_that_is_cut_off_behind_its_thumbnail_is_found_out(write):
    """The thumbnail's end marker is not the photo's; behind that a phone may append a film."""
    data, thumbnail = jpeg(picture(300, 400)), jpeg(picture(8, 8))
    data = data[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail + data[2:]
    assert read_header(write("film.jpg", data + bytes(50_000))) == Header("JPEG", 300, 400)
    with pytest.raises(UserError, match="a JPEG image that is cut off"):
        read_header(write("cut.jpg", data[:-1]))


def test_a_picture_of_many_pixels_is_read_if_it_fits(write):
    assert read_image(write("map.png", black_png(8000, 8000)), (8, 8, 3), "stretch").max() == 0


def test_a_file_that_is_damaged_is_named_by_the_pipeline(write):
    """Its header is whole: it is found only when it is decoded, in a graph."""
    folder = photos(write)
    path = folder / "a" / "00.jpg"
    path.write_bytes(damaged_png())
    data = folder_data(folder)
    with pytest.raises(tf.errors.OpError) as caught:
        for _ in data.training_batches(seed=0, steps=2):
            pass
        for _ in data.batches(data.validation):
            pass
    told = raised_inside(caught.value)
    assert f"{path}: a damaged PNG image, which cannot be decoded" in str(told)


def test_names_that_are_not_utf8_are_read(write):
    folder = photos(write)
    odd = folder / "a" / os.fsdecode(b"caf\xe9.jpg")
    odd.write_bytes(jpeg(picture()))
    data = folder_data(folder)
    assert len(data.pixels(data.train)) + len(data.pixels(data.validation)) == 11
    assert read_image(odd, (8, 8, 3), "pad").shape == (8, 8, 3)
