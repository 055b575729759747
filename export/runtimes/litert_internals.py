"""The private names of LiteRT, each behind a function: no other file has one."""

from typing import Any


def operations(interpreter: Any) -> list[dict[str, Any]]:
    """The operations that an interpreter runs, {"op_name", "inputs", "outputs"}, delegates too."""
    return interpreter._get_ops_details()
