"""Likelihoods of positive numbers."""

from __future__ import annotations

import math

import keras

from tfvae.distributions.head import tfd
from tfvae.distributions.ready_head import ReadyHead


@keras.saving.register_keras_serializable(package="tfvae")
class LogNormal(ReadyHead):
    """Independent positive numbers whose logarithms are normal, with a mean linear in the features:

        log p(x) = sum_i -(log x_i - loc_i)^2 / (2 scale_i^2) - log(x_i scale_i) - log(2 pi) / 2

    The scale is one for each entry of an example, unless `shared=()`.

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `loc` and `scale`, that do not depend on the features; None for `scale`.
        kernel_initializer: initialiser of the linear layers.

    Example:
        >>> head = LogNormal(2)
        >>> head.scores
        'numbers > 0'
    """

    support = (0.0, math.inf)
    FAMILY = tfd.LogNormal
    SHARED = ("scale",)


@keras.saving.register_keras_serializable(package="tfvae")
class Gamma(ReadyHead):
    """Independent positive numbers with mean a exp(-l) and variance mean^2 / a:

        log p(x) = sum_i a_i l_i + (a_i - 1) log x_i - exp(l_i) x_i - log Gamma(a_i)

    The log-rates l (`log_rate`) are linear in the features. The shape a (`concentration`) is one for each entry of an
    example, unless `shared=()`.

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `concentration` and `log_rate`, that do not depend on the features; None for
            `concentration`.
        kernel_initializer: initialiser of the linear layers.

    Example:
        >>> head = Gamma(2)
        >>> round(float(head.log_prob((keras.ops.ones((1, 2)), keras.ops.zeros((1, 2))), [[1.0, 2.0]])[0]), 4)
        -3.0
    """

    support = (0.0, math.inf)
    FAMILY = tfd.Gamma
    SHARED = ("concentration",)
