"""Weights that people already have: keras.applications', and state dicts in .safetensors files.

Preprocessing belongs to them: `preprocessing` says what they expect of the pixels.
"""

from kerascnn.models.weights.choice import check, load, preprocessing
from kerascnn.models.weights.preprocessing import Preprocessing
from kerascnn.models.weights.state_dicts import state_dict

__all__ = ["Preprocessing", "check", "load", "preprocessing", "state_dict"]
