"""Evaluation of trained networks."""

from kerascnn.evaluation.classification import Evaluation, classification, evaluate
from kerascnn.evaluation.outputs import outputs_of
from kerascnn.evaluation.prediction import predict

__all__ = ["Evaluation", "classification", "evaluate", "outputs_of", "predict"]
