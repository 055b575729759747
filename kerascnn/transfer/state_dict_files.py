"""Networks and runs as .safetensors files that torchvision and timm load."""

from pathlib import Path

import keras

from kerascnn.errors import UserError
from kerascnn.files import replacing
from kerascnn.models import state_dict
from kerascnn.training.run import Run, open_run


def save_state_dict(source: keras.Model | Run | str | Path, path: str | Path) -> Path:
    """Writes the weights of a network as torchvision (or timm) names and lays them out.

        kerascnn.save_state_dict("runs/resnet18", "resnet18.safetensors")

        model = torchvision.models.resnet18(num_classes=10)  # in torch
        model.load_state_dict(safetensors.torch.load_file("resnet18.safetensors"))

    What the pixels must go through first is no part of a state dict: it stands in the file's
    metadata, as "mean" and "std" in grey levels, where the model begins with it.

    Args:
        source: a network that `kerascnn.build` made, also with its normalization; or a run.
        path: the .safetensors file.

    Returns:
        The path.

    Raises:
        UserError: torchvision and timm do not have the network; see `kerascnn.models.state_dict`.
    """
    from safetensors.numpy import save_file

    path = Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"path: expected FILE.safetensors, got {path.name!r}")
    metadata = {"format": "pt"}
    if not isinstance(source, str | Path | Run):
        model, name = source, None
    else:
        run = open_run(source)
        model, name = run.model(), run.config.model.name
        normalize = run.config.data.normalize
        metadata |= {"mean": str(normalize.mean), "std": str(normalize.std)}
        metadata["labels"] = "\n".join(run.labels)
    tensors = state_dict(model, name)
    with replacing(path) as temporary:
        save_file(tensors, temporary, {**metadata, "network": name or model.name})
    return path
