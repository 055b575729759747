"""Images, splits and tf.data pipelines. Knows nothing of models."""

from kerascnn.data.drawn import cylinder_bell_funnel, moving_squares
from kerascnn.data.headers import IMAGE_SUFFIXES
from kerascnn.data.pipelines import Data, load_data
from kerascnn.data.reading import read_image, read_whole_image
from kerascnn.data.sources import load_source
from kerascnn.data.splits import Source, Split

__all__ = [
    "Data",
    "IMAGE_SUFFIXES",
    "Source",
    "Split",
    "cylinder_bell_funnel",
    "load_data",
    "load_source",
    "moving_squares",
    "read_image",
    "read_whole_image",
]
