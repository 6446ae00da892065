"""Estimators of the VR-IWAE bound: the importance-weighted bound at alpha = 0, the ELBO in the limit alpha = 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, log_mean_exp
from tfvae.estimators.options import ALPHA


@dataclass(frozen=True)
class VrIwae(Estimator):
    """The Renyi bound estimated with K particles: (1 / (1 - alpha)) log (1/K) sum_k w_k^(1 - alpha).

    Args:
        alpha: order of the bound, in [0, 1). 0 is `iwae`; the limit at 1 is `elbo`.

    References:
        Li, Turner: Renyi divergence variational inference (2016), equation 6.
        Daudel, Benton, Shi, Doucet: Alpha-divergence variational inference meets importance weighted auto-encoders
        (2023), equations 7 and 8.
    """

    name: ClassVar[str] = "vr-iwae"
    alpha: float = ALPHA.default

    def _bound(self, log_weights: tf.Tensor) -> tf.Tensor:
        return log_mean_exp((1.0 - self.alpha) * log_weights) / (1.0 - self.alpha)

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: v, v, -v with v = softmax_k((1 - alpha) log w)."""
        weight = tf.nn.softmax((1.0 - self.alpha) * log_weights, axis=0)
        return Terms(self._bound(log_weights), model=weight, path=weight, score=-weight)


@dataclass(frozen=True)
class VrIwaeDreg(VrIwae):
    """The VR-IWAE bound with doubly reparameterised encoder gradients.

    References:
        Daudel, Benton, Shi, Doucet: Alpha-divergence variational inference meets importance weighted auto-encoders
        (2023), theorem 2.
    """

    name: ClassVar[str] = "vr-iwae-dreg"
    doubly_reparameterized: ClassVar[bool] = True

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: v, alpha v + (1 - alpha) v^2, 0 with v = softmax_k((1 - alpha) log w)."""
        weight = tf.nn.softmax((1.0 - self.alpha) * log_weights, axis=0)
        path = self.alpha * weight + (1.0 - self.alpha) * tf.square(weight)
        return Terms(self._bound(log_weights), model=weight, path=path, score=None)
