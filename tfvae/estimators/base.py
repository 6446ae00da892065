"""What every gradient estimator takes and returns."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf


class Terms(NamedTuple):
    """What an estimator makes of K particles for each of B examples.

    The gradients that a training step climbs are

        theta: sum_k model[k] d log p(x, z_k) / d theta
        phi:   sum_k path[k] (d [log p(x, z_k) - log q(z_k|x)] / d z_k) (d z_k / d phi)
               + sum_k score[k] d log q(z_k|x) / d phi,  z_k held fixed

    Attributes:
        bound: [B], nats: a lower bound on log p(x) in expectation.
        model: [K, B]: weights of the model gradient.
        path: [K, B]: weights of the pathwise gradient; None for zero. Where it is `model` itself the step saves a
            multiplication.
        score: [K, B]: weights of the score-function gradient; None for zero.
    """

    bound: tf.Tensor
    model: tf.Tensor
    path: tf.Tensor | None
    score: tf.Tensor | None


class Baseline(NamedTuple):
    """What a score-function estimator subtracts from the learning signal, and what it divides it by.

    Attributes:
        value: [B], nats.
        scale: scalar.
    """

    value: tf.Tensor | float
    scale: tf.Tensor | float


NO_BASELINE = Baseline(0.0, 1.0)


class Estimator:
    """A gradient estimator: a frozen dataclass that maps log-weights [K, B] to `Terms`.

    Attributes:
        name: its name in the table.
        analytic_kl: whether it is given log p(x|z) alone and the model adds the KL divergence in closed form.
        baseline: whether it takes a learned baseline.
        relaxed: whether it trains on a relaxation of discrete latents.
        doubly_reparameterized: whether its path weights are the model weights plus what stands for the score term.
        automatic: whether path is model, and score its negative: the gradient of the bound, all paths followed.
    """

    name: ClassVar[str]
    analytic_kl: ClassVar[bool] = False
    baseline: ClassVar[bool] = False
    relaxed: ClassVar[bool] = False
    doubly_reparameterized: ClassVar[bool] = False
    automatic: ClassVar[bool] = False

    def __call__(self, log_weights: tf.Tensor, baseline: Baseline = NO_BASELINE) -> Terms:
        """Weighs the particles.

        Args:
            log_weights: [K, B], nats: log p(x|z) + log p(z) - log q(z|x), taken as constants.
            baseline: a learned one where the class asks for it.

        Returns:
            terms: `Terms`.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define its weights")

    def get_config(self) -> dict[str, Any]:
        """Returns what `tfvae.estimators.get` needs to make this estimator again."""
        return {"name": self.name} | dataclasses.asdict(self)  # type: ignore[call-overload]


def log_mean_exp(log_weights: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Returns log (1/K) sum_k exp(log_weights[k]), the sum running over `axis`: [K, B] to [B], nats."""
    return tf.reduce_logsumexp(log_weights, axis=axis) - math_log(tf.shape(log_weights)[axis])


def uniform(log_weights: tf.Tensor) -> tf.Tensor:
    """Returns the weight 1/K for each particle: [K, B]."""
    return tf.ones_like(log_weights) / tf.cast(tf.shape(log_weights)[0], log_weights.dtype)


def math_log(count: tf.Tensor) -> tf.Tensor:
    """Returns the natural logarithm of an integer, float32."""
    static = tf.get_static_value(count)
    return tf.constant(math.log(static), tf.float32) if static else tf.math.log(tf.cast(count, tf.float32))
