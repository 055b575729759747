"""GoogLeNet: Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842.

224x224x3 -> stem 28x28x192 -> three stages of inception modules, 28x28x480, 14x14x832 and
7x7x1024 -> global average -> logits. Table 1 calls the modules 3a-3b, 4a-4e and 5a-5b.

The rows _aux are the training graph: their model returns a dict, "head_logits" and the two
auxiliary classifiers "head_aux1_logits" and "head_aux2_logits" (behind 4a and 4d), whose losses
the paper weighs 0.3. Trained, the network to ship is

    keras.Model(model.input, model.get_layer("head_logits").output)

googlenet is the paper's, without batch normalization; response normalization is Caffe's.
googlenet_bn is torchvision's: batch normalization instead, 3x3 where the paper has 5x5, a 2x2
pooling before the last stage, and auxiliary classifiers that divide a map of any size into 4x4
windows, which overlap less than the paper's. inception_module and inception_module_naive are one
module alone, the second without its 1x1 reductions (Figure 2): what the reductions save can be
seen.
"""

from collections.abc import Callable, Sequence

from keras import Input, KerasTensor, Model, layers

from kerascnn.errors import UserError
from kerascnn.layers import LocalResponseNormalization, ceil_max_pool, conv, conv_bn, dense_head
from kerascnn.models.published import CAFFE, TORCHVISION
from kerascnn.models.registry import register, row
from kerascnn.models.sizes import require_at_least

