"""State dicts of torchvision and timm in .safetensors files, read without torch."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import keras
import ml_dtypes  # noqa: F401  with it NumPy has bfloat16
from safetensors import SafetensorError, safe_open

from kerascnn.errors import UserError
from kerascnn.models.weights import state_dict_names as names
from kerascnn.models.weights.fitting import TORCH, Source, fill
from kerascnn.models.weights.preprocessing import IMAGENET, PLUS_MINUS_ONE, Preprocessing

FLOATS = ("F64", "F32", "F16", "BF16")
OLD_DENSENET = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")


@dataclass(frozen=True)
class StateDict:
    """Files of one network.

    namings: names of our layers -> {name of ours: name there}; one of them fits. ignored: the
    tensors that the network has no use for, besides the counters of batches.
    """

    namings: tuple[Callable, ...]
    preprocessing: Preprocessing = IMAGENET
    ignored: str = "(?!)"

    def load(
        self, network: keras.Model, file: PathLike[str] | str | None, arguments: Mapping[str, Any]
    ) -> None:
        """Fills `network` with the tensors of `file`, which alone say how wide it is."""
        ignored = re.compile(rf"{self.ignored}|.*\.num_batches_tracked$")
        try:
            with safe_open(file, framework="np") as opened:
                tensors = {
                    modern(key): key
                    for key in opened.keys()  # noqa: SIM118  not a dict
                    if not ignored.match(key)
                }
                parts = {name: opened.get_slice(key) for name, key in tensors.items()}
                for name, part in parts.items():
                    if part.get_dtype() not in FLOATS:
                        raise UserError(
                            f"{file}: expected {name} in {', '.join(FLOATS)}, got "
                            f"{part.get_dtype()}; save the state dict of the float network"
                        )
                source = Source(
                    str(file),
                    TORCH,
                    {name: tuple(part.get_shape()) for name, part in parts.items()},
                    lambda name: opened.get_tensor(tensors[name]),
                )
                fill(network, self.namings, source)
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{file}: cannot be read as a .safetensors file: {error}; fetch or save it anew"
            ) from None


def modern(name: str) -> str:
    """torchvision's first DenseNets write "norm.1" for "norm1": the name of today."""
    return OLD_DENSENET.sub(r"\1", name)


RESNET = StateDict((names.RESNET,))
DENSENET = StateDict((names.DENSENET,))
VGG = StateDict((names.VGG, names.VGG_TIMM))
SQUEEZENET = StateDict((names.SQUEEZENET,))
# These two scale normalized images to -1..1 before anything else, where they have these weights.
GOOGLENET = StateDict((names.GOOGLENET,), PLUS_MINUS_ONE, r"aux[12]\.")
GOOGLENET_AUX = StateDict((names.GOOGLENET,), PLUS_MINUS_ONE)
INCEPTION_V3 = StateDict((names.INCEPTION_V3,), PLUS_MINUS_ONE, r"AuxLogits\.")
INCEPTION_V3_AUX = StateDict((names.INCEPTION_V3,), PLUS_MINUS_ONE)

# fmt: off
STATE_DICTS = {
    "alexnet_one_tower": StateDict((names.ALEXNET,)),
    "vgg11": VGG, "vgg13": VGG, "vgg16": VGG, "vgg19": VGG,
    "squeezenet1_0": SQUEEZENET, "squeezenet1_1": SQUEEZENET,
    "googlenet_bn": GOOGLENET, "googlenet_bn_aux": GOOGLENET_AUX,
    "inception_v3": INCEPTION_V3, "inception_v3_aux": INCEPTION_V3_AUX,
    "resnet18": RESNET, "resnet34": RESNET,
    "resnet50": RESNET, "resnet101": RESNET, "resnet152": RESNET,
    "resnext50_32x4d": RESNET, "resnext101_32x8d": RESNET, "resnext101_64x4d": RESNET,
    "wide_resnet50_2": RESNET,
    "densenet121": DENSENET, "densenet169": DENSENET, "densenet201": DENSENET,
    "mobilenet_v2_torch": StateDict((names.MOBILENET_V2, names.MOBILENET_V2_TIMM)),
    "shufflenet_v2_x1_0_torch": StateDict((names.SHUFFLENET_V2,)),
}
# fmt: on
