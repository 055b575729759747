"""A small network of each builder: small images, few blocks, few classes."""

import keras

from kerascnn.models import variant

# fmt: off
SMALL = {  # name -> side of the image, what its row has otherwise
    "mlp_512_512": (8, {}),
    "lenet5": (16, {}),
    "lenet5_1998": (32, {}),
    "lenet_caffe": (16, {}),
    "alexnet": (67, {}),
    "alexnet_one_tower": (63, {}),
    "alexnet_cifar": (32, {}),
    "convnet": (8, {}),
    "zfnet": (63, {}),
    "nin_cifar10": (8, {}),
    "nin_imagenet": (55, {}),
    "vgg11_lrn": (32, {}),
    "all_cnn_c": (9, {}),
    "googlenet_bn_aux": (79, {}),
    "inception_module": (5, {}),
    "bn_inception_separable": (32, {}),
    "inception_v3": (75, {}),
    "inception_v4": (75, {}),
    "inception_resnet_v1": (75, {"depth": (1, 1, 2)}),
    "inception_resnet_v2": (75, {"depth": (1, 1, 2)}),
    "squeezenet1_0_bypass": (61, {}),
    "resnet18": (32, {"depth": (1, 1, 1, 1)}),
    "resnet26d": (32, {"depth": (1, 1, 1, 1)}),
    "resnet50_deformable_v2": (32, {"depth": (1, 1, 1, 1)}),
    "resnet20": (8, {"depth": 1}),
    "resnet164_v2": (8, {"depth": 1}),
    "resnet50_v2": (32, {"depth": (1, 1, 1, 1)}),
    "resnet50_v2_keras": (32, {"depth": (2, 2, 2, 2)}),
    "resnet110_stochastic_depth": (8, {"depth": 1}),
    "wide_resnet28_10_dropout": (8, {"depth": 1, "widen": 1}),
    "wide_resnet50_2": (32, {"depth": (1, 1, 1, 1)}),
    "resnext50_32x4d": (32, {"depth": (1, 1, 1, 1)}),
    "resnext29_8x64d": (8, {"cardinality": 2, "width": 32}),
    "densenet121": (64, {"depth": (2, 1, 1, 1)}),
    "densenet_bc100_12": (16, {"depth": 2}),
    "fractalnet40_narrow": (32, {"columns": 2}),
    "mobilenet_v1": (32, {"alpha": 0.25}),
    "mobilenet_v2": (32, {"alpha": 0.35}),
    "shufflenet_v1_g3_x0_5": (32, {}),
    "shufflenet_v2_x0_5": (32, {}),
    "xception": (71, {}),
    "anynet_y": (8, {"widths": (8, 16), "depths": (1, 2)}),
    "resnet8": (8, {}),
    "ds_cnn": (10, {}),
    "time_series_fcn": (16, {}),
    "unet": (20, {"widths": (4, 6)}),
    "unet_bn": (8, {"widths": (4, 6, 8)}),
    "segnet_basic": (17, {"filters": 4}),
    "c3d": (16, {"filters": ((4,), (6,), (8,)), "units": (8,)}),
}
# fmt: on


def make(name):
    """The small form of a network of `SMALL`, with the same random weights in every run."""
    side, arguments = SMALL[name]
    found = variant(name)
    arguments = {**found.row.arguments, **arguments}
    *sides, channels = found.row.input_shape
    shape = (*[side] * len(sides), channels)
    # A module has no classifier whose classes could be chosen.
    classes = {} if name == "inception_module" else {"num_classes": 3}
    keras.utils.set_random_seed(0)
    return found.builder(**arguments, **classes, input_shape=shape, name=name)
