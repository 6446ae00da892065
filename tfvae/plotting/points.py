"""Figures of data that are points in the plane."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.checks import UserError
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, new_axes, save, wrap

MAX_GROUPS = 2


def save_points(path: str | os.PathLike[str], groups: Mapping[str, np.ndarray], *, title: str) -> Path:
    """Draws one or two sets of points over each other, in different colours and shapes.

    Args:
        path: PNG file to write.
        groups: mapping from names to points, [N, 2] floats; the first set lies below.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there are no sets or more than two, a set is not [N, 2] or not finite, or the file cannot be
            written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> points = np.arange(6.0).reshape(3, 2)
        >>> plotting.save_points("points.png", {"data": points, "samples": points + 1.0}, title="the plane").name
        'points.png'
    """
    sets = _checked(groups)
    with look():
        figure = Figure(figsize=(7.5, 6), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, 7.5 * DPI))
        _draw(figure.add_subplot(), sets)
        if len(sets) > 1:
            figure.legend(loc="outside right center")
        return save(figure, path)


def draw_points(groups: Mapping[str, np.ndarray], axes: Axes | None = None) -> Axes:
    """Draws one or two sets of points over each other into axes of yours, or into new ones.

    Args:
        groups: see `save_points`.
        axes: axes to draw into; None for those of a new figure.

    Returns:
        axes: the axes.

    Raises:
        UserError: if there are no sets or more than two, or a set is not [N, 2] or not finite.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from tfvae import plotting
        >>> axes = plotting.draw_points({"data": np.arange(6.0).reshape(3, 2)}, Figure().add_subplot())
        >>> axes.get_xlabel(), axes.get_ylabel()
        ('x0', 'x1')
    """
    sets = _checked(groups)
    axes = new_axes(axes)
    _draw(axes, sets)
    axes.legend()
    return axes


def _checked(groups: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise UserError("bad number of point sets", expected=f"1 to {MAX_GROUPS}", received=len(groups))
    sets = {name: finite(name, points) for name, points in groups.items()}
    for name, points in sets.items():
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise UserError(f"{name} have a bad shape", expected="[N, 2], N >= 1", received=points.shape)
    return sets


def _draw(axes: Axes, groups: Mapping[str, np.ndarray]) -> None:
    for (name, points), colour, marker in zip(groups.items(), (TRAINING, VALIDATION), "ox", strict=False):
        size = float(np.clip(12_000 / len(points), 6, 30))
        axes.scatter(
            points[:, 0],
            points[:, 1],
            s=size,
            c=colour,
            marker=marker,
            alpha=0.6,
            linewidths=0.8,
            label=name,
        )
    axes.set(xlabel="x0", ylabel="x1")
    axes.set_aspect("equal", adjustable="datalim")
