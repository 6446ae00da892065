"""Learning rates as functions of the optimiser's step."""

from __future__ import annotations

import keras


def learning_rate(
    schedule: str, base: float, epochs: int, steps_per_epoch: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns the learning rate of a Keras optimiser: a number or a schedule.

        constant: base
        cosine:   base (1 + cos(pi t / T)) / 2 at step t of T
        burda:    base 10^(-i/7) for 3^i epochs, i = 0..7, then constant

    Args:
        schedule: "constant", "cosine" or "burda".
        base: learning rate at the start.
        epochs: number of epochs of the run.
        steps_per_epoch: number of optimiser steps in each epoch.

    Returns:
        learning_rate: number, or function of the step.

    Example:
        >>> rate = learning_rate("cosine", 0.1, epochs=10, steps_per_epoch=100)
        >>> round(float(rate(500)), 4)
        0.05

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
