"""The log marginal likelihood by samples of the prior alone: kernel density estimation."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, positive_int
from tfvae.distributions import log_density
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.estimate import Estimate, finish
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.memory import width
from tfvae.evaluation.sums import added, empty
from tfvae.evaluation.traced import traced
from tfvae.models.contract import Generative

EXAMPLES_PER_BLOCK = 1000
NUMBERS_PER_BLOCK = 2**24  # float32 numbers in a block's largest tensor: 64 MiB


@dataclass(frozen=True, repr=False)
class KernelDensity(Estimate):
    """Estimates of log p(x) for N examples from K samples of the prior, which all examples share.

    Attributes:
        log_prob, standard_error, effective_sample_size: see `Estimate`.
        num_samples: K.
    """

    num_samples: int

    def effort(self) -> list[str]:
        """See `Estimate.effort`."""
        return [f"K = {self.num_samples:,} of the prior"]


def kernel_density(
    model: Generative,
    data: Any,
    num_samples: int = 10_000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
) -> KernelDensity:
    """Estimates log p(x) of each example by samples of the prior alone,

        log p(x) ~ log (1/K) sum_k p(x|z_k),  z_k drawn from p(z)

    which for a generator is a kernel density estimate, log (1/K) sum_k N(x; g(z_k), s^2 I), or Parzen window. It is
    annealed importance sampling without temperatures. Unless many samples fall near x it is too low, by tens or
    hundreds of nats for images, and its standard error does not tell. Use `ais`; this is here to show the difference.

    Args:
        model: `Generative` model without a condition.
        data: see `log_marginal`.
        num_samples: K.
        seed: 32-bit integer.
        progress, store: see `log_marginal`; a block is of 1,000 examples.

    Returns:
        result: `KernelDensity`.

    Raises:
        UserError: if an argument is out of range, the data or the model do not fit, or a log-weight is NaN or infinite.

    Example:
        >>> import numpy as np, keras, tfvae
        >>> parts = keras.layers.Dense(3), keras.layers.Dense(1)
        >>> model = tfvae.GAN(*parts, prior=tfvae.distributions.StandardNormal(2), observation_scale=0.5)
        >>> x = np.ones((4, 3), "float32")
        >>> tfvae.evaluation.kernel_density(model, x, num_samples=100).log_prob.shape
        (4,)

    References:
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        the comparison with kernel density estimation.
    """
    num_samples = positive_int("num_samples", num_samples)
    if not isinstance(model, Generative):
        raise UserError(
            "kernel density estimation needs samples",
            expected="a generative model",
            received=type(model).__name__,
        )
    data = as_examples(model, data)
    if data.condition is not None:
        raise UserError("kernel density estimation has no condition", expected="a model without one")
    most = min(len(data), EXAMPLES_PER_BLOCK)
    at_once = min(num_samples, max(1, NUMBERS_PER_BLOCK // (most * model.example_width)))
    at_once = min(at_once, max(1, NUMBERS_PER_BLOCK // width(model)))
    seeds = random.fold(random.as_seed(seed), "kernel density")

    def log_likelihoods(x: Any, start: tf.Tensor, size: int, seed: tf.Tensor) -> tf.Tensor:
        generator = model.generator(x)
        latents = model.prior_latents(generator, random.PhiloxNoise(seed, size, start), 1)
        with log_density.compiled_densities():
            _, found = model.log_joint(
                x, generator, tuple(tf.reshape(z, [size, 1, *z.shape[2:]]) for z in latents)
            )
        return tf.cast(found, tf.float64)

    (score,) = traced(model, ("kernel density", *model.density_settings), log_likelihoods)

    def estimate(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        state = empty(stop - start)
        for first in range(0, num_samples, at_once):
            size = min(at_once, num_samples - first)
            state = added(state, score(x, tf.constant(first), size, seeds))
        *sums, _ = (item.numpy() for item in state)
        return finish(sums, start, num_samples)[:3]

    columns = in_blocks(len(data), EXAMPLES_PER_BLOCK, estimate, store, progress, data.rows)
    return KernelDensity(*columns, num_samples=num_samples)  # type: ignore[misc]
