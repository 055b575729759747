"""Scripts as people write them: a model, data, losses of their own. `test_own_scripts` runs them.

Each module has model(), data() -> (x, y) and COMPILE, what `model.compile` is given. What a script
registers with Keras is known where its model is loaded again, as in a script.
"""
