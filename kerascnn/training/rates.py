"""Learning rates of single weights: any optimizer of Keras, at a factor of its rate."""

from collections.abc import Mapping

import keras


def with_rates(
    optimizer: keras.optimizers.Optimizer, rates: Mapping[str, float]
) -> keras.optimizers.Optimizer:
    """Makes an optimizer whose updates of some weights are slower or faster.

    Args:
        optimizer: one that has not been used. It becomes what is returned.
        rates: path of a variable -> factor of the learning rate; 1 for all others.
    """
    if not rates:
        return optimizer
    kind, factors = type(optimizer), {}

    class Rated(kind):
        def build(self, variables):
            super().build(variables)
            for variable in variables:  # TensorFlow's steps see what is inside of them
                factors[id(variable)] = factors[id(variable.value)] = rates.get(variable.path, 1.0)

        def update_step(self, gradient, variable, learning_rate):
            super().update_step(gradient, variable, learning_rate * factors[id(variable)])

    Rated.__name__ = kind.__name__  # what a checkpoint says it was trained with
    Rated.__module__ = kind.__module__
    optimizer.__class__ = Rated
    return optimizer
