"""Which weights fit which network."""

import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import keras

from kerascnn.errors import UserError
from kerascnn.models.weights.applications import APPLICATIONS, Application
from kerascnn.models.weights.preprocessing import Preprocessing
from kerascnn.models.weights.state_dicts import STATE_DICTS, StateDict

PUBLISHED = "imagenet"
KERAS, TORCH = "keras.applications", "torchvision or timm"
FILES = {  # what a suffix says of a file: whose it is, and what it may be loaded into
    ".safetensors": (TORCH, STATE_DICTS),
    ".h5": (KERAS, APPLICATIONS),
    ".hdf5": (KERAS, APPLICATIONS),
}
# What tells apart the networks that are one network to most people.
FORM = re.compile(r"(_(torch|keras|aux|bn|bypass|lrn|c|ungrouped)|(?<=\d)_v1)+$")


def check(name: str, weights: str | PathLike[str]) -> None:
    """UserError where the network `name` cannot have `weights`: "imagenet", or a file."""
    find(name, weights)
    if weights != PUBLISHED and not Path(weights).is_file():
        raise UserError(f"weights: no such file: {weights}")


def load(
    network: keras.Model,
    name: str,
    weights: str | PathLike[str],
    arguments: Mapping[str, Any],
    *,
    new_head: bool = False,
) -> None:
    """Fills `network`, which is `name` built with `arguments`; UserError where `weights` misfit.

    new_head: all but the classifiers, which keep their random weights.
    """
    file = None if weights == PUBLISHED else weights
    find(name, weights).load(network, file, arguments, new_head=new_head)


def preprocessing(name: str, weights: str | PathLike[str] = PUBLISHED) -> Preprocessing:
    """What `weights` expect of the pixels: the `Preprocessing` that the network was trained with.

        network = kerascnn.build("densenet121", weights="imagenet")
        model = normalized(network, preprocessing("densenet121", "imagenet"))  # takes 0..255, RGB

    A .safetensors file does not say how it was trained: this is how torchvision trains, and timm
    but for a few of its weights, whose `pretrained_cfg` says so.

    Args:
        name: a registered network.
        weights: as in `build`; of a file only the suffix counts.

    Raises:
        UserError: no such weights are known for the network.
    """
    return find(name, weights).preprocessing


def find(name: str, weights: str | PathLike[str]) -> Application | StateDict:
    """The `Application` or `StateDict` that loads `weights` into the network `name`."""
    suffix = Path(weights).suffix if isinstance(weights, (str, os.PathLike)) else None
    if weights == PUBLISHED:
        zoo, table = KERAS, APPLICATIONS
    elif suffix in FILES:
        zoo, table = FILES[suffix]
    elif suffix in (".pt", ".pth", ".bin", ".pkl"):
        raise UserError(
            f"{weights}: a pickle can run any code and is not read; in torch, "
            f"safetensors.torch.save_file(state_dict, 'FILE.safetensors') writes what is"
        )
    else:
        raise UserError(
            f"unknown weights {str(weights)!r}; expected {PUBLISHED!r}, a state dict "
            f"'FILE.safetensors', or weights of keras.applications 'FILE.h5'"
        )
    if name not in table:
        raise UserError(f"{name}: no weights of {zoo} fit it; {_way_out(name, zoo, table)}")
    return table[name]


def _way_out(name, zoo, table):
    """What has such weights, the nearest relatives alone where there are some."""
    family = FORM.sub("", name)
    near = [known for known in table if known == family or known.startswith(f"{family}_")]
    way_out = f"they fit {', '.join(near or table)}"
    if zoo == KERAS and name in STATE_DICTS:
        way_out += f"; a state dict of {TORCH} fits: weights='FILE.safetensors'"
    if zoo == TORCH and name in APPLICATIONS:
        way_out += f"; those of {KERAS} fit: weights={PUBLISHED!r}"
    return way_out
