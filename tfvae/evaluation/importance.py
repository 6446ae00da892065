"""The log marginal likelihood by importance sampling from q(z|x)."""

from __future__ import annotations

import math
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
from tfvae.evaluation.pareto import reliable, tail_size
from tfvae.evaluation.pareto import smooth as smooth_tail
from tfvae.evaluation.per_example import check_finite
from tfvae.evaluation.sums import Sums, added, empty
from tfvae.evaluation.traced import traced
from tfvae.examples import Examples
from tfvae.models.contract import Density, Inferential

EXAMPLES_PER_BLOCK = 16
EXACT_PER_BLOCK = 500
NUMBERS_PER_BLOCK = 2**22  # float32 numbers in a block's largest tensor: 16 MiB


@dataclass(frozen=True, repr=False)
class LogMarginal(Estimate):
    """Estimates of log p(x) for N examples from K particles each.

    Attributes:
        log_prob, standard_error, effective_sample_size: see `Estimate`; `log_prob` with smoothed weights where that
            was asked for.
        elbo: mean_k log w_k, [N], nats.
        pareto_k: shape k of the tail of the weights, [N], fitted to the largest min(K / 5, 3 sqrt(K)) of them. The
            weights have 1 / k moments: above 1/2 no variance, above 1 no mean. NaN below K = 25, where the tail is too
            small; -inf for weights that do not vary.
        num_samples: K.
    """

    elbo: np.ndarray
    pareto_k: np.ndarray
    num_samples: int

    def effort(self) -> list[str]:
        """See `Estimate.effort`: the particles, and the examples whose tails are too heavy where these are known."""
        if np.isneginf(self.pareto_k).all():
            return ["exact"]
        if np.isnan(self.pareto_k).all():
            return [f"K = {self.num_samples:,}"]
        unreliable = 100.0 * np.mean(~self.reliable)
        return [f"K = {self.num_samples:,}", f"{unreliable:.0f} % above the Pareto threshold"]

    @property
    def reliable(self) -> np.ndarray:
        """Whether `log_prob` and `standard_error` of each example can be trusted, as its tail and those of the other
        examples are light enough: [N], bool; see `tfvae.evaluation.pareto.reliable`."""
        return reliable(self.pareto_k, self.num_samples)


