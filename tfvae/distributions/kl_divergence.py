"""KL divergences in closed form."""

from __future__ import annotations

import tensorflow as tf

from tfvae.distributions.head import Head, Parameters, tfd


def kl_divergence(posterior: Head, q: Parameters, prior: Head, p: Parameters) -> tf.Tensor:
    """The divergence KL(q || p) in closed form, by unit where both factorise.

    Args:
        posterior: head of q.
        q: parameters of q, [B, ...].
        prior: head of p.
        p: parameters of p, [...] or [B, ...].

    Returns:
        kl: [B, units], nats: units = 1 where the distributions do not factorise.

    Raises:
        NotImplementedError: if the pair has no closed form.

    Example:
        >>> from tfvae.distributions import DiagonalNormal, StandardNormal
        >>> prior, q = StandardNormal(2), (tf.ones((1, 2)), tf.ones((1, 2)))
        >>> kl_divergence(DiagonalNormal(2), q, prior, prior.parameters()).numpy().tolist()
        [[0.5, 0.5]]
    """
    q_factors, p_factors = posterior.factors(q), prior.factors(p)
    if q_factors is not None and p_factors is not None:
        return tfd.kl_divergence(q_factors, p_factors)
    return tfd.kl_divergence(posterior.distribution(q), prior.distribution(p))[:, tf.newaxis]
