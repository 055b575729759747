"""A network rewritten in operations that int8 has kernels for, one rule an operation."""
