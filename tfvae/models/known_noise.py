"""The noise of noise-contrastive estimation: a distribution that can be drawn and whose density is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfvae.checks import UserError
from tfvae.distributions import PriorHead
from tfvae.distributions.described import describe, restore
from tfvae.models import replicas
from tfvae.models.parts import deserialize, serialized
from tfvae.models.replicas import Batch


def normal_of(x: np.ndarray) -> tfd.MultivariateNormalTriL:
    """Returns the normal distribution with the mean and the covariance of vectors [N, D].

    Raises:
        UserError: if the vectors lie in fewer dimensions than they have numbers, where it has no density.
    """
    x = np.asarray(x, np.float64)
    covariance = np.atleast_2d(np.cov(x, rowvar=False))
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise UserError(
            "normal noise with the covariance of these vectors has no density",
            expected=f"vectors that fill {x.shape[1]} dimensions",
            received=f"a covariance of rank {np.linalg.matrix_rank(covariance)}",
            fix="leave out columns that are constant or sums of others",
        ) from error
    return tfd.MultivariateNormalTriL(np.float32(x.mean(axis=0)), np.float32(root))


def check_noise(noise: Any) -> None:
    """Raises a `UserError` unless `noise` is one distribution over float32 arrays that can be drawn and scored."""
    expected = "a distribution of tensorflow_probability, or a prior head, with sample and log_prob"
    if not isinstance(noise, tfd.Distribution | PriorHead):
        bound = hasattr(noise, "log_weights")
        raise UserError(
            "a bound is no density of noise" if bound else "the noise has no density that is known",
            expected=expected,
            received=f"a {type(noise).__name__}" + ", which bounds log p(x) from below" * bound,
        )
    distribution = distribution_of(noise)
    try:
        scored = distribution.log_prob(distribution.sample(seed=(0, 1)))
    except NotImplementedError as error:
        raise UserError(
            "the noise has no density that is known", expected=expected, received=type(noise).__name__
        ) from error
    if distribution.dtype != tf.float32 or scored.shape.rank != 0 or not distribution.event_shape.rank:
        raise UserError(
            "the noise is not one distribution over arrays",
            expected="dtype float32, batch shape [], an event shape of one axis or more",
            received=f"dtype {distribution.dtype.name}, batch shape {distribution.batch_shape.as_list()}, "
            f"event shape {distribution.event_shape.as_list()}",
            fix="wrap it in tfd.Independent, or in tfd.Sample",
        )


def distribution_of(noise: tfd.Distribution | PriorHead) -> tfd.Distribution:
    """Returns the distribution itself."""
    if not isinstance(noise, PriorHead):
        return noise
    if not noise.built:
        noise.build(None)
    return noise.distribution(noise.parameters())


def draw(noise: tfd.Distribution | PriorHead, seed: tf.Tensor, batch: Batch, ratio: int) -> tf.Tensor:
    """Returns samples for each example of a batch, a function of the seed and the example's place in the global batch.

    Args:
        noise: where they come from.
        seed: [2], int32.
        batch: what this replica holds of the global batch.
        ratio: samples for each example.

    Returns:
        samples: [ratio, B, *event_shape].
    """
    whole = replicas.total(batch.num_rows)
    drawn = distribution_of(noise).sample(tf.stack([ratio, whole]), seed=seed)
    rows = tf.shape(batch.weight)[0]
    if replicas.count() > 1:  # a row that is filled in takes any sample
        drawn = tf.gather(drawn, tf.minimum(batch.first_row + tf.range(rows), whole - 1), axis=1)
    return tf.ensure_shape(drawn, [ratio, None, *distribution_of(noise).event_shape])


def noise_config(noise: tfd.Distribution | PriorHead) -> Any:
    """Returns what `noise_from_config` reads."""
    return serialized(noise=noise)["noise"] if isinstance(noise, PriorHead) else describe(noise)


def noise_from_config(config: Any) -> tfd.Distribution | PriorHead:
    """Returns the noise that `noise_config` described, or the noise itself."""
    if isinstance(config, dict) and "distribution" in config:
        return restore(config)
    return deserialize(config)
