"""The subject: a Keras model and what proves its files. A run, a .keras file and Python objects are
three ways to it; behind it nothing asks which one it was."""
