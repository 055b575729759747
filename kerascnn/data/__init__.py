"""Images, splits and tf.data pipelines. Knows nothing of models."""

from kerascnn.data.headers import IMAGE_SUFFIXES
from kerascnn.data.pipelines import Data, load_data
from kerascnn.data.reading import read_image
from kerascnn.data.sources import load_source
from kerascnn.data.splits import Source, Split

__all__ = ["Data", "IMAGE_SUFFIXES", "Source", "Split", "load_data", "load_source", "read_image"]
