"""What a network costs and what it sees: parameters, MACs, memory, receptive fields."""

from kerascnn.analysis.counting import Count, LayerCount, count

__all__ = ["Count", "LayerCount", "count"]
