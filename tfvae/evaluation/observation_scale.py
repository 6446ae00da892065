"""The observation scale of a generator, fitted on held-out data."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np

from tfvae.checks import positive_int
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.scale_curve import scale_curve
from tfvae.examples import Examples
from tfvae.models.contract import Implicit


def fit_observation_scale(
    model: Implicit,
    validation_data: Any,
    *,
    grid: Any = None,
    num_temperatures: int = 500,
    num_chains: int = 8,
    limit: int | None = 100,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
) -> float:
    """Finds the scale s with the largest mean log p(x), p(x) = E_z N(x; g(z), s^2 I), and sets it in the model.

    `scale_curve` estimates log p(x) at all scales of a grid with the same chains; the best scale is the top of a
    parabola through the best three. `model.save` keeps it. The scale takes part in the likelihood as a weight would:
    fit it on examples that are not those to be evaluated.

    Args:
        model: `Implicit` model, such as a GAN.
        validation_data: held-out examples; see `log_marginal`.
        grid, num_temperatures, num_chains, progress, store: see `scale_curve`.
        limit: most examples to take, from a shuffle that the seed fixes; None for all.
        seed: 32-bit integer.

    Returns:
        observation_scale: s, in units of x.

    Raises:
        UserError: see `scale_curve`, and if no scale between two others is the best one.
            The model keeps its scale then.

    Example:
        >>> import keras, numpy as np, tfvae
        >>> model = tfvae.GAN(
        ...     keras.layers.Dense(3), keras.layers.Dense(1), prior=tfvae.distributions.StandardNormal(2)
        ... )
        >>> x = 0.5 * np.random.default_rng(0).normal(size=(40, 3)).astype("float32")
        >>> scale = tfvae.evaluation.fit_observation_scale(model, x, num_temperatures=20)
        >>> 0.1 < scale < 1 and model.observation_scale == scale
        True

    References:
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        the experiments on continuous MNIST, where the variance is chosen on held-out examples.
    """
    data = validation_data
    if isinstance(model, Implicit) and limit is not None:
        data = _some(as_examples(model, data), positive_int("limit", limit), seed)
    curve = scale_curve(
        model,
        data,
        grid,
        num_temperatures=num_temperatures,
        num_chains=num_chains,
        seed=seed,
        progress=progress,
        store=store,
    )
    model.observation_scale = curve.vertex
    return curve.vertex


def _some(data: Examples, limit: int, seed: int) -> Examples:
    """Returns at most `limit` examples, the first ones of a shuffle."""
    order = np.random.default_rng(seed % 2**32).permutation(len(data))
    return data[np.sort(order[:limit])]
