"""Which images a network takes: what it says of them, and what it does."""

import re
import sys

import pytest
from miniatures import SMALL
from oracle import MODULES

import kerascnn
from kerascnn import UserError
from kerascnn.models import variant
from kerascnn.models.graph import without_weights

# A row of each builder, with few blocks, and rows that take other sizes than that one.
FEW_BLOCKS = {name: arguments for name, (_, arguments) in SMALL.items()} | {
    "googlenet": {},
    "googlenet_aux": {},
    "inception_v3_aux": {},
    "squeezenet1_1": {},
    "resnet50_v1": {"depth": (1, 1, 1, 1)},
}
SLOW = {  # a second each, of modules and units that others have
    *("inception_v3_aux", "inception_v3", "inception_v4", "inception_resnet_v2"),
    *("densenet121", "shufflenet_v1_g3_x0_5"),
}
every_builder = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.full if n in SLOW else ()) for n in FEW_BLOCKS]
)
ODD = ["lenet5", "nin_cifar10", "vgg11_lrn", "alexnet_one_tower"]
GIVEN = {"alexnet", "lenet5_1998"}  # their papers choose the sizes, and fewer than would do


def make(name, height, width=None, **arguments):
    """Shapes without weights, and not kept, as the fixture `build` would."""
    with without_weights():
        arguments = {**FEW_BLOCKS[name], **arguments}
        return kerascnn.build(name, input_shape=shape(name, height, width), **arguments)


def shape(name, height, width=None):
    """Of an image, a sequence or a clip with these sides; width: of the last, where it differs."""
    *sides, channels = variant(name).row.input_shape
    return (*[height] * (len(sides) - 1), width or height, channels)


def smallest(name):
    """The side that the network asks for when it gets a single pixel."""
    try:
        make(name, 1)
    except UserError as error:
        asked = re.search(
            r"expected (?:images|sides) of (?:at least )?(?:\d+, or of )?(\d+)", str(error)
        )
        return int(asked.group(1))
    return 1


@every_builder
def test_takes_7_classes_and_the_smallest_image_it_names(name):
    classes = variant(name).row.num_classes if name in MODULES else 7
    side = smallest(name)
    model = make(name, side, num_classes=classes)
    assert model.input.shape == (None, *shape(name, side))
    places = {name: model.input.shape[1:3] for name in ("unet_bn", "segnet_basic")}
    places["unet"] = tuple(n // 2 * 2 - 16 for n in model.input.shape[1:3])  # nothing is padded
    expected = (None, *places.get(name, ()), classes)
    assert {output.shape for output in model.outputs} == {expected}


@every_builder
def test_takes_images_that_are_wider_than_that(name):
    side = smallest(name)
    if name in GIVEN:
        with pytest.raises(UserError, match=f"{name}: expected .* got {side}x{side + 9}"):
            make(name, side, side + 9)
        return
    assert make(name, side, side + 9).input.shape[1:] == shape(name, side, side + 9)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.full if n in SLOW else ())
        for n in FEW_BLOCKS
        if smallest(n) > 1
    ],
)
def test_refuses_one_pixel_less_and_has_to(name, monkeypatch):
    side = smallest(name) - 1
    with pytest.raises(UserError, match=f"{name}: expected .*, got {side}x{side};"):
        make(name, side)
    if name in GIVEN:
        return
    # Without its own check Keras refuses, for somewhere in the network a map vanishes.
    monkeypatch.setattr(
        sys.modules[variant(name).builder.__module__], "require_at_least", lambda *_: None
    )
    with pytest.raises(ValueError, match=r"size|zero"):
        make(name, side)


def swept(name):
    """Every side from the smallest over a whole period of the strides, 32."""
    side = smallest(name)
    for larger in range(side, side + 33):
        assert make(name, larger).input.shape[1] == larger


@pytest.mark.parametrize("name", ODD)
def test_takes_every_size_from_there_on(name):
    swept(name)


@pytest.mark.full
@pytest.mark.parametrize("name", sorted(FEW_BLOCKS.keys() - {*ODD} - GIVEN))
def test_takes_every_size_from_there_on_whatever_the_network(name):
    swept(name)
