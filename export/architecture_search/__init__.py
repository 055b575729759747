"""A search for the network that is most accurate within hard limits, by successive halving.

Jamieson & Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
arXiv:1502.07943, as in Hyperband, Li et al., arXiv:1603.06560: all candidates are trained for a few
epochs, the best share of them for more, and so on.
"""
