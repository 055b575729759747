"""Shards: the images of the folder, whole, written once; what is corrupted is named or skipped."""

import json

import numpy as np
import pytest
import tensorflow as tf
from image_files import jpeg, picture

from kerascnn.config import DataConfig
from kerascnn.data import load_data
from kerascnn.data.shard_writing import shard_folder
from kerascnn.errors import UserError, raised_inside


@pytest.fixture
def photos(tmp_path):
    for i in range(24):
        path = tmp_path / "photos" / "ab"[i % 2] / f"{i:02}.jpg"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(jpeg(picture(30, 20, seed=i), orientation=6 if i == 4 else None))
    return tmp_path / "photos"


def sharded(photos, **options):
    out = photos.parent / "shards"
    return out, shard_folder(photos, out, shard_bytes=4000, **options)


def data_of(name, path, **more):
    config = DataConfig(
        name=name, path=str(path), size=(20, 30), batch_size=4, validation=0.4, **more
    )
    return load_data(config)


def test_shards_hold_the_images_of_the_folder(photos):
    out, made = sharded(photos)
    shards = sorted(out.glob("train-*.tfrecord"))
    assert len(shards) > 2 and made.written == len(list(out.glob("*.tfrecord")))
    index = json.loads((out / "index.json").read_text())
    assert index["classes"] == ["a", "b"] and index["splits"]["train"]["counts"] == [10, 10]
    for split in ("train", "validation", "test"):
        seen = []
        for name, path in (("folder", photos), ("shards", out)):
            data = data_of(name, path)
            part = getattr(data, split)
            images = zip(data.pixels(part), part.labels, strict=True)
            seen.append(sorted((int(label), image.tobytes()) for image, label in images))
        if split == "test":  # which of the others validate is drawn in the order of each source
            assert seen[0] == seen[1]
        assert [label for label, _ in seen[0]] == [label for label, _ in seen[1]]


def test_tensorflow_reads_the_shards_as_any_other(photos):
    out, _ = sharded(photos)
    records = tf.data.TFRecordDataset(sorted(map(str, out.glob("*.tfrecord"))))
    files = {path.read_bytes() for path in photos.rglob("*.jpg")}
    found = [tf.train.Example.FromString(r.numpy()).features.feature for r in records]
    assert {f["image/encoded"].bytes_list.value[0] for f in found} == files
    assert all(
        f["image/filename"].bytes_list.value[0].decode()[0]
        == "ab"[f["image/class/label"].int64_list.value[0]]
        for f in found
    )


def test_what_was_written_is_kept_and_what_changed_is_written_anew(photos):
    out, made = sharded(photos)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    lost, changed, unfinished = sorted(out.glob("train-*.tfrecord"))[:3]
    lost.unlink()
    damage(changed, 40)
    unfinished.with_suffix(".json").unlink()
    (out / "index.json").unlink()
    _, again = sharded(photos)
    assert (again.written, again.kept) == (3, made.written - 3)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    _, other = sharded(photos, workers=3)
    assert other.written == 0


def test_another_size_of_shards_leaves_none_of_the_first(photos):
    out, _ = sharded(photos)
    shard_folder(photos, out)
    assert sorted(p.name for p in out.glob("*.tfrecord")) == [
        "test-00000-of-00001.tfrecord",
        "train-00000-of-00001.tfrecord",
    ]


def damage(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)


def spoilt(photos, count):
    """Shards of which `count` training images no longer fit their checksum; their names."""
    out, _ = sharded(photos)
    data = data_of("shards", out)
    names = []
    for i in range(count):
        shard, offset, _ = data.train.images.places[i]
        damage(data.train.images.shards[shard], int(offset) + 100)
        names.append(data.train.images.names[i])
    return out, names


def epoch(data):
    return [(x.numpy(), y.numpy()) for x, y in data.training_batches(seed=0, steps=3)]


def test_a_corrupted_image_ends_the_training_and_is_named(photos):
    out, (name,) = spoilt(photos, 1)
    with pytest.raises(tf.errors.OpError) as caught:
        epoch(data_of("shards", out))
    told = str(raised_inside(caught.value))
    assert name in told and ".tfrecord: the record at byte" in told and "corrupted" in told


def test_as_many_as_are_allowed_are_skipped_counted_and_named(photos, capsys):
    out, names = spoilt(photos, 2)
    data = data_of("shards", out, skip_corrupted=2)
    shown = sum(len(y) for _, y in epoch(data))
    assert shown == 3 * 4 - 2 and len(data.corrupted.reasons) == 2
    assert all(len(x) == len(y) for x, y in epoch(data))  # seen again, they are counted once
    told = capsys.readouterr().out
    assert all(name in told for name in names) and "skipped, 2 of at most 2" in told
    assert told.count("skipped") == 2


def test_one_more_than_is_allowed_ends_the_training(photos):
    out, _ = spoilt(photos, 3)
    with pytest.raises(tf.errors.OpError) as caught:
        epoch(data_of("shards", out, skip_corrupted=2))
    assert "(3 of them; data.skip_corrupted is 2)" in str(raised_inside(caught.value))


def test_labels_stay_with_their_images_where_one_is_skipped(photos):
    out, _ = spoilt(photos, 1)
    data = data_of("shards", out, skip_corrupted=1)
    files = {}
    for path in photos.rglob("*.jpg"):
        read = tf.image.resize(tf.io.decode_jpeg(path.read_bytes()), (20, 30)).numpy()
        files[np.floor(read + 0.5).astype(np.uint8).tobytes()] = "ab".index(path.parent.name)
    for images, labels in epoch(data):
        for image, label in zip(images, labels, strict=True):
            assert files.get(image.astype(np.uint8).tobytes(), label) == label


def test_a_folder_of_image_files_may_skip_too(photos):
    for path in sorted((photos / "a").iterdir())[:9]:
        data = bytearray(tf.io.encode_png(picture(20, 30)).numpy())
        data[len(data) // 2] ^= 0xFF
        path.write_bytes(data)
    data = data_of("folder", photos, skip_corrupted=9)
    assert sum(len(y) for _, y in epoch(data)) < 12
    assert all(": a damaged PNG image" in reason for reason in data.corrupted.reasons.values())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda out: (out / "index.json").unlink(), "no index.json in .*kerascnn data shard"),
        (lambda out: next(out.glob("train*.tfrecord")).unlink(), "missing, or not whole"),
        (lambda out: next(out.glob("train*.tfrecord")).write_bytes(b"x"), "missing, or not whole"),
        (lambda out: (out / "index.json").write_text("{}"), "index.json: format: field required"),
        (lambda out: rewrite(out, shards=["../x.tfrecord"]), "outside its folder"),
        (lambda out: rewrite(out, images=99), "counts other images"),
    ],
)
def test_shards_that_are_not_whole_are_refused(photos, spoil, message):
    out, _ = sharded(photos)
    spoil(out)
    with pytest.raises(UserError, match=message):
        data_of("shards", out)


def rewrite(out, **changes):
    index = json.loads((out / "index.json").read_text())
    index["splits"]["train"] |= changes
    (out / "index.json").write_text(json.dumps(index))


def test_the_verb_says_what_it_took_and_how_to_train_on_it(photos, kerascnn, tmp_path):
    (photos / "a" / "notes.txt").write_text("")
    code, out, err = kerascnn("data", "shard", photos, "--out", tmp_path / "s")
    assert code == 0, err
    assert "24 images of 2 classes: a 12, b 12; 1 not taken: 1 .txt" in out
    assert f"name: shards, path: {tmp_path / 's'}" in out
