"""The image sizes a network takes: one sentence for all of them."""

from collections.abc import Sequence

from kerascnn.errors import UserError


def require_at_least(size: int, input_shape: Sequence[int], name: str) -> None:
    """UserError where an image of `input_shape` has a side under `size`: a map would vanish."""
    if min(input_shape[:2]) < size:
        height, width = input_shape[:2]
        raise UserError(
            f"{name}: expected images of at least {size}x{size}, got {height}x{width}; "
            f"smaller ones leave nothing to pool"
        )


def require_exactly(size: int, input_shape: Sequence[int], name: str) -> None:
    """UserError where an image of `input_shape` is not size x size."""
    height, width = input_shape[:2]
    if (height, width) != (size, size):
        raise UserError(
            f"{name}: expected images of {size}x{size}, got {height}x{width}; "
            f"pad or resize them to {size}x{size}"
        )
