"""The figure of a two-dimensional latent space, decoded."""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from matplotlib.ticker import MaxNLocator

from tfvae.checks import UserError
from tfvae.plotting.images import mosaic, rgb, show
from tfvae.plotting.look import look, save


def save_manifold_grid(
    path: str | os.PathLike[str], images: np.ndarray, *, title: str, extent: tuple[float, float]
) -> Path:
    """Draws a decoded grid over a two-dimensional latent space: tiles without gaps, z1 growing upwards.

    The tiles stand at equally spaced quantiles of the standard normal prior, so a step in z is longer far from 0. Ticks
    are round values of z at their places on that scale. With F the standard normal distribution function, z stands at
    the fraction (F(z) - F(low)) / (F(high) - F(low)) of the way from the centre of the first tile to that of the last.

    Args:
        path: PNG file to write.
        images: [n, n, H, W, C] floats in [0, 1], C = 1 or 3, 2 <= n <= 100. z0 grows with the second index, z1 falls
            with the first, as drawn.
        title: text above the figure.
        extent: (low, high), latent coordinates at the centres of the outer tiles, for z0 and z1.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the images have another shape or are not finite, the extent does not ascend, or the file cannot
            be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> x = np.zeros((3, 3, 8, 8, 1))
        >>> plotting.save_manifold_grid("manifold.png", x, title="means", extent=(-1.5, 1.5)).name
        'manifold.png'
    """
    images = rgb("images", images, "[n, n, H, W, C]")
    if images.shape[0] != images.shape[1] or len(images) < 2:
        raise UserError(
            "the grid is not square", expected="[n, n, H, W, C], n >= 2", received=np.shape(images)
        )
    bounds = np.asarray(extent, dtype=float)
    if bounds.shape != (2,) or not -np.inf < bounds[0] < bounds[1] < np.inf:
        raise UserError("bad extent", expected="(low, high), ascending", received=extent)
    with look():
        canvas, middles = mosaic(list(images), 1000 // len(images))
        figure, axes = show(canvas, title, left=100, bottom=66)
        half = canvas.shape[1] / len(images) / 2
        values, places = _quantile_ticks(*bounds)
        axes.set_xticks(half + places * (canvas.shape[1] - 2 * half), values)
        axes.set_yticks(middles[-1] + places * (middles[0] - middles[-1]), values)
        axes.tick_params(length=4)
        axes.set(xlabel="z0, first latent unit", ylabel="z1, second latent unit")
        return save(figure, path)


def _quantile_ticks(low: float, high: float) -> tuple[list[str], np.ndarray]:
    """Returns round latent values in [low, high], as text, and the place of each, a fraction of the axis."""
    values = np.asarray(MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, high))
    values = values[(values >= low - 1e-9) & (values <= high + 1e-9)]
    first, last, *places = (0.5 * math.erf(value / math.sqrt(2)) for value in (low, high, *values))
    return [f"{value:g}" for value in values], (np.array(places) - first) / (last - first)
