"""Headers are read once: a folder that is opened again is looked at by size and time alone."""

import os

import numpy as np
import pytest
from image_files import jpeg, picture

from kerascnn.data import remembered
from kerascnn.data.folders import image_folder
from kerascnn.errors import UserError


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.setattr(remembered, "FEW", 0)
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "cache"))
    for i in range(10):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(jpeg(picture(8, 8, seed=i), orientation=1 + i % 8))
    return tmp_path / "photos"


@pytest.fixture
def read(monkeypatch):
    """The files whose headers are read, as they are."""
    seen, real = [], remembered.read_header

    def read_header(path):
        seen.append(os.path.basename(path))  # noqa: PTH119
        return real(path)

    monkeypatch.setattr(remembered, "read_header", read_header)
    return seen


def test_headers_are_read_once(photos, read):
    first = image_folder(photos)
    assert sorted(read) == [f"{i}.jpg" for i in range(10)]
    read.clear()
    again = image_folder(photos)
    assert read == []
    np.testing.assert_array_equal(again.train.orientations, first.train.orientations)


def test_a_file_that_changed_is_read_again(photos, read):
    image_folder(photos)
    read.clear()
    changed = photos / "a" / "4.jpg"
    changed.write_bytes(jpeg(picture(9, 9), orientation=8))
    source = image_folder(photos)
    assert read == ["4.jpg"]
    place = [p.endswith(b"4.jpg") for p in source.train.images].index(True)
    assert source.train.orientations[place] == 8
    changed.write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"4\.jpg: not a JPEG"):
        image_folder(photos)


@pytest.mark.parametrize("kept", [b"", b"PK\x03\x04 nothing", None])
def test_what_is_remembered_may_be_damaged_or_unwritable(photos, read, kept, tmp_path):
    first = image_folder(photos)
    (file,) = (tmp_path / "cache").glob("*.npz")
    if kept is None:
        file.unlink()
        (tmp_path / "cache").rmdir()
        (tmp_path / "cache").write_text("a file where a folder should be")
    else:
        file.write_bytes(kept)
    again = image_folder(photos)
    np.testing.assert_array_equal(again.test.orientations, first.test.orientations)
