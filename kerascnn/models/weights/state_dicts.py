"""State dicts of torchvision and timm in .safetensors files, read without torch."""

import re
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import keras
import ml_dtypes  # noqa: F401  with it NumPy has bfloat16
import numpy as np
from safetensors import SafetensorError, safe_open

from kerascnn.errors import Notice, UserError
from kerascnn.models.weights import state_dict_names as names
from kerascnn.models.weights.fitting import TORCH, Source, fill, plan
from kerascnn.models.weights.preprocessing import IMAGENET, PLUS_MINUS_ONE, Preprocessing

FLOATS = ("F64", "F32", "F16", "BF16")
OLD_DENSENET = re.compile(r"(\.denselayer\d+\.(?:norm|conv))\.(?=[12]\.)")


@dataclass(frozen=True)
class StateDict:
    """Files of one network.

    namings: names of our layers -> {name of ours: name there}; one of them fits. ignored: the
    tensors that the network has no use for, besides the counters of batches. convolutional: the
    classifier is written as a 1x1 convolution under the first naming.
    """

    namings: tuple[Callable, ...]
    preprocessing: Preprocessing = IMAGENET
    ignored: str = "(?!)"
    convolutional: bool = False

    def load(
        self,
        network: keras.Model,
        file: PathLike[str] | str | None,
        arguments: Mapping[str, Any],
        *,
        new_head: bool = False,
    ) -> None:
        """Fills `network` with the tensors of `file`, which alone say how wide it is."""
        owners = [layer.name for layer in network.layers if layer.weights]
        known = {TORCH.name(x, "kernel") for names in self.namings for x in names(owners).values()}
        ignored = re.compile(rf"{self.ignored}|.*\.num_batches_tracked$")
        try:
            with safe_open(file, framework="np") as opened:
                keys = list(opened.keys())
                prefix = wrapping(keys, known)
                _say_of_wrapping(file, prefix, [k for k in keys if not k.startswith(prefix)])
                tensors = {
                    modern(key.removeprefix(prefix)): key for key in keys if key.startswith(prefix)
                }
                parts = {
                    name: opened.get_slice(key)
                    for name, key in tensors.items()
                    if not ignored.match(name)
                }
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
                fill(network, self.namings, source, new_head=new_head)
        except (SafetensorError, OSError) as error:
            raise UserError(
                f"{file}: cannot be read as a .safetensors file: {error}; fetch or save it anew"
            ) from None


def wrapping(keys: Iterable[str], known: Collection[str]) -> str:
    """What stands in front of the names of a network in a file of a training that wrapped it.

    "module." of torch's data parallelism, "model." of Lightning, "state_dict." of a checkpoint made
    flat, or several of them: whatever it is called, it is what most of `known` stand behind.

    Args:
        keys: names in the file. known: names of the network's kernels.

    Returns:
        The prefix, with the dot at its end; "" where there is none.
    """
    hits = Counter({"": 0})
    for key in keys:
        parts = key.split(".")
        for i in range(len(parts)):
            if modern(".".join(parts[i:])) in known:
                hits[".".join([*parts[:i], ""])] += 1
    return max(sorted(hits, key=len), key=lambda prefix: hits[prefix])


def _say_of_wrapping(file, prefix, beside):
    """A `Notice` where names stand behind a prefix; beside: names that do not."""
    if not prefix:
        return
    text = f"{file}: read below {prefix!r}, as a training wrapped it"
    if beside:
        shown = ", ".join(beside[:3]) + (", ..." if beside[3:] else "")
        text += f"; {len(beside)} tensors beside it are left out: {shown}"
    warnings.warn(text, Notice, stacklevel=2)


