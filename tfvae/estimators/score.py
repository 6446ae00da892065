"""Score-function estimators, for discrete latents, through which no gradient flows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import NO_BASELINE, Baseline, Estimator, Terms, log_mean_exp, uniform
from tfvae.estimators.options import DECAY


@dataclass(frozen=True)
class Reinforce(Estimator):
    """The evidence lower bound with score-function gradients and no baseline.

    References:
        Williams: Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992).
    """

    name: ClassVar[str] = "reinforce"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: u, 0, u log w with u = 1/K."""
        weight = uniform(log_weights)
        return Terms(tf.reduce_mean(log_weights, axis=0), model=weight, path=None, score=weight * log_weights)


@dataclass(frozen=True)
class Nvil(Estimator):
    """The evidence lower bound with score-function gradients, a learned baseline and a normalised signal.

    The baseline is C(x) + c: the output of a network plus a running mean. The signal is divided by max(1, sqrt(v)),
    with v a running variance. C, c and v come from earlier steps, so the gradient's direction stays unbiased. The
    first step takes the mean and the variance of its own batch.

    Args:
        decay: decay of the running mean and variance per step, in [0, 1).

    References:
        Mnih, Gregor: Neural variational inference and learning in belief networks (2014), section 2.3, algorithm 1.
    """

    name: ClassVar[str] = "nvil"
    baseline: ClassVar[bool] = True
    decay: float = DECAY.default

    def __call__(self, log_weights: tf.Tensor, baseline: Baseline = NO_BASELINE) -> Terms:
        """Weighs the particles: u, 0, u (log w - value) / scale with u = 1/K.

        Args:
            log_weights: log p(x|z) + log p(z) - log q(z|x), [K, B], nats.
            baseline: value [B] in nats and scale of the learning signal.

        Returns:
            terms: bound [B] and gradient weights [K, B].
        """
        weight = uniform(log_weights)
        signal = (log_weights - baseline.value) / baseline.scale
        return Terms(tf.reduce_mean(log_weights, axis=0), model=weight, path=None, score=weight * signal)


@dataclass(frozen=True)
class Vimco(Estimator):
    """The importance-weighted bound with score-function gradients. The other particles give each one's baseline.

    References:
        Mnih, Rezende: Variational inference for Monte Carlo objectives (2016), equations 9 and 10, the geometric mean.
    """

    name: ClassVar[str] = "vimco"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: w~, 0, L - L(-k) - w~. L(-k) is the bound with log w_k replaced by the others' mean."""
        weight = tf.nn.softmax(log_weights, axis=0)
        top = tf.reduce_max(log_weights, axis=0)
        relative = log_weights - top  # L - L(-k) is the difference of near numbers: keep them small
        bound = log_mean_exp(relative)
        count = tf.shape(log_weights)[0]
        others = (tf.reduce_sum(relative, axis=0) - relative) / tf.cast(count - 1, log_weights.dtype)
        replaced = tf.where(tf.eye(count, dtype=tf.bool)[:, :, tf.newaxis], others, relative)
        without = log_mean_exp(replaced, axis=1)
        return Terms(top + bound, model=weight, path=None, score=bound - without - weight)
