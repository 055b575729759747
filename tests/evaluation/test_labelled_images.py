"""Validation images in the layouts that they come in."""

import numpy as np
import pytest
from scipy.io import savemat

from kerascnn import UserError
from kerascnn.evaluation import labelled_images
from kerascnn.models.weights.imagenet import imagenet_classes

NAMES = tuple(c.name for c in imagenet_classes())
IDS = tuple(c.id for c in imagenet_classes())
FIRST = [f"ILSVRC2012_val_{n:08d}.JPEG" for n in range(1, 6)]
BY_ID = [65, 970, 230, 809, 516]  # what ImageNet's first validation images show
BY_KIT = [490, 361, 171, 822, 297]


def touch(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def of_imagenet(folder, **about):
    return labelled_images(folder, classes=1000, labels=NAMES, called="resnet50", **about)


def flat(tmp_path, text, file="val.txt", images=FIRST):
    folder = touch(tmp_path / "val", images)
    (tmp_path / file).write_text(text)
    return folder


def lines(*columns):
    return "".join(f"{' '.join(map(str, row))}\n" for row in zip(*columns, strict=True))


def test_the_classes_are_the_thousand_in_their_order():
    assert len(IDS) == len(set(NAMES)) == 1000 and list(IDS) == sorted(IDS)
    known = {0: "tench", 65: "sea snake", 207: "golden retriever", 999: "toilet tissue"}
    assert {i: NAMES[i] for i in known} == known


@pytest.mark.parametrize(
    "folders",
    [
        {"n01440764": 0, "n01751748": 65, "n15075141": 999},
        {"tench": 0, "sea_snake": 65, "Toilet Tissue": 999},
        {"0": 0, "65": 65, "999": 999},
    ],
    ids=["ids", "names", "numbers"],
)
def test_folders_of_some_classes_are_found_in_all(tmp_path, folders):
    for name in folders:
        touch(tmp_path / name, ["b.jpg", "a.JPEG", "notes.txt"])
    found = of_imagenet(tmp_path)
    assert [p.name for p in found.paths] == ["a.JPEG", "b.jpg"] * 3
    assert [folders[p.parent.name] for p in found.paths] == found.labels.tolist()
    assert len(found.paths) == 6 and "3 class folders" in found.told


def test_folders_may_be_below_val(tmp_path):
    for part in ("train", "val"):
        touch(tmp_path / part / "n01440764", [f"{part}.jpg"])
    assert [p.name for p in of_imagenet(tmp_path).paths] == ["val.jpg"]


def test_a_class_that_is_called_as_a_split_is_a_class(tmp_path):
    for name in ("cat", "images", "test"):
        touch(tmp_path / name, ["a.png"])
    found = labelled_images(tmp_path, classes=3, called="mine")
    assert found.names == ("cat", "images", "test") and found.labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("val.txt", lines(FIRST, BY_ID)),
        ("val.txt", lines([f"val/{name}" for name in FIRST], BY_ID)),
        ("val.txt", lines(FIRST, [n + 1 for n in BY_ID])),
        ("val.txt", lines(FIRST, [IDS[n] for n in BY_ID])),
        ("val.txt", lines(FIRST, [NAMES[n] for n in BY_ID])),
        ("val.txt", lines([IDS[n] for n in BY_ID])),
        ("labels.txt", lines(BY_ID)),
        (
            "LOC_val_solution.csv",
            "ImageId,PredictionString\n"
            + "".join(
                f"{name[:-5]},{IDS[n]} 85 1 499 272 {IDS[n]} 1 2 3 4 \n"
                for name, n in sorted(zip(FIRST, BY_ID, strict=True), reverse=True)
            ),
        ),
    ],
    ids=["from-0", "paths", "from-1", "ids", "names", "ids-alone", "numbers-alone", "kaggle"],
)
def test_flat_images_have_their_labels_in_a_file_beside_them(tmp_path, file, text):
    found = of_imagenet(flat(tmp_path, text, file))
    assert [p.name for p in found.paths] == FIRST
    assert found.labels.tolist() == BY_ID
    assert file in found.told


def test_labels_of_several_words_in_a_table_are_read_whole(tmp_path):
    rows = {"a.jpg": "sea snake", "b.jpg": '"tench"', "c.jpg": "golden_retriever"}
    text = "id,label\n" + "".join(f"{name[:-4]},{label}\n" for name, label in rows.items())
    found = of_imagenet(flat(tmp_path, text, "labels.csv", list(rows)))
    assert found.labels.tolist() == [65, 0, 207]


