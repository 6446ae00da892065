"""Estimators of the importance-weighted bound, E[log mean_k w_k]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, log_mean_exp


@dataclass(frozen=True)
class Iwae(Estimator):
    """The importance-weighted bound: log mean_k w_k. Its weights give the gradient of the bound.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), equations 8 and 14.
    """

    name: ClassVar[str] = "iwae"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, w~, -w~ with w~ = softmax_k(log w)."""
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=weight, path=weight, score=-weight)


@dataclass(frozen=True)
class IwaeStl(Estimator):
    """The importance-weighted bound without its score term. The encoder's gradient is biased when K > 1.

    References:
        Roeder, Wu, Duvenaud: Sticking the landing (2017), section 4; its bias: Tucker et al. 2019, section 3.
    """

    name: ClassVar[str] = "iwae-stl"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, w~, 0 with w~ = softmax_k(log w)."""
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=weight, path=weight, score=None)


@dataclass(frozen=True)
class Dreg(Estimator):
    """The importance-weighted bound with doubly reparameterised encoder gradients.

    They are unbiased and have no score term.

    References:
        Tucker, Lawson, Gu, Maddison: Doubly reparameterized gradient estimators for Monte Carlo objectives (2019),
        equation 8.
    """

    name: ClassVar[str] = "dreg"
    doubly_reparameterized: ClassVar[bool] = True

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, w~^2, 0 with w~ = softmax_k(log w)."""
        weight = tf.nn.softmax(log_weights, axis=0)
        return Terms(log_mean_exp(log_weights), model=weight, path=tf.square(weight), score=None)
