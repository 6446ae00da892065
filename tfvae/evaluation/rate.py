"""The rate-distortion point of a model: how many nats its codes take, and how many are left to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, positive_int
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.per_example import check_finite, mean_error, with_error
from tfvae.models.contract import Inferential
from tfvae.models.summaries import rate_distortion as of_particles

ROWS_PER_BLOCK = 100


@dataclass(frozen=True, repr=False)
class RateDistortion:
    """Rate and distortion of N examples; their sum is the negative evidence lower bound.

    Attributes:
        rates: KL(q(z|x) || p(z)) of each example, [N], nats.
        distortions: -E_q[log p(x|z)] of each example, [N], nats.
    """

    rates: np.ndarray
    distortions: np.ndarray

    def __repr__(self) -> str:
        """The rate and the distortion with their standard errors, in one line."""
        parts = f"rate {with_error(self.rates)}, distortion {with_error(self.distortions)} nats"
        return f"<{type(self).__name__}: {parts}, N = {len(self.rates):,}>"

    @property
    def rate(self) -> float:
        """Mean of `rates`, nats."""
        return float(self.rates.mean())

    @property
    def distortion(self) -> float:
        """Mean of `distortions`, nats."""
        return float(self.distortions.mean())

    @property
    def rate_standard_error(self) -> float:
        """Of `rate` for the whole population, nats: sd / sqrt(N), which holds the draws' scatter; NaN for N = 1."""
        return mean_error(self.rates)

    @property
    def distortion_standard_error(self) -> float:
        """Of `distortion`, as `rate_standard_error`."""
        return mean_error(self.distortions)


def rate_distortion(model: Inferential, data: Any, num_samples: int = 10, seed: int = 0) -> RateDistortion:
    """Estimates the rate R and the distortion D of a model on some examples,

        R = E_x E_q(z|x)[log q(z|x) - log p(z)],   D = -E_x E_q(z|x)[log p(x|z)],   ELBO = -(R + D).

    R is an upper bound on the information that z has of x. Where the model's estimator has the divergence in closed
    form, so has R here.

    Args:
        model: a `tfvae` model with latents; p(z) is p(z|condition) and x what its likelihood scores, where it has a
            condition. With several layers z is all of them.
        data: examples; see `log_marginal`.
        num_samples: draws from q for each example.
        seed: 32-bit integer.

    Returns:
        point: `RateDistortion`.

    Raises:
        UserError: if the model has no latents, an argument is out of range or the data do not fit.

    Example:
        >>> import numpy as np
        >>> from tfvae import presets
        >>> model, x = presets.create("digits"), np.ones((3, 8, 8, 1), "float32")
        >>> found = rate_distortion(model, x)
        >>> found.rate > 0, found.distortion > 0
        (True, True)

    References:
        Alemi, Poole, Fischer, Dillon, Saurous, Murphy: Fixing a broken ELBO (2018), section 2.
    """
    if not isinstance(model, Inferential):
        raise UserError(
            f"a {type(model).__name__} has no latents", expected="a model whose codes take a rate"
        )
    num_samples = positive_int("num_samples", num_samples)
    data = as_examples(model, data)
    run_seed = random.fold(random.as_seed(seed), "rate_distortion")

    closed_form = bool(getattr(getattr(model, "estimator", None), "analytic_kl", False))

    @tf.function(reduce_retracing=True)
    def metrics(x: Any, first_row: tf.Tensor) -> tf.Tensor:
        noise = random.PhiloxNoise(run_seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        particles = model.particles(x, num_samples, noise, analytic_kl=closed_form)
        return tf.stack(of_particles(particles))

    def compute(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        return metrics(x, tf.constant(start)).numpy().astype(np.float64)

    columns = in_blocks(len(data), ROWS_PER_BLOCK, compute)
    check_finite("rates or distortions", columns)
    return RateDistortion(*columns)
