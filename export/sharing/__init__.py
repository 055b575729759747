"""Weights that share values: clustering, Huffman codes, the .kcnn container."""
