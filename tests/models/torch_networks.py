"""The networks of torchvision and timm that state dicts come from, and what they compute.

    python tests/models/torch_networks.py

where torch, torchvision and timm are installed writes tests/data/torch_state_dicts.json: names and
shapes of the smallest network of each kind, and its logits for drawn weights and pixels.
"""

import json
from functools import partial
from pathlib import Path

import numpy as np
from drawn_weights import draw, pixels

RECORD = Path(__file__).parents[1] / "data" / "torch_state_dicts.json"
CLASSES = 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of most weights recorded here
MINUS_1_TO_1 = (
    "inception",
    "xception",
    "mobilenet_v1",
    "resnet50_v2",
    "resnet101_v2",
    "resnet152_v2",
)
TRANSFORM = {"transform_input": True, "init_weights": False}  # as with published weights

# Ours and, behind a space, whose file; their function and its arguments.
TORCHVISION = {
    "alexnet_one_tower": ("alexnet", {}),
    "vgg11": ("vgg11", {"init_weights": False}),
    "vgg13": ("vgg13", {"init_weights": False}),
    "vgg16": ("vgg16", {"init_weights": False}),
    "vgg19": ("vgg19", {"init_weights": False}),
    "vgg11_bn": ("vgg11_bn", {"init_weights": False}),
    "vgg13_bn": ("vgg13_bn", {"init_weights": False}),
    "vgg16_bn": ("vgg16_bn", {"init_weights": False}),
    "vgg19_bn": ("vgg19_bn", {"init_weights": False}),
    "squeezenet1_0": ("squeezenet1_0", {}),
    "squeezenet1_1": ("squeezenet1_1", {}),
    "googlenet_bn": ("googlenet", TRANSFORM),
    "googlenet_bn_aux": ("googlenet", TRANSFORM),
    "inception_v3": ("inception_v3", TRANSFORM),
    "inception_v3_aux": ("inception_v3", TRANSFORM),
    "resnet18": ("resnet18", {}),
    "resnet34": ("resnet34", {}),
    "resnet50": ("resnet50", {}),
    "resnet101": ("resnet101", {}),
    "resnet152": ("resnet152", {}),
    "resnext50_32x4d": ("resnext50_32x4d", {}),
    "resnext101_32x8d": ("resnext101_32x8d", {}),
    "resnext101_64x4d": ("resnext101_64x4d", {}),
    "wide_resnet50_2": ("wide_resnet50_2", {}),
    "densenet121": ("densenet121", {}),
    "densenet169": ("densenet169", {}),
    "densenet201": ("densenet201", {}),
    "mobilenet_v2_torch": ("mobilenet_v2", {}),
    "shufflenet_v2_x0_5_torch": ("shufflenet_v2_x0_5", {}),
    "shufflenet_v2_x1_0_torch": ("shufflenet_v2_x1_0", {}),
    "shufflenet_v2_x1_5_torch": ("shufflenet_v2_x1_5", {}),
    "shufflenet_v2_x2_0_torch": ("shufflenet_v2_x2_0", {}),
}
TIMM = {
    "vgg11 timm": ("vgg11", {}),
    "resnet18 timm": ("resnet18", {}),
    "resnet50 timm": ("resnet50", {}),
    "wide_resnet50_2 timm": ("wide_resnet50_2", {}),
    "resnext50_32x4d timm": ("resnext50_32x4d", {}),
    "densenet121 timm": ("densenet121", {}),
    "inception_v3 timm": ("inception_v3", {"aux_logits": True}),
    "mobilenet_v2_torch timm": ("mobilenetv2_100", {}),
    "vgg11_bn timm": ("vgg11_bn", {}),
    "inception_v4 timm": ("inception_v4", {}),
    "inception_resnet_v2 timm": ("inception_resnet_v2", {}),
    "resnet26 timm": ("resnet26", {}),
    **{
        f"{name} timm": (name, {})
        for name in (
            *("resnet10t", "resnet14t", "resnet26t", "resnet18d", "resnet34d"),
            *("resnet26d", "resnet50d", "resnet101d", "resnet152d"),
        )
    },
    "resnet50_v2_torch timm": ("resnetv2_50", {}),
    "resnet101_v2_torch timm": ("resnetv2_101", {}),
    "resnet152_v2_torch timm": ("resnetv2_152", {}),
    "xception_torch timm": ("legacy_xception", {}),
    "mobilenet_v1_torch timm": ("mobilenetv1_100", {}),
    "mobilenet_v2_050_torch timm": ("mobilenetv2_050", {}),
    "mobilenet_v2_140_torch timm": ("mobilenetv2_140", {}),
    "mobilenet_v2_110d timm": ("mobilenetv2_110d", {}),
    "mobilenet_v2_120d timm": ("mobilenetv2_120d", {}),
}
RECORDED = (
    "alexnet_one_tower",
    "vgg11",
    "vgg11 timm",
    "squeezenet1_0",
    "squeezenet1_1",
    "googlenet_bn",
    "googlenet_bn_aux",
    "inception_v3",
    "inception_v3_aux",
    "resnet18",
    "resnext50_32x4d",
    "densenet121",
    "mobilenet_v2_torch",
    "mobilenet_v2_torch timm",
    "shufflenet_v2_x1_0_torch",
    "vgg11_bn",
    "vgg11_bn timm",
    "inception_v4 timm",
    "inception_resnet_v2 timm",
    "resnet26 timm",
    "resnet14t timm",
    "resnet18d timm",
    "resnet50_v2_torch timm",
    "xception_torch timm",
    "mobilenet_v1_torch timm",
    "mobilenet_v2_050_torch timm",
    "mobilenet_v2_110d timm",
    "shufflenet_v2_x0_5_torch",
)


def network(name):
    """A network of torchvision or timm with drawn weights, and these, by name."""
    import torch

    if name in TIMM:
        import timm

        function, options = TIMM[name]
        build = partial(timm.create_model, function, pretrained=False)
    else:
        import torchvision

        function, options = TORCHVISION[name]
        build = partial(getattr(torchvision.models, function), weights=None)
    model = build(num_classes=CLASSES, **options).eval()
    tensors = draw({key: value.shape for key, value in model.state_dict().items()})
    model.load_state_dict({key: torch.from_numpy(value) for key, value in tensors.items()})
    return model, tensors


def logits(name, model):
    """What the network says of `pixels`; of the auxiliary classifiers too, for _aux."""
    import torch

    size = 299 if name.startswith(("inception", "xception")) else 224
    image = (pixels(size).astype("float64") / 255 - MEAN) / STD
    if name in TIMM and name.startswith(MINUS_1_TO_1):  # as timm's weights take them
        image = pixels(size) / 127.5 - 1
    model.training = name.endswith("_aux")  # of the network alone: no layer trains
    with torch.no_grad():
        found = model(torch.from_numpy(np.ascontiguousarray(image.transpose(0, 3, 1, 2))).float())
    if not isinstance(found, tuple):
        return [found.numpy()[0]]
    if not name.endswith("_aux"):
        return [found[0].numpy()[0]]
    first, *auxiliary = found  # the last of them first
    return [row.numpy()[0] for row in (first, *reversed(auxiliary))]


def record(name):
    """One entry of the record."""
    model, tensors = network(name)
    return {
        "tensors": {key: list(value.shape) for key, value in tensors.items()},
        "logits": [row.astype(float).tolist() for row in logits(name, model)],
    }


if __name__ == "__main__":
    entries = {name: record(name) for name in RECORDED}
    lines = (f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
    RECORD.write_text("{\n" + ",\n".join(lines) + "\n}\n")
