"""Images, splits and tf.data pipelines. Knows nothing of models."""

from kerascnn.data.pipelines import Data, check_images, load_data, read_image
from kerascnn.data.sources import IMAGE_SUFFIXES, Source, Split, load_source

__all__ = [
    "Data", "IMAGE_SUFFIXES", "Source", "Split", "check_images", "load_data", "load_source",
    "read_image",
]  # fmt: skip
