"""Imported for what it registers: classes that Keras looks up when it loads a saved model."""

import kerascnn.layers  # noqa: F401

from .integer_form import activations, composites  # noqa: F401
from .quantization import (  # noqa: F401
    folded_normalization,
    quantized_activations,
    quantized_layers,
    quantized_model,
)
