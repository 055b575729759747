"""What a network has learned, for other images: fine-tuning, features, probes, state dicts."""

from kerascnn.transfer.choosing import Orders, measure_similarity
from kerascnn.transfer.feature_sets import FeatureSet, FeatureSource, open_features
from kerascnn.transfer.features import extract_features
from kerascnn.transfer.finetuning import finetune
from kerascnn.transfer.freezing import freeze_but_classifiers, freeze_until, variable_rates
from kerascnn.transfer.probing import Probe, linear_probe, nearest
from kerascnn.transfer.state_dict_files import save_state_dict
from kerascnn.transfer.strategy import Similarity, Strategy, choose_strategy

__all__ = [
    "FeatureSet",
    "FeatureSource",
    "open_features",
    "Orders",
    "Probe",
    "Similarity",
    "Strategy",
    "choose_strategy",
    "extract_features",
    "finetune",
    "freeze_but_classifiers",
    "freeze_until",
    "linear_probe",
    "measure_similarity",
    "nearest",
    "save_state_dict",
    "variable_rates",
]
