"""The total correlation of codes, as the ratio of densities that a discriminator learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.comparisons.adversarial import Probabilistic
from tfvae.comparisons.base import Cost, shares
from tfvae.comparisons.codes import Codes


@dataclass(frozen=True)
class Factor(Probabilistic):
    """The game of codes against codes whose units come from different examples: FactorVAE.

    The discriminator's optimum is the logit a(z) = log prod_d q(z_d) - log q(z). The cost of codes is -E a(z), which
    is then their total correlation KL(q(z) || prod_d q(z_d)).

    Here the shuffled codes are those of the same batch; the paper takes another one.

    References:
        Kim, Mnih: Disentangling by factorising (2018), equation 3 and algorithm 2.
    """

    name: ClassVar[str] = "factor"

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns -a, with slope -1."""
        return Cost(-fake, -tf.ones_like(fake))

    def reference(self, codes: Codes) -> tf.Tensor:
        """Returns codes whose units are shuffled over the batch, each unit on its own; see `shuffled`."""
        uniforms = codes.noise.uniform("shuffle", 1, codes.z.shape[-1])[0]
        return shuffled(codes.z, codes.weight, uniforms)


def shuffled(z: tf.Tensor, weight: tf.Tensor, uniforms: tf.Tensor) -> tf.Tensor:
    """Returns draws from the product of the units' distributions in a batch: [B, D].

    Each unit is drawn from its B values as often as their weights ask, in an order of its own. Where all weights are
    equal that is a permutation.

    Args:
        z: [B, D].
        weight: [B], what each code counts; not all 0.
        uniforms: [B, D], independent and uniform on (0, 1).
    """
    count = tf.shape(z)[0]
    places = (tf.range(tf.cast(count, z.dtype)) + 0.5) / tf.cast(count, z.dtype)
    drawn = tf.minimum(tf.searchsorted(tf.cumsum(shares(weight)), places), count - 1)
    order = tf.gather(drawn, tf.argsort(uniforms, axis=0))
    return tf.transpose(tf.gather(tf.transpose(z), tf.transpose(order), axis=1, batch_dims=1))