# fmt: off
MODULES = (  # Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
     (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
AUX = {"stage2_block1": "head_aux1", "stage2_block4": "head_aux2"}
AUX_LOSS = {"head_aux1_logits": 0.3, "head_aux2_logits": 0.3}  # section 5
VARIANTS = {
    "googlenet": row(top1=68.7, top5=88.9, published=CAFFE, params=6_998_552, macs=1_582_671_872),
    "googlenet_aux": row(aux=True, auxiliary=AUX_LOSS, top1=68.7, top5=88.9, published=CAFFE,
                         params=13_378_280, macs=1_591_044_096),
}
TORCHVISION = {
    "googlenet_bn": row(norm=True, top1=69.778, top5=89.53, published=TORCHVISION,
                        params=6_624_904, macs=1_498_376_192),
    "googlenet_bn_aux": row(norm=True, aux=True, auxiliary=AUX_LOSS, top1=69.778, top5=89.53,
                            published=TORCHVISION, params=13_004_888, macs=1_506_748_416),
}
MODULE = {  # input of module 3b, as lectures on the paper draw it
    "inception_module": row(filters=(128, 64, 192, 64, 96, 64), input_shape=(28, 28, 256),
                            num_classes=480, params=346_720, macs=271_351_808),
    "inception_module_naive": row(filters=(128, 192, 96), input_shape=(28, 28, 256),
                                  num_classes=672, params=1_089_952, macs=854_196_224),
}
# fmt: on


@register(VARIANTS, paper="arXiv:1409.4842", year=2014)
@register(TORCHVISION, paper="arXiv:1409.4842", year=2014)
def googlenet(
    *,
    norm: bool = False,
    aux: bool = False,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    num_classes: int = 1000,
    name: str = "googlenet",
) -> Model:
    """Builds GoogLeNet; returns logits, (batch, num_classes), or a dict of them with `aux`.

    norm: torchvision's form with batch normalization. aux: with both auxiliary classifiers.
    """
    require_at_least(31 if norm else 79 if aux else 47, input_shape, name)
    unit = conv_bn_relu if norm else conv_relu
    x = image = Input(input_shape, name="image")
    x = unit(x, 64, 7, 2, name="stem_1")
    x = ceil_max_pool(x, 3, 2, name="stem_1_pool")
    x = x if norm else lrn(x, "stem_1")
    x = unit(x, 64, 1, name="stem_2")
    x = unit(x, 192, 3, name="stem_3")
    x = x if norm else lrn(x, "stem_3")
    x = ceil_max_pool(x, 3, 2, name="stem_3_pool")
    outputs = {}
    for stage, modules in enumerate(MODULES, start=1):
        if stage > 1:
            pool_size = 2 if norm and stage == 3 else 3
            x = ceil_max_pool(x, pool_size, 2, name=f"stage{stage}_pool")
        for i, filters in enumerate(modules, start=1):
            block = f"stage{stage}_block{i}"
            x = inception(x, filters, block, unit=unit, five=3 if norm else 5)
            if aux and block in AUX:
                outputs[f"{AUX[block]}_logits"] = auxiliary(x, num_classes, AUX[block], norm=norm)
    x = layers.GlobalAveragePooling2D(name="head_pool")(x)
    x = layers.Dropout(0.2 if norm else 0.4, name="head_dropout")(x)
    logits = layers.Dense(num_classes, name="head_logits")(x)
    return Model(image, {"head_logits": logits, **outputs} if aux else logits, name=name)


@register(MODULE, paper="arXiv:1409.4842", year=2014)
def inception_module(
    filters: Sequence[int],
    *,
    input_shape: tuple[int, int, int] = (28, 28, 256),
    num_classes: int | None = None,
    name: str = "inception_module",
) -> Model:
    """Builds one module and a global average of its channels, (batch, channels).

    filters: as in `inception`, or the three of `naive_inception`.

    Raises:
        UserError: num_classes is not the number of channels, which a classifier would hide.
    """
    x = image = Input(input_shape, name="image")
    module = naive_inception if len(filters) == 3 else inception
    x = module(x, filters, "stage1_block1")
    if num_classes not in (None, x.shape[-1]):
        raise UserError(
            f"{name}: expected num_classes {x.shape[-1]}, the channels of the module, got "
            f"{num_classes}; a network with a classifier is googlenet"
        )
    x = layers.GlobalAveragePooling2D(name="head_logits")(x)
    return Model(image, x, name=name)


def conv_relu(
    x: KerasTensor, filters: int, kernel_size: int, strides: int = 1, *, name: str
) -> KerasTensor:
    """Convolution with bias, ReLU."""
    return conv(x, filters, kernel_size, strides, act="relu", name=name)


def conv_bn_relu(
    x: KerasTensor, filters: int, kernel_size: int, strides: int = 1, *, name: str
) -> KerasTensor:
    """Convolution, batch normalization with torchvision's epsilon for this network, ReLU."""
    return conv_bn(x, filters, kernel_size, strides, epsilon=1e-3, name=name)


def inception(
    x: KerasTensor,
    filters: Sequence[int],
    name: str,
    *,
    unit: Callable[..., KerasTensor] = conv_relu,
    five: int = 5,
) -> KerasTensor:
    """Four branches side by side.  (H, W, C) -> (H, W, #1x1 + #3x3 + #5x5 + pool proj).

    filters: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj. unit: the convolution. five:
    kernel size of the third branch.
    """
    n1, reduce3, n3, reduce5, n5, proj = filters
    a = unit(x, n1, 1, name=f"{name}_1x1")
    b = unit(x, reduce3, 1, name=f"{name}_3x3_reduce")
    b = unit(b, n3, 3, name=f"{name}_3x3")
    c = unit(x, reduce5, 1, name=f"{name}_5x5_reduce")
    c = unit(c, n5, five, name=f"{name}_5x5")
    d = layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x)
    d = unit(d, proj, 1, name=f"{name}_pool_proj")
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def naive_inception(x: KerasTensor, filters: Sequence[int], name: str) -> KerasTensor:
    """The module without reductions.  (H, W, C) -> (H, W, #1x1 + #3x3 + #5x5 + C)."""
    n1, n3, n5 = filters
    a = conv_relu(x, n1, 1, name=f"{name}_1x1")
    b = conv_relu(x, n3, 3, name=f"{name}_3x3")
    c = conv_relu(x, n5, 5, name=f"{name}_5x5")
    d = layers.MaxPooling2D(3, 1, "same", name=f"{name}_pool")(x)
    return layers.Concatenate(name=f"{name}_concat")([a, b, c, d])


def auxiliary(x: KerasTensor, num_classes: int, name: str, *, norm: bool) -> KerasTensor:
    """The auxiliary classifier, section 5.  (14, 14, C) -> 4x4x128 -> 1024 -> (num_classes,)."""
    if norm:
        x = layers.AdaptiveAveragePooling2D(4, name=f"{name}_pool")(x)
        x = conv_bn_relu(x, 128, 1, name=name)
    else:
        x = layers.AveragePooling2D(5, 3, name=f"{name}_pool")(x)
        x = conv_relu(x, 128, 1, name=name)
    return dense_head(x, (1024,), num_classes, dropout=0.7, name=name)


def lrn(x: KerasTensor, name: str) -> KerasTensor:
    """Response normalization with the constants of the reference model."""
    return LocalResponseNormalization(
        5, alpha=1e-4, beta=0.75, k=1.0, convention="caffe", name=f"{name}_lrn"
    )(x)