def kit(folder, kind):
    """The list of classes of a development kit: its first images' and an inner node."""
    pairs = dict(zip(BY_KIT, (IDS[n] for n in BY_ID), strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "map_clsloc.txt":
        (folder / kind).write_text("".join(f"{i} {n} word\n" for n, i in pairs.items()))
        return
    rows = np.zeros(6, [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O")])
    for row, (number, wnid) in zip(rows, [*pairs.items(), (1001, "n00001740")], strict=True):
        row["ILSVRC2012_ID"], row["WNID"], row["words"] = number, wnid, "a, b"
    savemat(folder / kind, {"synsets": rows})


@pytest.mark.parametrize("kind", ["map_clsloc.txt", "meta.mat"])
def test_the_development_kits_numbers_are_known_and_translated(tmp_path, kind):
    folder = touch(tmp_path / "ILSVRC2012_img_val", FIRST)
    data = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    kit(data, kind)
    (data / "ILSVRC2012_validation_ground_truth.txt").write_text(lines(BY_KIT))
    for place in (tmp_path, folder):
        found = of_imagenet(place)
        assert found.labels.tolist() == BY_ID
        assert found.told.endswith("numbered as the devkit does")


def test_without_its_list_the_kits_numbers_are_refused(tmp_path):
    folder = flat(tmp_path, lines(BY_KIT), "ILSVRC2012_validation_ground_truth.txt")
    with pytest.raises(UserError, match=r"put its map_clsloc.txt or meta.mat, .*, beside it"):
        of_imagenet(folder)


def test_numbers_that_tell_nothing_have_to_be_named(tmp_path):
    """Of images that are not ImageNet's first, 1 to 1000 may be either order."""
    images = ["a.jpg", "b.jpg", "c.jpg"]
    folder = flat(tmp_path, lines(images, [1, 500, 1000]), images=images)
    with pytest.raises(UserError, match="more than one way; say --numbering one or devkit"):
        of_imagenet(folder)
    assert of_imagenet(folder, numbering="one").labels.tolist() == [0, 499, 999]
    with pytest.raises(UserError, match="a label 1000, expected 0 to 999"):
        of_imagenet(folder, numbering="zero")
    with pytest.raises(UserError, match="unknown numbering 'null'"):
        of_imagenet(folder, numbering="null")
    (tmp_path / "val.txt").write_text(lines(images, [1, 500, 999]))
    with pytest.raises(UserError, match="say --numbering zero, one or devkit"):
        of_imagenet(folder)
    (tmp_path / "val.txt").write_text(lines(images, [0, 500, 999]))
    assert of_imagenet(folder).labels.tolist() == [0, 500, 999]


@pytest.mark.parametrize(("stated", "start"), [([0, 2, 1], 0), ([1, 3, 2], 1)])
def test_other_classes_are_counted_from_where_their_numbers_begin(tmp_path, stated, start):
    images = ["a.jpg", "b.jpg", "c.jpg"]
    folder = flat(tmp_path, lines(images, stated), images=images)
    found = labelled_images(folder, classes=3, called="mine", labels=("x", "y", "z"))
    assert found.labels.tolist() == [n - start for n in stated]
    (tmp_path / "val.txt").write_text(lines(images, [1, 2, 2]))
    with pytest.raises(UserError, match="say --numbering zero or one"):
        labelled_images(folder, classes=3, called="mine", labels=("x", "y", "z"))


def test_what_does_not_fit_says_what(tmp_path):
    folder = touch(tmp_path / "val", FIRST)
    with pytest.raises(UserError, match=r"5 images without class folders; .* --truth FILE"):
        of_imagenet(folder)
    (tmp_path / "val.txt").write_text(lines(BY_ID[:4]))
    with pytest.raises(UserError, match="4 labels for 5 images, expected one each"):
        of_imagenet(folder)
    (tmp_path / "val.txt").write_text(lines(FIRST, ["tench"] * 4 + ["tenchh"]))
    with pytest.raises(UserError, match="unknown label 'tenchh'; did you mean 'tench'"):
        of_imagenet(folder)
    (tmp_path / "val.txt").write_text(lines([*FIRST, "gone.JPEG"], [*BY_ID, 3]))
    with pytest.raises(UserError, match=r"names 6 images, of which 1 are not in .*'gone.JPEG'"):
        of_imagenet(folder)
    (tmp_path / "labels.txt").write_text(lines(BY_ID))
    with pytest.raises(UserError, match=r"both say what the images show; choose with --truth"):
        of_imagenet(folder)
    found_by = tmp_path / "mine.txt"
    found_by.write_text(lines(FIRST[:2], BY_ID[:2]))
    found = of_imagenet(folder, truth=found_by)
    assert found.labels.tolist() == BY_ID[:2]
    assert "3 images that it does not name are left out" in found.told
    with pytest.raises(UserError, match="no such folder"):
        of_imagenet(tmp_path / "nowhere")