def state_dict(model: keras.Model, name: str | None = None) -> dict[str, np.ndarray]:
    """The weights of a network as torchvision names and lays them out; timm's where it has not it.

    Args:
        model: a network of this zoo, or one with its normalization in front.
        name: the network's; by default the model's own name, as `build` gives it.

    Returns:
        name of a tensor -> float32 array; the counters of batches, int64, are 0.

    Raises:
        UserError: neither of both has the network, or layers of the model are not the network's.
    """
    name = name or model.name
    if name not in STATE_DICTS:
        raise UserError(
            f"{name}: torchvision and timm have no network that computes this one; state dicts are "
            f"written of {', '.join(STATE_DICTS)}"
        )
    owners = [layer for layer in model.layers if layer.weights]
    known = STATE_DICTS[name]
    names = known.namings[0]([layer.name for layer in owners])
    if strange := [layer.name for layer in owners if layer.name not in names]:
        raise UserError(f"{model.name}: has layers that {name} has not, as {strange[0]!r}")
    copies = plan(model, names, Source(name, TORCH, {}, {}.__getitem__))
    tensors = {copy.tensor: copy.written(as_convolution=known.convolutional) for copy in copies}
    for tensor in [tensor for tensor in tensors if tensor.endswith(".running_var")]:
        counter = tensor.removesuffix("running_var") + "num_batches_tracked"
        tensors[counter] = np.zeros((), "int64")
    return tensors


def modern(name: str) -> str:
    """torchvision's first DenseNets write "norm.1" for "norm1": the name of today."""
    return OLD_DENSENET.sub(r"\1", name)


RESNET = StateDict((names.RESNET,))
DENSENET = StateDict((names.DENSENET,))
RESNET_D = StateDict((names.RESNET_D,))
RESNET_V2 = StateDict((names.RESNET_V2,), PLUS_MINUS_ONE, convolutional=True)
MOBILENET_V2 = StateDict((names.MOBILENET_V2, names.MOBILENET_V2_TIMM))
SHUFFLENET_V2 = StateDict((names.SHUFFLENET_V2,))
VGG = StateDict((names.VGG, names.VGG_TIMM))
VGG_BN = StateDict((names.VGG_BN, names.VGG_BN_TIMM))
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
    "vgg11_bn": VGG_BN, "vgg13_bn": VGG_BN, "vgg16_bn": VGG_BN, "vgg19_bn": VGG_BN,
    "squeezenet1_0": SQUEEZENET, "squeezenet1_1": SQUEEZENET,
    "googlenet_bn": GOOGLENET, "googlenet_bn_aux": GOOGLENET_AUX,
    "inception_v3": INCEPTION_V3, "inception_v3_aux": INCEPTION_V3_AUX,
    "inception_v4": StateDict((names.INCEPTION_V4,), PLUS_MINUS_ONE),
    "inception_resnet_v2": StateDict((names.INCEPTION_RESNET_V2,), PLUS_MINUS_ONE),
    "resnet18": RESNET, "resnet34": RESNET, "resnet26": RESNET,
    "resnet50": RESNET, "resnet101": RESNET, "resnet152": RESNET,
    "resnext50_32x4d": RESNET, "resnext101_32x8d": RESNET, "resnext101_64x4d": RESNET,
    "wide_resnet50_2": RESNET,
    "resnet10t": RESNET_D, "resnet14t": RESNET_D, "resnet26t": RESNET_D,
    "resnet18d": RESNET_D, "resnet34d": RESNET_D, "resnet26d": RESNET_D,
    "resnet50d": RESNET_D, "resnet101d": RESNET_D, "resnet152d": RESNET_D,
    "resnet50_v2_torch": RESNET_V2, "resnet101_v2_torch": RESNET_V2,
    "resnet152_v2_torch": RESNET_V2,
    "densenet121": DENSENET, "densenet169": DENSENET, "densenet201": DENSENET,
    "xception_torch": StateDict((names.XCEPTION,), PLUS_MINUS_ONE),
    "mobilenet_v1_torch": StateDict((names.MOBILENET_V1,), PLUS_MINUS_ONE),
    "mobilenet_v2_torch": MOBILENET_V2,
    "mobilenet_v2_050_torch": MOBILENET_V2, "mobilenet_v2_140_torch": MOBILENET_V2,
    "mobilenet_v2_110d": MOBILENET_V2, "mobilenet_v2_120d": MOBILENET_V2,
    "shufflenet_v2_x0_5_torch": SHUFFLENET_V2, "shufflenet_v2_x1_0_torch": SHUFFLENET_V2,
    "shufflenet_v2_x1_5_torch": SHUFFLENET_V2, "shufflenet_v2_x2_0_torch": SHUFFLENET_V2,
}
# fmt: on
