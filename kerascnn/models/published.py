"""Where the accuracies of the rows were published, and what of an image the network was shown.

Accuracies are compared only within one protocol: ten crops of an image, or a longer training, give
more than one crop of the network that its paper trained.
"""

from dataclasses import dataclass

# fmt: off
PROTOCOLS = {  # name -> what it means
    "one-crop":      "the central crop of each image",
    "several-crops": "several crops of each image, averaged",
    "dense":         "the network slid over each image, at one scale",
    "larger-crop":   "one crop, larger than the images that the multiply-accumulates are of",
    "new-recipe":    "the central crop, with weights of a later and longer training",
    "whole":         "whole images, as they are",
}
# fmt: on


@dataclass(frozen=True)
class Published:
    """source: who published it. protocol: how it was measured, a key of `PROTOCOLS`."""

    source: str
    protocol: str = "one-crop"


TORCHVISION = Published("torchvision, first weights")
KERAS_IO = Published("keras.io")
TF_SLIM = Published("TensorFlow-Slim")
CAFFE = Published("Caffe's model zoo")
REPOSITORY = Published("the authors' repository")
CIFAR_REPOSITORY = Published("the authors' repository", "whole")