def log_marginal(
    model: Inferential | Density,
    data: Any,
    num_samples: int = 5000,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
    smooth: bool = False,
    block_size: int | None = None,
) -> LogMarginal:
    """Estimates log p(x) of each example by importance sampling,

        log p(x) ~ log (1/K) sum_k w_k,  w_k = p(x|z_k) p(z_k) / q(z_k|x),  z_k drawn from q(z|x).

    Each example is encoded once; examples and particles are then taken in blocks, so that memory grows with neither.

    Args:
        model: `Inferential` model, or a `Density`, which is scored exactly.
        data: an array [N, *event_shape], `tfvae.examples.Examples`, or a finite `tf.data.Dataset` of batches. A model
            with a condition takes `Examples` that have one, or pairs (condition, x): the result is p(x|condition) then.
        num_samples: particles K for each example, exactly.
        seed: 32-bit integer.
        progress: called with (examples done, N) at the start and after each block.
        store: takes each finished block, and spares those that it holds; of one model, data set, K and seed.
        smooth: whether the largest weights give way to the expected order statistics of the Pareto distribution that is
            fitted to them. That lowers the scatter of `log_prob` where `pareto_k` is below about 0.7, for a small bias.
        block_size: particles of an example taken at once; None for as many as keep a block's widest tensor at 16 MiB.
            Blocks draw noise of their own, so that the estimate depends on it as on the seed.

    Returns:
        result: `LogMarginal`.

    Raises:
        UserError: if an argument is out of range, the data do not fit the model or a log-weight is NaN or +infinity.

    Example:
        >>> import numpy as np
        >>> from tfvae import presets
        >>> model, x = presets.create("digits"), np.ones((3, 8, 8, 1), "float32")
        >>> result = log_marginal(model, x, num_samples=100)
        >>> result.log_prob.shape, result.pareto_k.shape, bool(np.isclose(result.nll, -result.log_prob.mean()))
        ((3,), (3,), True)

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), section 5.
        Owen: Monte Carlo theory, methods and examples, chapter 9 (the delta method for importance sampling).
        Vehtari, Simpson, Gelman, Yao, Gabry: Pareto smoothed importance sampling (2024), section 2 (`pareto_k`, its
        threshold and `smooth`).
    """
    num_samples = positive_int("num_samples", num_samples)
    data = as_examples(model, data)
    count = len(data)
    if isinstance(model, Density):
        return _exact(model, data, progress, store)
    if not isinstance(model, Inferential):
        raise UserError(
            "importance sampling needs a q(z|x) to draw from",
            expected="an inferential model, or one that gives log p(x) itself",
            received=type(model).__name__,
            fix="ais needs no q(z|x)",
        )
    particle_block = min(num_samples, particles_at_once(model, EXAMPLES_PER_BLOCK, block_size))
    blocks = [min(particle_block, num_samples - start) for start in range(0, num_samples, particle_block)]
    run_seed = random.fold(random.as_seed(seed), "log_marginal")
    encode, add_block = _functions(model)

    def estimate(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        encoding = encode(x)
        state = empty(stop - start, 1 + tail_size(num_samples))
        for block, size in enumerate(blocks):
            state = add_block(x, encoding, tf.constant(start), random.fold(run_seed, block), size, state)
        *sums, tails = (item.numpy() for item in state)
        return np.concatenate([finish(sums, start, num_samples), _smoothed(sums, tails, num_samples)])

    columns = in_blocks(count, EXAMPLES_PER_BLOCK, estimate, store, progress, data.rows)
    log_prob, *others, smoothed = columns
    return LogMarginal(smoothed if smooth else log_prob, *others, num_samples=num_samples)  # type: ignore[misc]


def _smoothed(sums: list[np.ndarray], tails: np.ndarray, num_samples: int) -> np.ndarray:
    """Returns the shape of each example's tail and log p(x) from smoothed weights: [2, b].

    Args:
        sums: see `finish`.
        tails: the largest log-weights in descending order, [b, 1 + tail_size(K)].
        num_samples: K.
    """
    top, first, *_ = sums
    columns = []
    for example, tail in enumerate(tails):
        k, smoothed = smooth_tail(tail, num_samples)
        gain = np.exp(smoothed - top[example]).sum() - np.exp(tail[:-1] - top[example]).sum()
        columns.append((k, top[example] + np.log(first[example] + gain) - math.log(num_samples)))
    return np.transpose(columns)


def _exact(
    model: Density,
    data: Examples,
    progress: Callable[[int, int], None] | None,
    store: MutableMapping[int, np.ndarray] | None,
) -> LogMarginal:
    """Returns the result of a density: log p(x) itself, as if from one particle."""
    count = len(data)

    def score(start: int, stop: int) -> np.ndarray:
        log_prob = model.log_prob(**data[start:stop].arguments()).numpy().astype(np.float64)
        check_finite("log-likelihoods", log_prob, start)
        return log_prob

    log_prob = in_blocks(count, EXACT_PER_BLOCK, score, store, progress, data.rows)
    zero = np.zeros(count)
    return LogMarginal(log_prob, zero, zero + 1.0, log_prob, zero - np.inf, num_samples=1)


def particles_at_once(model: Any, examples: int, block_size: int | None) -> int:
    """Returns `block_size`, checked, or for None how many particles keep some examples' widest tensor at 16 MiB."""
    if block_size is not None:
        return positive_int("block_size", block_size)
    return max(1, NUMBERS_PER_BLOCK // width(model) // examples)


def _functions(model: Inferential) -> tuple[Callable[..., Any], ...]:
    """Returns the two traced functions of a model."""

    def add_block(
        x: Any, encoding: Any, first_row: tf.Tensor, seed: tf.Tensor, size: int, state: Sums
    ) -> Sums:
        noise = random.PhiloxNoise(seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        with log_density.compiled_densities():
            log_weights = model.score(x, encoding, size, noise).log_weights
        return added(state, tf.cast(log_weights, tf.float64))

    return traced(model, "log_marginal", model.encoding, add_block)
