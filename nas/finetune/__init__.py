"""Transfer learning: start from trained weights, say how much of the network to train, train it.

:func:`nas.finetune.job.run` does it all; :mod:`nas.finetune.advice` recommends a strategy.
"""
