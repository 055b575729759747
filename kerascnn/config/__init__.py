"""Configs: YAML <-> frozen, validated sections."""

from kerascnn.config.data import CHANNELS, DataConfig, Normalize, Transform
from kerascnn.config.optimization import (
    DistillationConfig,
    LossConfig,
    OptimizerConfig,
    Schedule,
    TrainingConfig,
)
from kerascnn.config.reading import dump, load, override, parse, read_yaml, save, shown
from kerascnn.config.run import Config, ModelConfig
from kerascnn.config.section import Count, Section, Side

__all__ = [
    "Config",
    "ModelConfig",
    "DataConfig",
    "DistillationConfig",
    "LossConfig",
    "OptimizerConfig",
    "TrainingConfig",
    "Normalize",
    "Transform",
    "Schedule",
    "Section",
    "Count",
    "Side",
    "CHANNELS",
    "load",
    "parse",
    "override",
    "read_yaml",
    "dump",
    "save",
    "shown",
]
