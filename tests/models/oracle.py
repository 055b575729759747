"""Which network of the zoo is which entry of tests/data/reference_zoo.json."""

import json
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "reference_zoo.json"
ENTRIES = json.loads(DATA.read_text())
NETWORKS = {(e["name"], e["variant"]): e for e in ENTRIES if e["kind"] == "model"}
CLAIMS = {e["name"]: e["value"] for e in ENTRIES if e["kind"] == "claim"}

# fmt: off
SYSTEMS = {  # name of a system -> name here -> its variant
    "MLP": {
        "lenet_300": "MNIST 784-300-10 (LeCun 1998 2-layer)",
        "lenet_300_100": "MNIST 784-300-100-10 = LeNet-300-100",
        "linear_cifar10": "CIFAR-10 linear classifier",
        "mlp_100_cifar10": "CIFAR-10 3072-100-10 (cs231n two-layer)",
        "mlp_128": "MNIST 784-128-10 (TF quickstart)",
        "mlp_512_512": "MNIST 784-512-512-10 (Keras mnist_mlp, dropout 0.2 after each hidden)",
        "mlp_512_512_cifar10": "CIFAR-10 3072-512-512-10",
    },
    "LeNet-5": {
        "lenet5": "modern (dense C3, parameter-free 2x2 pooling, Dense 10)",
        "lenet5_1998": "1998 original",
        "lenet5_28": "modern, 28x28 valid (no padding)",
    },
    "LeNet": {
        "lenet_caffe": "Caffe lenet (20-50-500)",
    },
    "AlexNet": {
        "alexnet": "2012 two-tower / grouped",
        "alexnet_ungrouped": "2012 widths, one tower, no groups",
        "alexnet_one_tower": "one-tower torchvision (64-192-384-256-256)",
    },
    "ZFNet": {
        "zfnet": "Fig. 3",
        "zfnet_wide": "wide layers 3-5 (512,1024,512)",
    },
    "NIN": {
        "nin_cifar10": "CIFAR-10",
        "nin_cifar100": "CIFAR-100",
        "nin_imagenet": "ImageNet (Caffe zoo)",
    },
    "VGG": {
        "vgg11": "A",
        "vgg11_lrn": "A-LRN",
        "vgg13": "B",
        "vgg16": "D (VGG-16)",
        "vgg16_c": "C (1x1 third convs)",
        "vgg19": "E (VGG-19)",
        "vgg11_bn": "A with BN",
        "vgg13_bn": "B with BN",
        "vgg16_bn": "D with BN",
        "vgg19_bn": "E with BN",
    },
    "GoogLeNet": {
        "googlenet": "Inception-v1, inference (no aux)",
        "googlenet_aux": "Inception-v1 with both aux heads (training graph)",
        "googlenet_bn": "torchvision BN variant, no aux",
    },
    "BN-Inception": {
        "bn_inception": "Inception-v2 (BN paper Fig. 5; Caffe port, conv bias + BN)",
        "bn_inception_separable": "TF-slim inception_v2 (separable 7x7 stem)",
    },
    "Inception-v3": {
        "inception_v3": "torchvision, no aux",
        "inception_v3_keras": "keras.applications (no aux, BN scale=False)",
    },
    "Inception-v4": {
        "inception_v4": "299",
    },
    "Inception-ResNet": {
        "inception_resnet_v1": "v1, 5-10-5+1 blocks",
        "inception_resnet_v2": "v2 (timm, BN with gamma)",
        "inception_resnet_v2_keras": "v2 keras.applications (BN scale=False)",
    },
    "All-CNN": {
        "all_cnn_c": "C, CIFAR-10",
    },
    "FCN (time series)": {
        "time_series_fcn": "Cylinder-Bell-Funnel",
    },
    "C3D": {
        "c3d": "Sports-1M",
        "c3d_small": "small, 8x24x24",
    },
    "U-Net": {
        "unet": "2015 paper (valid, 1 ch in, 2 classes)",
        "unet_bn": "milesial (same pad, BN, transposed conv, 3 ch, 2 classes)",
    },
    "SegNet": {
        "segnet_basic": "Basic (4+4 layers, 7x7, 64 ch)",
    },
    "Deformable ResNet": {
        "resnet50_deformable": "50, conv5",
        "resnet101_deformable": "101, conv5",
        "resnet50_deformable_v2": "50, v2, conv3-conv5",
    },
    "AnyNet": {
        "anynet_basic": "basic",
        "anynet_separable": "separable",
        "anynet_inverted": "inverted",
        "anynet_inverted_se": "inverted, squeeze 8",
        "anynet_x": "x",
        "anynet_y": "y (x, squeeze 4)",
    },
    "AlexNet-CIFAR": {
        "alexnet_cifar": "one tower",
    },
    "ConvNet": {
        "convnet": "2, 2, 2 of 16, 32, 64",
    },
    "ResNet-D (timm)": {
        name: name
        for name in (
            *("resnet10t", "resnet14t", "resnet26t", "resnet18d", "resnet34d"),
            *("resnet26d", "resnet50d", "resnet101d", "resnet152d"),
        )
    },
    "ResNet": {
        "resnet26": "26 (timm)",
        "resnet101": "101 v1.5 (stride in 3x3)",
        "resnet101_v1": "101 original Caffe (stride in 1x1)",
        "resnet101_v1_keras": "101 v1 keras.applications (stride in 1x1, conv bias)",
        "resnet152": "152 v1.5 (stride in 3x3)",
        "resnet152_v1": "152 original Caffe (stride in 1x1)",
        "resnet152_v1_keras": "152 v1 keras.applications (stride in 1x1, conv bias)",
        "resnet18": "18",
        "resnet34": "34",
        "resnet50": "50 v1.5 (stride in 3x3)",
        "resnet50_v1": "50 original Caffe (stride in 1x1)",
        "resnet50_v1_keras": "50 v1 keras.applications (stride in 1x1, conv bias)",
    },
    "ResNet-CIFAR": {
        "resnet110": "110",
        "resnet1202": "1202",
        "resnet20": "20",
        "resnet32": "32",
        "resnet44": "44",
        "resnet56": "56",
    },
    "Plain-CIFAR": {
        "plain20": "20",
        "plain56": "56",
    },
    "ResNet-v2 (pre-activation)": {
        "resnet101_v2": "101 (fb preresnet.lua / timm resnetv2)",
        "resnet101_v2_keras": "101V2 keras.applications",
        "resnet152_v2": "152 (fb preresnet.lua / timm resnetv2)",
        "resnet152_v2_keras": "152V2 keras.applications",
        "resnet50_v2": "50 (fb preresnet.lua / timm resnetv2)",
        "resnet50_v2_keras": "50V2 keras.applications",
    },
    "PreResNet-CIFAR": {
        "resnet1001_v2": "1001 (bottleneck, 9n+2)",
        "resnet110_v2": "110 (basic, option A)",
        "resnet164_v2": "164 (bottleneck, 9n+2)",
    },
    "Stochastic depth ResNet": {
        "resnet110_stochastic_depth": "110 (N=18)",
    },
    "Wide ResNet": {
        "wide_resnet16_8": "WRN-16-8",
        "wide_resnet28_10": "WRN-28-10",
        "wide_resnet40_4": "WRN-40-4",
        "wide_resnet50_2": "WRN-50-2-bottleneck",
    },
    "ResNeXt-CIFAR": {
        "resnext29_16x64d": "29, 16x64d",
        "resnext29_8x64d": "29, 8x64d",
    },
    "ResNeXt": {
        "resnext101_32x8d": "101 32x8d",
        "resnext101_64x4d": "101 64x4d (paper)",
        "resnext50_32x4d": "50 32x4d",
    },
    "FractalNet": {
        "fractalnet20": "C=3, B=5, widths 64/128/256/512/512 (depth 20)",
        "fractalnet40": "C=4, B=5, widths 64/128/256/512/512 (depth 40)",
        "fractalnet40_narrow": "C=4, B=5, widths 16/32/64/128/128 (depth 40)",
    },
    "DenseNet": {
        "densenet121": "121",
        "densenet169": "169",
        "densenet201": "201",
    },
    "DenseNet-CIFAR": {
        "densenet100_12": "L=100 k=12 (no BC)",
        "densenet40_12": "L=40 k=12 (no BC)",
        "densenet_bc100_12": "BC L=100 k=12",
        "densenet_bc190_40": "BC L=190 k=40",
        "densenet_bc250_24": "BC L=250 k=24",
    },
    "SqueezeNet": {
        "squeezenet1_0": "1.0 @224",
        "squeezenet1_1": "1.1 @224",
    },
    "MobileNet v1": {
        "mobilenet_v1": "alpha=1.0 @224",
        "mobilenet_v1_025": "alpha=0.25 @224",
        "mobilenet_v1_050": "alpha=0.5 @224",
        "mobilenet_v1_075": "alpha=0.75 @224",
        "mobilenet_v1_100_128": "alpha=1.0 @128",
        "mobilenet_v1_100_160": "alpha=1.0 @160",
        "mobilenet_v1_100_192": "alpha=1.0 @192",
    },
    "MobileNet v2": {
        "mobilenet_v2": "1.0 @224",
        "mobilenet_v2_035": "alpha=0.35 @224 (Keras)",
        "mobilenet_v2_050": "alpha=0.5 @224 (Keras)",
        "mobilenet_v2_075": "alpha=0.75 @224 (Keras)",
        "mobilenet_v2_130": "alpha=1.3 @224 (Keras)",
        "mobilenet_v2_140": "alpha=1.4 @224 (Keras)",
        "mobilenet_v2_110d": "110d (timm)",
        "mobilenet_v2_120d": "120d (timm)",
    },
    "ShuffleNet v1": {
        "shufflenet_v1_g3_x0_5": "g=3 0.5x",
        "shufflenet_v1_g3_x1_0": "g=3 1.0x",
        "shufflenet_v1_g3_x1_5": "g=3 1.5x",
        "shufflenet_v1_g3_x2_0": "g=3 2.0x",
        "shufflenet_v1_g8_x1_0": "g=8 1.0x",
    },
    "ShuffleNet v2": {
        "shufflenet_v2_x0_5": "0.5x (authors)",
        "shufflenet_v2_x1_0": "1.0x (authors)",
        "shufflenet_v2_x1_0_torch": "1.0x torchvision",
        "shufflenet_v2_x0_5_torch": "0.5x torchvision",
        "shufflenet_v2_x1_5_torch": "1.5x torchvision",
        "shufflenet_v2_x2_0_torch": "2.0x torchvision",
        "shufflenet_v2_x1_5": "1.5x (authors)",
        "shufflenet_v2_x2_0": "2.0x (authors)",
    },
    "Xception": {
        "xception": "71-layer Keras",
    },
    "MLPerf-Tiny IC ResNet-8": {
        "resnet8": "v1, 16 filters (pretrainedResnet.h5)",
        "resnet8_26": '26 filters (current default, "large")',
    },
    "MLPerf-Tiny VWW MobileNetV1-0.25": {
        "mobilenet_v1_025_vww": "96x96",
    },
    "MLPerf-Tiny KWS DS-CNN": {
        "ds_cnn": "49x10 MFCC",
    },
}
# Those that cost what another costs: they differ in what has no weights.
ALIKE = {
    "mobilenet_v1_torch": "mobilenet_v1",             # where it pads
    "mobilenet_v2_torch": "mobilenet_v2",             # where it pads
    "mobilenet_v2_050_torch": "mobilenet_v2_050",     # where it pads
    "mobilenet_v2_140_torch": "mobilenet_v2_140",     # where it pads
    "xception_torch": "xception",                     # where it pools
    "resnet50_v2_torch": "resnet50_v2",               # which side of a pooling normalizes
    "resnet101_v2_torch": "resnet101_v2",             # which side of a pooling normalizes
    "resnet152_v2_torch": "resnet152_v2",             # which side of a pooling normalizes
    "plain32": "resnet32",                            # no shortcuts
    "plain44": "resnet44",                            # no shortcuts
    "squeezenet1_0_bypass": "squeezenet1_0",          # additions
    "wide_resnet28_10_dropout": "wide_resnet28_10",   # dropout
}
# Training graphs whose counts stand in the details of another entry.
WITH_AUX = {"googlenet_bn_aux": "googlenet_bn", "inception_v3_aux": "inception_v3"}
# Modules: only their multiplications are on record, as a claim and its value.
MODULES = {
    "inception_module": ("inception_bottleneck", "ops_correct"),
    "inception_module_naive": ("inception_naive", "ops"),
}
# Not built here: of others' code, larger forms, or no network that labels anything.
ELSEWHERE = {
    ("U-Net", "zhixuhao Keras (256x256x1, sigmoid)"),
    ("SegNet", "VGG-16 encoder, CamVid 11 classes"),
} | {key for key in NETWORKS if key[0] == "Deep image prior hourglass"}
# fmt: on

KEYS = {
    name: (system, variant) for system, rows in SYSTEMS.items() for name, variant in rows.items()
}


def entry(name):
    """The entry of a network, or of the one it costs as much as; None for modules."""
    key = KEYS.get(ALIKE.get(name) or WITH_AUX.get(name) or name)
    return NETWORKS[key] if key else None


def counts(name):
    """(trainable parameters or None, multiply-accumulates) as the reference has them."""
    if name in MODULES:
        claim, value = MODULES[name]
        return None, CLAIMS[claim][value]
    if name in WITH_AUX:
        details = entry(name)["details"]
        return details["with_aux_trainable"], details["macs_train_with_aux"]
    return entry(name)["params_trainable"], entry(name)["macs"]
