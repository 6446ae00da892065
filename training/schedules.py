"""Learning rates as functions of the optimiser's step."""

from __future__ import annotations

import keras


def learning_rate(schedule: str, base: float, epochs: int, steps_per_epoch: int):
    """Returns what a Keras optimiser takes as its learning rate.

        constant: base
        cosine:   base (1 + cos(pi t / T)) / 2 at step t of T
        burda:    base 10^(-i/7) for 3^i epochs, i = 0..7, and the last of these ever after

    Args:
        schedule: one of these names.
        base: learning rate at the start.
        epochs: of the run.
        steps_per_epoch: optimiser steps in each.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.
        Loshchilov, Hutter: SGDR (2017), equation 5.
    """
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(base, epochs * steps_per_epoch)
    if schedule == "burda":
        ends = [steps_per_epoch * (3 ** (i + 1) - 1) // 2 for i in range(7)]
        rates = [base * 10 ** (-i / 7) for i in range(8)]
        return keras.optimizers.schedules.PiecewiseConstantDecay([end - 1 for end in ends], rates)
    return base
