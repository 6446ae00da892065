"""The maximum mean discrepancy of two sets of points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.comparisons.base import shares
from tfvae.comparisons.codes import Codes, OfCodes

BANDWIDTHS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)


@dataclass(frozen=True)
class MeanDiscrepancy(OfCodes):
    """The distance of the means of two sets in the space of a kernel, a sum of Gaussians.

        k(x, y) = sum_s exp(-|x - y|^2 / (2 s))
        MMD^2   = E k(x, x') + E k(y, y') - 2 E k(x, y)

    Attributes:
        bandwidths: s, squared lengths of the kernels.
        unbiased: whether pairs of a point with itself are left out. The estimate of MMD^2 then has the right mean and
            may be negative; otherwise it is the squared distance of the two sets' means, never negative.
        root: whether the cost is MMD in place of MMD^2; not for the unbiased estimate, which may be negative.

    References:
        Gretton et al.: A kernel two-sample test (2012), equations 3 and 5.
        Li, Swersky, Zemel: Generative moment matching networks (2015), section 3.
    """

    name: ClassVar[str] = "mmd"
    bandwidths: tuple[float, ...] = BANDWIDTHS
    unbiased: bool = False
    root: bool = True

    def __post_init__(self) -> None:
        """Raises a `UserError` for options that are out of range or do not fit."""
        object.__setattr__(self, "bandwidths", tuple(float(s) for s in self.bandwidths))
        if not self.bandwidths or not all(0 < s < float("inf") for s in self.bandwidths):
            raise UserError(
                "a bandwidth is not a positive number",
                expected="one or more squared lengths > 0",
                received=self.bandwidths,
            )
        if self.unbiased and self.root:
            raise UserError(
                "an unbiased MMD^2 may be negative and has no root",
                expected="unbiased=False, or root=False",
                received="unbiased=True with root=True",
            )

    @property
    def needs_pairs(self) -> bool:
        """See `Comparison.needs_pairs`."""
        return self.unbiased

    def __call__(self, real: tf.Tensor, fake: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the cost of two sets: a scalar that is differentiated through the samples.

        Args:
            real: [N, ...], examples.
            fake: [M, ...], samples.
            weight: [N], what each example counts; None for all alike. The cost is 0 where all are 0.
        """
        squared = squared_discrepancy(real, fake, self.bandwidths, self.unbiased, weight)
        if not self.root:
            return squared
        safe = tf.where(squared > 0, squared, tf.ones_like(squared))  # the slope of a root is infinite at 0
        return tf.where(squared > 0, tf.sqrt(safe), tf.zeros_like(squared))

    def of_codes(self, codes: Codes) -> tf.Tensor:
        """Returns the cost of codes and draws from p(z); see `OfCodes.of_codes`."""
        return self(codes.z, codes.prior(), codes.weight)


def squared_discrepancy(
    real: tf.Tensor,
    fake: tf.Tensor,
    bandwidths: Sequence[float],
    unbiased: bool = False,
    weight: tf.Tensor | None = None,
) -> tf.Tensor:
    """Returns the estimate of MMD^2 between two sets: scalar.

    Args:
        real: [N, ...], examples.
        fake: [M, ...], samples.
        bandwidths: squared lengths of the kernels.
        unbiased: whether pairs of a point with itself are left out.
        weight: [N], what each example counts; None for all alike. MMD^2 is 0 where all are 0.
    """
    x, y = (tf.reshape(points, [tf.shape(points)[0], -1]) for points in (real, fake))
    if weight is None:
        weight = tf.ones(tf.shape(x)[:1], x.dtype)
    parts = [shares(weight), shares(tf.ones(tf.shape(y)[:1], y.dtype))]
    within = [_mean_within(points, p, bandwidths, unbiased) for points, p in zip((x, y), parts, strict=True)]
    across = _mean(kernel(squared_distances(x, y), bandwidths), *parts)
    return tf.sign(tf.reduce_sum(weight)) * (within[0] + within[1] - 2 * across)


def _mean(values: tf.Tensor, p: tf.Tensor, q: tf.Tensor) -> tf.Tensor:
    """Returns sum_nm p_n values_nm q_m."""
    return tf.reduce_sum(p * tf.linalg.matvec(values, q))


def _mean_within(x: tf.Tensor, share: tf.Tensor, bandwidths: Sequence[float], unbiased: bool) -> tf.Tensor:
    """Returns the mean kernel of the pairs of one set [N, D], with or without each point's pair with itself."""
    values = kernel(squared_distances(x, x), bandwidths)
    mean = _mean(values, share, share)
    if not unbiased:
        return mean
    alone = tf.square(share)
    return (mean - tf.reduce_sum(alone * tf.linalg.diag_part(values))) / (1 - tf.reduce_sum(alone))


def kernel(squared: tf.Tensor, bandwidths: Sequence[float]) -> tf.Tensor:
    """Returns sum_s exp(-squared / (2 s)), of the shape of the squared distances."""
    return tf.add_n([tf.exp(squared / (-2.0 * s)) for s in bandwidths])


def squared_distances(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns |x_n - y_m|^2, never negative: [N, D] and [M, D] to [N, M].

    The common mean is taken off first: what cancels is then no larger than the spread of the points.
    """
    center = tf.stop_gradient(tf.reduce_mean(x, axis=0))
    x, y = x - center, y - center
    squares = tf.reduce_sum(x * x, axis=1)[:, tf.newaxis] + tf.reduce_sum(y * y, axis=1)
    return tf.nn.relu(squares - 2 * tf.matmul(x, y, transpose_b=True))


def median_bandwidth(x: tf.Tensor) -> tf.Tensor:
    """Returns the median squared distance of the pairs of different points of a set [N, ...]: scalar.

    References:
        Gretton et al.: A kernel two-sample test (2012), section 8.
    """
    x = tf.reshape(x, [tf.shape(x)[0], -1])
    count = tf.shape(x)[0]
    pairs = tf.range(count)[:, tf.newaxis] < tf.range(count)
    values = tf.sort(tf.boolean_mask(squared_distances(x, x), pairs))
    middle = tf.size(values)
    return 0.5 * (values[(middle - 1) // 2] + values[middle // 2])
