"""Pictures of what convolutions and networks do. Every picture is a matplotlib figure or an SVG.

Names are imported when they are first used: what shows a convolution needs no Keras.
"""

from importlib import import_module

_HOMES = {
    "arithmetic": ("Animation", "animate_conv", "animate_conv_transpose"),
    "attribution": (
        "attribution_figure",
        "grad_cam",
        "guided_gradients",
        "input_gradients",
        "occlusion_map",
    ),
    "confusion": ("confusion_figure",),
    "convolution": ("FILTERS", "convolved_figure", "write_convolution_page"),
    "embedding": ("neighbours_figure", "tsne", "tsne_figure"),
    "feature_maps": ("feature_maps_figure", "filters_figure"),
    "overview": ("NetworkWithImages", "look", "open_network"),
    "network_graph": ("network_figure",),
    "pages": ("Picture", "save_figure", "write_page"),
    "segmentation": ("segmentation_figure",),
    "patches": ("Excitation", "exciting_patches", "patches_figure"),
}
__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name):
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
