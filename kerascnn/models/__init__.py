"""The zoo: one paper, one file. Importing this package registers every network."""

from kerascnn.models import (
    alexnet,
    bn_inception,
    densenet,
    fractalnet,
    googlenet,
    inception_v3,
    lenet,
    mlp,
    mlperf_tiny,
    mobilenet_v1,
    mobilenet_v2,
    network_in_network,
    resnet,
    resnet_cifar,
    resnet_v2,
    resnext,
    shufflenet_v1,
    shufflenet_v2,
    squeezenet,
    stochastic_depth,
    vgg,
    wide_resnet,
    xception,
    zfnet,
)
from kerascnn.models.features import features
from kerascnn.models.graph import normalized
from kerascnn.models.registry import Row, Variant, build, models, register, row, variant
from kerascnn.models.weights import Preprocessing, preprocessing

__all__ = [
    "Row", "Variant", "build", "features", "models", "register", "row", "variant",
    "Preprocessing", "normalized", "preprocessing",
    "alexnet", "bn_inception", "densenet", "fractalnet", "googlenet", "inception_v3", "lenet",
    "mlp", "mlperf_tiny", "mobilenet_v1", "mobilenet_v2", "network_in_network", "resnet",
    "resnet_cifar", "resnet_v2", "resnext", "shufflenet_v1", "shufflenet_v2", "squeezenet",
    "stochastic_depth", "vgg", "wide_resnet", "xception", "zfnet",
]  # fmt: skip
