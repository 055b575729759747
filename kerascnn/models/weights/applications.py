"""The weights that keras.applications publishes, and files of such weights.

keras.applications fetches, checks and reads them; here its network is the source.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any

import keras

from kerascnn.errors import UserError
from kerascnn.models.graph import nodes
from kerascnn.models.weights import application_names as names
from kerascnn.models.weights.fitting import KERAS, Source, fill
from kerascnn.models.weights.preprocessing import CAFFE, IMAGENET, PLUS_MINUS_ONE, Preprocessing

CLASSES = 1000
NUMBERED = re.compile(r"(conv2d|batch_normalization)(?:_(\d+))?")  # names that Keras gives


@dataclass(frozen=True)
class Application:
    """A network of keras.applications that computes what ours does.

    function: its name there. naming: names of our layers -> {name of ours: name there}.
    alphas: widths with published weights. sizes: sides of an image with weights of their own.
    """

    function: str
    naming: Callable
    preprocessing: Preprocessing
    alphas: tuple[float, ...] = ()
    sizes: tuple[int, ...] = ()

    def load(
        self,
        network: keras.Model,
        file: PathLike[str] | str | None,
        arguments: Mapping[str, Any],
        *,
        new_head: bool = False,
    ) -> None:
        """Fills `network`, built with `arguments`, from `file`; None: with what is published."""
        classes = network.get_layer("head_logits").output.shape[-1]
        options: dict[str, Any] = {"weights": "imagenet" if file is None else str(file)}
        if self.alphas:
            options["alpha"] = arguments.get("alpha", 1.0)
        height, width, _ = network.input_shape[1:]
        if height == width and height in self.sizes:
            options["input_shape"] = (height, width, 3)
        if file is None:
            self.require_published(network.name, classes, options.get("alpha"), new_head)
        theirs = self.theirs(
            network.name, file, [CLASSES, classes] if new_head else [classes], options
        )
        title = f"keras.applications.{self.function}" if file is None else str(file)
        fill(network, [self.naming], self.source(theirs, title), new_head=new_head)

    def theirs(
        self,
        name: str,
        file: PathLike[str] | str | None,
        counts: Iterable[int],
        options: Mapping[str, Any],
    ) -> keras.Model:
        """Their network with its weights, for the first of `counts` of classes that they fit."""
        failed: Any = None
        for classes in dict.fromkeys(counts):
            try:
                with warnings.catch_warnings():
                    # Of a file of another network Keras warns once a layer, before it raises.
                    warnings.simplefilter("ignore")
                    return getattr(keras.applications, self.function)(**options, classes=classes)
            except Exception as error:  # of the download, of h5py, of Keras: they have no class
                failed = failed or error
        raise self.refusal(name, file, failed) from None

    def require_published(
        self, name: str, classes: int, alpha: float | None, new_head: bool
    ) -> None:
        """UserError where there are no weights for so many classes, or so wide a network."""
        if classes != CLASSES and not new_head:
            raise UserError(
                f"{name}: the published weights are for {CLASSES} classes, got num_classes="
                f"{classes}; new_head=True takes all but the classifier, to train that on your own"
            )
        if alpha is not None and alpha not in self.alphas:
            raise UserError(
                f"{name}: weights are published for alpha {', '.join(map(str, self.alphas))}, "
                f"got {alpha}; train it, or give a file of your own: weights='FILE.weights.h5'"
            )

    def refusal(self, name: str, file: PathLike[str] | str | None, error: Exception) -> UserError:
        """The UserError for what keras.applications raised."""
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        if file is None:
            return UserError(
                f"{name}: keras.applications could not get its weights: {reason}; where there is "
                f"no network, fetch the file elsewhere and give its path, weights='FILE.h5'"
            )
        return UserError(
            f"{file} does not fit {name}: expected weights of keras.applications.{self.function}, "
            f"as it publishes them or as its save_weights writes them: {reason}"
        )

    def source(self, theirs: keras.Model, title: str) -> Source:
        """The tensors of `theirs`, their network; one that takes BGR is made to take RGB."""
        first = next(node.operation for node in nodes(theirs) if node.operation.weights)
        tensors, epsilons = {}, {}
        for layer, name in stable_names(theirs):
            for variable in layer.weights:
                key, array = KERAS.name(name, variable.name), keras.ops.convert_to_numpy(variable)
                if isinstance(layer, keras.layers.SeparableConv2D):
                    key = KERAS.name(f"{name}.{variable.name.removesuffix('_kernel')}", "kernel")
                if layer is first and self.preprocessing is CAFFE and variable.name == "kernel":
                    array = array[:, :, ::-1]  # BGR -> RGB
                tensors[key] = array
            if isinstance(layer, keras.layers.BatchNormalization):
                epsilons[name] = layer.epsilon
        shapes = {key: array.shape for key, array in tensors.items()}
        return Source(title, KERAS, shapes, tensors.__getitem__, epsilons)


def stable_names(network: keras.Model) -> list[tuple[keras.Layer, str]]:
    """(layer, name); a number that Keras gave counts from 0 in this network: "conv2d:0"."""
    numbers = {}
    for layer in network.layers:
        match = NUMBERED.fullmatch(layer.name)
        if match:
            numbers.setdefault(match[1], []).append((int(match[2] or 0), layer.name))
    renamed = {
        name: f"{kind}:{place}"
        for kind, found in numbers.items()
        for place, (_, name) in enumerate(sorted(found))
    }
    names = ((layer, str(layer.name)) for layer in network.layers)
    return [(layer, renamed.get(name, name)) for layer, name in names]


ALPHAS_V1, SIZES_V1 = (0.25, 0.5, 0.75, 1.0), (128, 160, 192, 224)
ALPHAS_V2, SIZES_V2 = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4), (96, 128, 160, 192, 224)
MOBILENET_V1 = Application("MobileNet", names.MOBILENET_V1, PLUS_MINUS_ONE, ALPHAS_V1, SIZES_V1)
MOBILENET_V2 = Application("MobileNetV2", names.MOBILENET_V2, PLUS_MINUS_ONE, ALPHAS_V2, SIZES_V2)

# fmt: off
APPLICATIONS = {
    "vgg16": Application("VGG16", names.VGG, CAFFE),
    "vgg19": Application("VGG19", names.VGG, CAFFE),
    "resnet50_v1_keras": Application("ResNet50", names.RESNET, CAFFE),
    "resnet101_v1_keras": Application("ResNet101", names.RESNET, CAFFE),
    "resnet152_v1_keras": Application("ResNet152", names.RESNET, CAFFE),
    "resnet50_v2_keras": Application("ResNet50V2", names.RESNET_V2, PLUS_MINUS_ONE),
    "resnet101_v2_keras": Application("ResNet101V2", names.RESNET_V2, PLUS_MINUS_ONE),
    "resnet152_v2_keras": Application("ResNet152V2", names.RESNET_V2, PLUS_MINUS_ONE),
    "inception_v3_keras": Application("InceptionV3", names.inception_v3, PLUS_MINUS_ONE),
    "inception_resnet_v2_keras": Application(
        "InceptionResNetV2", names.inception_resnet_v2, PLUS_MINUS_ONE
    ),
    "xception": Application("Xception", names.XCEPTION, PLUS_MINUS_ONE),
    "densenet121": Application("DenseNet121", names.DENSENET, IMAGENET),
    "densenet169": Application("DenseNet169", names.DENSENET, IMAGENET),
    "densenet201": Application("DenseNet201", names.DENSENET, IMAGENET),
    "mobilenet_v1": MOBILENET_V1,
    "mobilenet_v1_075": MOBILENET_V1,
    "mobilenet_v1_050": MOBILENET_V1,
    "mobilenet_v1_025": MOBILENET_V1,
    "mobilenet_v1_100_192": MOBILENET_V1,
    "mobilenet_v1_100_160": MOBILENET_V1,
    "mobilenet_v1_100_128": MOBILENET_V1,
    "mobilenet_v2": MOBILENET_V2,
    "mobilenet_v2_035": MOBILENET_V2,
    "mobilenet_v2_050": MOBILENET_V2,
    "mobilenet_v2_075": MOBILENET_V2,
    "mobilenet_v2_130": MOBILENET_V2,
    "mobilenet_v2_140": MOBILENET_V2,
}
# fmt: on
