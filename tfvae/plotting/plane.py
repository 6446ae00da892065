"""Figures of densities in the plane."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.checks import UserError
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap

BINS = 70  # along each side
GRID = 120  # places along each side where a contour is computed
COLUMNS = 4  # panels in a row

Levels = tuple[Callable[[np.ndarray], np.ndarray], tuple[float, ...]]


def save_densities(
    path: str | os.PathLike[str],
    groups: Mapping[str, np.ndarray],
    *,
    title: str,
    contour: Levels | None = None,
) -> Path:
    """Draws how densely sets of points lie, side by side on the same axes and the same scale of darkness.

    Args:
        path: PNG file to write.
        groups: mapping from names to points, [N, 2] floats.
        title: text above the figure.
        contour: function from points [M, 2] to a value for each, and the values at which a line is drawn over every
            panel; None for no lines.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there are no sets, a set is not [N, 2] or not finite, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> points = np.arange(12.0).reshape(6, 2) % 5
        >>> plotting.save_densities("densities.png", {"data": points, "samples": points}, title="density").name
        'densities.png'
    """
    sets = _points(groups)
    low, high = _extent(list(sets.values()))
    edges = [np.linspace(low[axis], high[axis], BINS + 1) for axis in range(2)]
    shares = {
        name: np.histogram2d(points[:, 0], points[:, 1], bins=edges)[0] / len(points)
        for name, points in sets.items()
    }
    darkest = float(np.quantile(np.concatenate([share[share > 0] for share in shares.values()]), 0.98))
    width = 5.5 * len(sets)
    with look():
        figure = Figure(figsize=(width, 5.8), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, width * DPI))
        for place, (name, share) in enumerate(shares.items()):
            axes = figure.add_subplot(1, len(shares), place + 1)
            axes.pcolormesh(*edges, share.T, cmap="Blues", vmin=0.0, vmax=darkest)
            axes.set(title=name, xlabel="x0", ylabel="x1", aspect="equal")
            axes.grid(False)
            if contour is not None:
                _lines(axes, low, high, contour)
        return save(figure, path)


def save_point_panels(
    path: str | os.PathLike[str],
    below: np.ndarray,
    panels: Mapping[str, np.ndarray],
    *,
    title: str,
) -> Path:
    """Draws sets of points in a panel each, all over the same other points.

    Args:
        path: PNG file to write.
        below: points that lie below in every panel, [N, 2] floats; they set the axes.
        panels: mapping from headings to points, [M, 2] floats.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there are no panels, a set is not [N, 2] or not finite, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> points = np.arange(6.0).reshape(3, 2)
        >>> plotting.save_point_panels("panels.png", points, {"epoch 1": points}, title="over training").name
        'panels.png'
    """
    sets = _points({"points below": below} | dict(panels))
    below = sets.pop("points below")
    if not sets:
        raise UserError("there are no panels", expected="at least one set of points", received=dict(panels))
    low, high = _extent([below])
    rows, columns = -(-len(sets) // COLUMNS), min(COLUMNS, len(sets))
    width = 3.2 * columns + 0.6
    with look():
        figure = Figure(figsize=(width, 3.3 * rows + 0.8), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, width * DPI))
        for place, (name, points) in enumerate(sets.items()):
            axes = figure.add_subplot(rows, columns, place + 1)
            axes.scatter(below[:, 0], below[:, 1], s=3, c=TRAINING, alpha=0.25, linewidths=0)
            axes.scatter(points[:, 0], points[:, 1], s=5, c=VALIDATION, marker="x", alpha=0.7, linewidths=0.7)
            axes.set(title=name, xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal")
        return save(figure, path)


def _points(groups: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the sets, checked."""
    if not groups:
        raise UserError("there are no points", expected="at least one set", received=dict(groups))
    sets = {name: finite(name, points) for name, points in groups.items()}
    for name, points in sets.items():
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise UserError(f"{name} have a bad shape", expected="[N, 2], N >= 1", received=points.shape)
    return sets


def _extent(sets: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lower left and the upper right corner of a rectangle that holds nearly all points of each set."""
    low = np.min([np.quantile(points, 0.002, axis=0) for points in sets], axis=0)
    high = np.max([np.quantile(points, 0.998, axis=0) for points in sets], axis=0)
    margin = 0.12 * np.maximum(high - low, 1e-3)
    return low - margin, high + margin


def _lines(axes: Axes, low: np.ndarray, high: np.ndarray, contour: Levels) -> None:
    """Draws the lines on which a function has given values."""
    function, levels = contour
    first, second = (np.linspace(low[axis], high[axis], GRID) for axis in range(2))
    places = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    values = np.asarray(function(places.astype(np.float32)), float).reshape(GRID, GRID)
    if values.min() < max(levels) and values.max() > min(levels):
        lines = axes.contour(first, second, values, levels=levels, colors=VALIDATION, linewidths=1.0)
        axes.clabel(lines, fmt="%g", fontsize=8)
