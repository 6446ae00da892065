"""The base class of gradient estimators, and the types that they take and return."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf

from tfvae.estimators.catalog import row


class Terms(NamedTuple):
    """The bound and the gradient weights of K particles for each of B examples.

    A training step ascends these gradients of the generative parameters theta and the encoder's phi:

        theta: sum_k model[k] d log p(x, z_k) / d theta
        phi:   sum_k path[k] (d [log p(x, z_k) - log q(z_k|x)] / d z_k) (d z_k / d phi)
               + sum_k score[k] d log q(z_k|x) / d phi,  z_k held fixed

    Attributes:
        bound: estimate of the bound, [B], nats; its mean is at most log p(x) unless the estimator says otherwise.
        model: weights of the model gradient, [K, B].
        path: weights of the pathwise gradient, [K, B], or None for zero. If it is the tensor `model` itself, the step
            saves a multiplication.
        score: weights of the score-function gradient, [K, B], or None for zero.
    """

    bound: tf.Tensor
    model: tf.Tensor
    path: tf.Tensor | None
    score: tf.Tensor | None


class Baseline(NamedTuple):
    """The control variate of a score-function estimator: the learning signal is (log w - value) / scale.

    Attributes:
        value: prediction of log w for each example, [B], nats.
        scale: positive scalar that normalises the signal.
    """

    value: tf.Tensor | float
    scale: tf.Tensor | float


NO_BASELINE = Baseline(0.0, 1.0)


class Estimator:
    """A gradient estimator: a frozen dataclass that maps log-weights [K, B] to `Terms`.

    Attributes:
        name: name in the table.
        analytic_kl: True if its log-weights are log p(x|z) alone. The model then subtracts KL(q || p) in closed form.
        baseline: True if it takes a learned `Baseline` as its second argument.
        relaxed: True if it trains on a continuous relaxation of discrete latents.
        doubly_reparameterized: True if its path weights already contain the score term.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae import estimators
        >>> terms = estimators.get("dreg")(tf.math.log([[1.0], [3.0]]))  # K = 2 particles, B = 1 example
        >>> terms.model.numpy().round(4).tolist(), terms.path.numpy().round(4).tolist()
        ([[0.25], [0.75]], [[0.0625], [0.5625]])
    """

    name: ClassVar[str]
    analytic_kl: ClassVar[bool] = False
    baseline: ClassVar[bool] = False
    relaxed: ClassVar[bool] = False
    doubly_reparameterized: ClassVar[bool] = False

    @property
    def automatic(self) -> bool:
        """Whether the path weights are the model weights and the score weights their negative, so that the three
        gradients together are the gradient of the bound along every path."""
        facts = row(self.name)
        return (facts.needs_path_density or self.relaxed) and not facts.separate_encoder

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles.

        Args:
            log_weights: log p(x|z) + log p(z) - log q(z|x), [K, B], nats, treated as constants.

        Returns:
            terms: bound [B] and gradient weights [K, B].
        """
        raise NotImplementedError(f"{type(self).__name__} does not define its weights")

    def get_config(self) -> dict[str, Any]:
        """Returns the name and options with which `tfvae.estimators.get` makes this estimator again."""
        return {"name": self.name} | dataclasses.asdict(self)  # type: ignore[call-overload]


def log_mean_exp(log_weights: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """Returns log (1/K) sum_k exp(log_weights[k]) over `axis`: [K, B] to [B], nats."""
    return tf.reduce_logsumexp(log_weights, axis=axis) - math_log(tf.shape(log_weights)[axis])


def uniform(log_weights: tf.Tensor) -> tf.Tensor:
    """Returns the weight 1/K for each particle: [K, B]."""
    return tf.ones_like(log_weights) / tf.cast(tf.shape(log_weights)[0], log_weights.dtype)


def math_log(count: tf.Tensor) -> tf.Tensor:
    """Returns the natural logarithm of an integer, float32."""
    static = tf.get_static_value(count)
    return tf.constant(math.log(static), tf.float32) if static else tf.math.log(tf.cast(count, tf.float32))
