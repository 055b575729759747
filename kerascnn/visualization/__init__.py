"""Pictures of what convolutions and networks do. Every picture is a matplotlib figure or an SVG."""

from kerascnn.visualization.arithmetic import (
    Animation,
    animate_conv,
    animate_conv_transpose,
)
from kerascnn.visualization.convolution import FILTERS, convolved_figure, write_convolution_page

__all__ = [
    "FILTERS",
    "Animation",
    "animate_conv",
    "animate_conv_transpose",
    "convolved_figure",
    "write_convolution_page",
]
