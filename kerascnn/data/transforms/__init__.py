"""What is done to images before the network sees them; `table` lists it by name."""

from kerascnn.data.transforms.table import TRANSFORMS, Row, row_of

__all__ = ["TRANSFORMS", "Row", "row_of"]
