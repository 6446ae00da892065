"""The total correlation of codes, from the densities of their batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.comparisons.base import shares
from tfvae.comparisons.codes import Codes, OfCodes


@dataclass(frozen=True)
class TotalCorrelation(OfCodes):
    """How far the units of a code are from independent: TC = KL(q(z) || prod_d q(z_d)), q(z) = mean_x q(z|x).

        TC  = mean_b [log q(z_b) - sum_d log q(z_bd)],   log q(z_b) = log sum_c p_bc q(z_b|x_c)

    over the M examples of a batch; log q(z_bd) is the same with q(z_bd|x_c). Each pair counts p_bc = 1/M: this is the
    minibatch-weighted estimate but for its constant -(D - 1) log N, which moves nothing. An example meets its own code
    more often than in all of the data, so that the estimate depends on M and is right for large ones alone.

    With the number N of training examples, the own pair counts 1/N and the others share the rest: stratified sampling.
    Each q is then unbiased for a batch drawn without replacement. The logarithm's bias is left, of the order of 1/M.

    Attributes:
        dataset_size: N; None for pairs that all count alike.

    References:
        Chen, Li, Grosse, Duvenaud: Isolating sources of disentanglement in variational autoencoders (2018), equation 4
        and appendix C.
    """

    name: ClassVar[str] = "total-correlation"
    needs_factors: ClassVar[bool] = True
    dataset_size: int | None = None

    def __post_init__(self) -> None:
        """Raises a `UserError` for a size of the data that is no positive integer."""
        if self.dataset_size is not None:
            positive_int("dataset_size", self.dataset_size)

    def of_codes(self, codes: Codes) -> tf.Tensor:
        """Returns the estimate for the codes of a batch; see `OfCodes.of_codes`."""
        return self(codes.log_densities(), codes.weight)

    def __call__(self, log_densities: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """Returns the estimate: a scalar in nats that is differentiated through the densities.

        Args:
            log_densities: [B, B, D], log q(z_bd|x_c) of code b, example c and unit d, nats.
            weight: [B], what each example counts; not all 0.
        """
        share = shares(weight)
        log_pairs = tf.math.log(self._pairs(share))
        joint = tf.reduce_logsumexp(log_pairs + tf.reduce_sum(log_densities, axis=-1), axis=1)
        units = tf.reduce_logsumexp(log_pairs[..., tf.newaxis] + log_densities, axis=1)
        return tf.reduce_sum(share * (joint - tf.reduce_sum(units, axis=-1)))

    def _pairs(self, share: tf.Tensor) -> tf.Tensor:
        """Returns p, whose rows sum to 1: [B, B]."""
        alike = tf.broadcast_to(share, tf.repeat(tf.shape(share), 2))
        if self.dataset_size is None:
            return alike
        own = 1.0 / self.dataset_size
        others = tf.math.divide_no_nan((1.0 - own) * alike, 1.0 - share[:, tf.newaxis])
        pairs = tf.linalg.set_diag(others, tf.fill(tf.shape(share), tf.constant(own, share.dtype)))
        return pairs / tf.reduce_sum(pairs, axis=1, keepdims=True)
