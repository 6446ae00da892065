"""Reweighted wake-sleep with its wake-phase encoder update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, log_mean_exp


@dataclass(frozen=True)
class Rws(Estimator):
    """Reweighted wake-sleep: the model ascends the importance-weighted bound, the encoder sum_k w~_k log q(z_k|x).

    The encoder's gradient is a self-normalised estimate of that of -KL(p(z|x) || q(z|x)), biased at finite K.

    References:
        Bornschein, Bengio: Reweighted wake-sleep (2015), equation 9 (wake-phase q update).
    """

    name: ClassVar[str] = "rws"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, 0, +w~ with w~ = softmax_k(log w)."""
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=weight, path=None, score=weight)


@dataclass(frozen=True)
class RwsDreg(Estimator):
    """The wake-phase encoder update of `rws`, doubly reparameterised: the same mean, no score term.

    Under KL warm-up with weight b the weights are w = p(x|z) (p(z) / q(z|x))^b, and the encoder ascends
    sum_k w~_k log q(z_k|x). This estimates the gradient of -KL(r || q) with r proportional to q w and held fixed. The
    optimum is q proportional to p(z) p(x|z)^(1/b), the same as that of the evidence lower bound with weight b. At
    b = 0 that bound has no optimum either, and q ascends the likelihood alone.

    References:
        Tucker, Lawson, Gu, Maddison: Doubly reparameterized gradient estimators for Monte Carlo objectives (2019),
        section 5.
    """

    name: ClassVar[str] = "rws-dreg"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, w~ - w~^2, 0 with w~ = softmax_k(log w)."""
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=weight, path=weight - tf.square(weight), score=None)
