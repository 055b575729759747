"""What a network costs and what it sees: parameters, MACs, memory, receptive fields."""

from kerascnn.analysis.chart import zoo_chart
from kerascnn.analysis.counting import Count, LayerCount, count
from kerascnn.analysis.described import Description, KindSum, LayerDescription
from kerascnn.analysis.description import describe
from kerascnn.analysis.filters import first_layer_filters
from kerascnn.analysis.memory import Memory
from kerascnn.analysis.pareto import Point, pareto_chart, pareto_front
from kerascnn.analysis.receptive import ReceptiveField
from kerascnn.analysis.sizes import conv_size, pool_size, transposed_size
from kerascnn.analysis.table import (
    describe_table,
    kinds_table,
    models_figures,
    models_markdown,
    models_table,
    training_table,
)
from kerascnn.analysis.training_memory import TrainingMemory
from kerascnn.models.graph import without_weights

__all__ = [
    "Count",
    "Description",
    "KindSum",
    "LayerCount",
    "LayerDescription",
    "Memory",
    "Point",
    "ReceptiveField",
    "TrainingMemory",
    "conv_size",
    "count",
    "describe",
    "describe_table",
    "first_layer_filters",
    "kinds_table",
    "models_figures",
    "models_markdown",
    "models_table",
    "pareto_chart",
    "pareto_front",
    "pool_size",
    "training_table",
    "transposed_size",
    "without_weights",
    "zoo_chart",
]
