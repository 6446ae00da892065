"""The mean and the scale of q(z|x) of each example."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, int_from
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.traced import traced
from tfvae.models.contract import Inferential

EXAMPLES_PER_BLOCK = 500
DRAWS_PER_BLOCK = 10_000  # of all its examples


@dataclass(frozen=True, repr=False)
class PosteriorMoments:
    """Mean and scale of the latents of N examples under q(z|x).

    Attributes:
        means: E[z|x], [N, *shape] for each stochastic layer from the bottom up.
        scales: standard deviation of each unit of z given x, of the same shapes.
        draws: how many draws of z made both, whose standard error is about scale / sqrt(draws); None where they have a
            closed form and are exact.
    """

    means: tuple[np.ndarray, ...]
    scales: tuple[np.ndarray, ...]
    draws: int | None

    def __repr__(self) -> str:
        """The units of each layer and what the moments are made from, in one line."""
        units = " and ".join(str(math.prod(mean.shape[1:])) for mean in self.means)
        effort = "exact" if self.draws is None else f"{self.draws:,} draws"
        return f"<{type(self).__name__}: {units} units, N = {len(self.means[0]):,}, {effort}>"


def posterior_moments(
    model: Inferential,
    data: Any,
    *,
    draws: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> PosteriorMoments:
    """Measures the mean and the standard deviation of each latent unit under q(z|x).

    They are exact for one layer whose posterior has a closed form, such as `DiagonalNormal`. Latents in several layers
    or steps, and those of a flow, are drawn instead.

    Args:
        model: `Inferential` model.
        data: examples; see `log_marginal`.
        draws: how many of q(z|x) for each example where there is no closed form, at least 2.
        seed: 32-bit integer, of the draws.
        progress: called with (examples done, N) at the start and after each block.

    Returns:
        moments: `PosteriorMoments`.

    Raises:
        UserError: if the model has no q(z|x), the data do not fit it, or an argument is out of range.

    Example:
        >>> import numpy as np
        >>> from tfvae import presets
        >>> model, x = presets.create("digits", latent_size=2), np.ones((3, 8, 8, 1), "float32")
        >>> moments = posterior_moments(model, x)
        >>> moments.means[0].shape, moments.scales[0].shape, moments.draws
        ((3, 2), (3, 2), None)
    """
    if not isinstance(model, Inferential):
        raise UserError(
            f"a {type(model).__name__} has no encoder",
            expected="a model with q(z|x), such as VAE",
            received=type(model).__name__,
        )
    int_from(2, "draws", draws)
    data = as_examples(model, data)
    exact = model.encodes_posterior and len(model.posterior_heads) == 1
    exact = exact and model.posterior_heads[0].closed_mean
    run_seed = random.fold(random.as_seed(seed), "posterior_moments")
    closed, drawn = _functions(model)
    shapes: list[tuple[int, ...]] = []

    def compute(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        pairs = closed(x) if exact else drawn(x, tf.constant(start), run_seed, draws)
        shapes[:] = [tuple(mean.shape[1:]) for mean, _ in pairs]
        rows = [tf.reshape(part, [stop - start, -1]).numpy() for pair in pairs for part in pair]
        return np.concatenate(rows, axis=1).T

    size = EXAMPLES_PER_BLOCK if exact else max(1, DRAWS_PER_BLOCK // draws)
    columns = in_blocks(len(data), size, compute, progress=progress, rows=data.rows).T
    widths = [int(np.prod(shape)) for shape in shapes for _ in range(2)]
    parts = np.split(columns, np.cumsum(widths)[:-1], axis=1)
    means, scales = (
        tuple(part.reshape(-1, *shape) for part, shape in zip(parts[first::2], shapes, strict=True))
        for first in (0, 1)
    )
    return PosteriorMoments(means, scales, None if exact else draws)


def _functions(model: Inferential) -> tuple[Callable[..., Any], ...]:
    """Returns the traced moments of a model: in closed form, and of draws."""

    def closed(x: Any) -> list[tuple[tf.Tensor, tf.Tensor]]:
        q = model.posterior_heads[0].distribution(model.encoding(x))
        return [(q.mean(), q.stddev())]

    def drawn(x: Any, first_row: tf.Tensor, seed: tf.Tensor, draws: int) -> list[tuple[tf.Tensor, tf.Tensor]]:
        noise = random.PhiloxNoise(seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        latents = model.posterior_latents(x, model.encoding(x), draws, noise)
        correction = tf.sqrt(draws / (draws - 1.0))
        return [
            (tf.reduce_mean(z, axis=0), tf.cast(correction, z.dtype) * tf.math.reduce_std(z, axis=0))
            for z in latents
        ]

    return traced(model, "posterior_moments", closed, drawn)
