"""From a model to verified files: compressed, converted, run, compared, kept, staged."""
