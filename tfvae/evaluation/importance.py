"""The log marginal likelihood by importance sampling from q(z|x)."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, positive_int
from tfvae.distributions import compiled
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.examples import as_arrays, rows

EXAMPLES_PER_BLOCK = 16
EXACT_PER_BLOCK = 500
NUMBERS_PER_BLOCK = 2**22  # float32 numbers in a block's largest tensor: 16 MiB


@dataclass(frozen=True)
class LogMarginal:
    """Estimates of log p(x) for N examples from K particles each.

    Attributes:
        log_prob: log (1/K) sum_k w_k, [N], nats; its expectation is at most log p(x).
        standard_error: of `log_prob`, [N], nats, by the delta method: sqrt((K / ESS - 1) / (K - 1)). Not to be
            trusted where the effective sample size is small.
        effective_sample_size: (sum_k w_k)^2 / sum_k w_k^2, [N], between 1 and K.
        elbo: mean_k log w_k, [N], nats.
        num_samples: K.
    """

    log_prob: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray
    elbo: np.ndarray
    num_samples: int

    @property
    def nll(self) -> float:
        """Negative log-likelihood: the mean of -log_prob over the examples, nats."""
        return float(-self.log_prob.mean())

    @property
    def nll_standard_error(self) -> float:
        """Standard error of `nll` as an estimate for the whole population, nats: sd(log_prob) / sqrt(N).

        The scatter of `log_prob` holds both parts, that from one example to the next and that from the particles;
        `monte_carlo_standard_error` is the second part alone. NaN for a single example.
        """
        count = len(self.log_prob)
        return float(self.log_prob.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan

    @property
    def monte_carlo_standard_error(self) -> float:
        """Standard error of `nll` for exactly these examples, nats: sqrt(sum_n standard_error_n^2) / N."""
        return float(np.sqrt(np.sum(self.standard_error**2)) / len(self.standard_error))


def log_marginal(
    model,
    data,
    num_samples: int = 5000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
) -> LogMarginal:
    """Estimates log p(x) of each example by importance sampling,

        log p(x) ~ log (1/K) sum_k w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x),  z_k drawn from q(z|x).

    Each example is encoded once; examples and particles are then taken in blocks, so that memory grows with neither.

    Args:
        model: a `tfvae` model with a posterior.
        data: [N, *event_shape], or a finite `tf.data.Dataset` of batches; pairs (condition, x) for a `CVAE`, whose
            p(x|condition) it is, or a `Regressor`, which is scored exactly.
        num_samples: particles K for each example, exactly.
        seed: 32-bit integer.
        progress: called with (examples done, N) at the start and after each block.
        store: takes each finished block, and spares those that it holds; of one model, data set, K and seed.

    Returns:
        result: `LogMarginal`.

    Raises:
        UserError: if an argument is out of range, the data do not fit the model or a log-weight is NaN or +infinity.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.
        Owen: Monte Carlo theory, methods and examples, chapter 9 (the delta method for importance sampling).
    """
    num_samples = positive_int("num_samples", num_samples)
    data = as_arrays(model, data)
    count = len(data["x"])
    if model.latents is None:
        return _exact(model, data, progress, store)
    most = max(EXAMPLES_PER_BLOCK, NUMBERS_PER_BLOCK // math.prod(data["x"].shape[1:]))
    particle_block = min(num_samples, most // EXAMPLES_PER_BLOCK)
    blocks = [min(particle_block, num_samples - start) for start in range(0, num_samples, particle_block)]
    run_seed = random.fold(random.as_seed(seed), "log_marginal")
    encode, add_block = _functions(model)

    def estimate(start, stop):
        x = model.check_examples(**rows(data, start, stop - start))
        encoding = encode(x)
        state = _empty(stop - start)
        for block, size in enumerate(blocks):
            state = add_block(x, encoding, tf.constant(start), random.fold(run_seed, block), size, state)
        return _finish(state, start, num_samples)

    columns = in_blocks(count, EXAMPLES_PER_BLOCK, estimate, store, progress)
    return LogMarginal(*columns, num_samples=num_samples)


def _exact(model, data, progress, store):
    """The result of a model without latents: log p(x|c) itself, as if from one particle."""
    count = len(data["x"])

    def score(start, stop):
        return model.log_prob(**rows(data, start, stop - start)).numpy().astype(np.float64)

    log_prob = in_blocks(count, EXACT_PER_BLOCK, score, store, progress)
    broken = np.flatnonzero(~np.isfinite(log_prob))
    if broken.size:
        raise UserError(
            "log-likelihoods are NaN or infinite",
            expected="finite log-densities",
            received=f"{broken.size} bad ones, the first at example {broken[0]}",
            fix="look at that example and at the model's weights",
        )
    zero = np.zeros(count)
    return LogMarginal(log_prob, zero, zero + 1.0, log_prob, num_samples=1)


def _functions(model):
    """Returns the two traced functions of a model, which keeps them for the next evaluation."""
    if not hasattr(model, "log_marginal_functions"):

        def add_block(x, encoding, first_row, seed, size, state):
            noise = random.PhiloxNoise(seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
            with compiled.densities():
                log_weights = model.score(x, encoding, size, noise).log_weights
            return _accumulate(state, tf.cast(log_weights, tf.float64))

        model.log_marginal_functions = (
            tf.function(model.encoding, reduce_retracing=True),
            tf.function(add_block, reduce_retracing=True),
        )
    return model.log_marginal_functions


def _empty(count):
    """The state of no particles: largest log-weight, sums of w and w^2 relative to it, sum of log-weights."""
    lowest = tf.fill([count], tf.constant(tf.float64.min, tf.float64))
    zero = tf.zeros([count], tf.float64)
    return lowest, zero, zero, zero


def _accumulate(state, log_weights):
    top, first, second, total = state
    new_top = tf.maximum(top, tf.reduce_max(log_weights, axis=0))
    shrink, weights = tf.exp(top - new_top), tf.exp(log_weights - new_top)
    return (
        new_top,
        first * shrink + tf.reduce_sum(weights, axis=0),
        second * shrink**2 + tf.reduce_sum(weights**2, axis=0),
        total + tf.reduce_sum(log_weights, axis=0),
    )


def _finish(state, start, num_samples):
    top, first, second, total = (item.numpy() for item in state)
    broken = np.flatnonzero(~np.isfinite(top + first + second))
    if broken.size:
        raise UserError(
            "log-weights are NaN or infinite",
            expected="finite log-densities",
            received=f"{broken.size} bad ones in a block of {len(top)}, the first at example {start + broken[0]}",
            fix="look at that example and at the model's weights",
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        size = first**2 / second
        variance = (
            np.maximum(num_samples / size - 1.0, 0.0) / (num_samples - 1)
            if num_samples > 1
            else np.nan * size
        )
        return np.stack(
            [top + np.log(first) - math.log(num_samples), np.sqrt(variance), size, total / num_samples]
        )
