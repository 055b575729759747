"""What rounding to int8 costs a network, layer by layer, and what can be done about it."""
