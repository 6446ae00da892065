"""Likelihoods of counts."""

from __future__ import annotations

import math

import keras
from tensorflow_probability.python.distributions.inflated import inflated_factory

from tfvae.distributions.head import tfd
from tfvae.distributions.ready_head import ReadyHead


@keras.saving.register_keras_serializable(package="tfvae")
class Poisson(ReadyHead):
    """Independent counts with mean and variance exp(l), the log-rates l linear in the features:

        log P(x) = sum_i x_i l_i - exp(l_i) - log x_i!

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `log_rate`, that do not depend on the features.
        kernel_initializer: initialiser of the linear layer.

    Example:
        >>> head = Poisson(2)
        >>> round(float(head.log_prob((keras.ops.zeros((1, 2)),), [[0.0, 2.0]])[0]), 4)  # -2 - log 2
        -2.6931
    """

    value_kind = "counts"
    support = (0.0, math.inf)
    FAMILY = tfd.Poisson


@keras.saving.register_keras_serializable(package="tfvae")
class NegativeBinomial(ReadyHead):
    """Independent counts that scatter more than Poisson ones, with mean m = r exp(l) and variance m + m^2 / r:

        log P(x) = sum_i log Gamma(x_i + r_i) - log Gamma(r_i) - log x_i! + r_i log(1 - p_i) + x_i log p_i

    p = sigmoid(l). The logits l are linear in the features. The number r (`total_count`) is one for each entry of an
    example, unless `shared=()`. It need not be whole.

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `total_count` and `logits`, that do not depend on the features; None for
            `total_count`.
        kernel_initializer: initialiser of the linear layers.

    Example:
        >>> head = NegativeBinomial(2)
        >>> [parameter.shape.as_list() for parameter in head(keras.ops.ones((4, 3)))]
        [[4, 2], [4, 2]]
    """

    value_kind = "counts"
    support = (0.0, math.inf)
    FAMILY = tfd.NegativeBinomial
    SHARED = ("total_count",)


@keras.saving.register_keras_serializable(package="tfvae")
class ZeroInflatedPoisson(ReadyHead):
    """Independent counts, each 0 with probability w, otherwise Poisson with mean exp(l):

        P(x) = product over i of w_i [x_i = 0] + (1 - w_i) exp(x_i l_i - exp(l_i)) / x_i!

    The log-rates l (`log_rate`) are linear in the features, and so are half the log-odds of w (`inflated_loc_logits`,
    as TensorFlow Probability has them): w = sigmoid(2 inflated_loc_logits).

    Args:
        event_shape: shape of one example.
        shared: names of parameters, of `inflated_loc_logits` and `log_rate`, that do not depend on the features.
        kernel_initializer: initialiser of the linear layers.

    References:
        Lambert: Zero-inflated Poisson regression, with an application to defects in manufacturing (1992).

    Example:
        >>> head = ZeroInflatedPoisson(2)
        >>> [parameter.shape.as_list() for parameter in head(keras.ops.ones((4, 3)))]
        [[4, 2], [4, 2]]
    """

    value_kind = "counts"
    support = (0.0, math.inf)
    FAMILY = inflated_factory("ZeroInflatedPoisson", tfd.Poisson, 0.0)
