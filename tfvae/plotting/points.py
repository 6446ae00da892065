"""Figures of data that are points in the plane."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tfvae.checks import UserError
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap

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
    if not 1 <= len(groups) <= MAX_GROUPS:
        raise UserError("bad number of point sets", expected=f"1 to {MAX_GROUPS}", received=len(groups))
    groups = {name: finite(name, points) for name, points in groups.items()}
    for name, points in groups.items():
        if points.ndim != 2 or points.shape[1] != 2 or not len(points):
            raise UserError(f"{name} have a bad shape", expected="[N, 2], N >= 1", received=points.shape)
    with look():
        figure = Figure(figsize=(7.5, 6), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, 7.5 * DPI))
        axes = figure.add_subplot()
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
        if len(groups) > 1:
            figure.legend(loc="outside right center")
        return save(figure, path)
