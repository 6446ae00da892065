"""The figure of rate against distortion."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.checks import UserError
from tfvae.plotting.curves import limits
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap


def save_rate_distortion(
    path: str | os.PathLike[str], rate: float, distortion: float, *, title: str, course: Any = None
) -> Path:
    """Draws a model as the point (rate, distortion) on lines of equal evidence lower bound, -(rate + distortion).

    Args:
        path: PNG file to write.
        rate: mean KL(q(z|x) || p(z)), nats per example.
        distortion: mean -log p(x|z) under q, nats per example.
        title: text above the figure.
        course: rate and distortion after each epoch, [epochs, 2], drawn as a path, or None. Epochs far from the rest,
            which would compress the path, lie outside the axes.

    Returns:
        path: path of the file.

    Raises:
        UserError: if a number is not finite, the course has another shape, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> plotting.save_rate_distortion("rate.png", 5.0, 20.0, title="digits").name
        'rate.png'

    References:
        Alemi et al.: Fixing a broken ELBO (2018), section 3 and figure 1.
    """
    point = finite("rate and distortion", np.array([rate, distortion], float))
    course = np.zeros((0, 2)) if course is None else finite("course", np.asarray(course, float))
    if course.ndim != 2 or course.shape[1] != 2:
        raise UserError("the course has a bad shape", expected="[epochs, 2]", received=course.shape)
    with look():
        figure = Figure(figsize=(7.5, 4.6), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, 7.5 * DPI))
        axes = figure.add_subplot()
        (left, right), (low, high) = (_axis(course[:, side], point[side]) for side in (0, 1))
        axes.set(xlim=(left, right), ylim=(low, high))
        if len(course):
            axes.plot(*course.T, "o-", color=TRAINING, linewidth=1, markersize=3, label="after each epoch")
        for total in MaxNLocator(8).tick_values(left + low, right + high):
            axes.axline((left, total - left), slope=-1, color="0.6", linewidth=1, linestyle=":", zorder=0)
            _name(axes, total)
        axes.plot(*point, "D", color=VALIDATION, markersize=8, label="this model")
        axes.plot([], [], ":", color="0.6", label="equal bound, its value at the edge")
        axes.set(xlabel="rate KL(q(z|x) || p(z)) [nats]", ylabel="distortion -log p(x|z) [nats]")
        axes.grid(False)
        figure.legend(loc="outside lower center", ncols=3)
        return save(figure, path)


def _name(axes: Axes, total: float) -> None:
    """Writes the bound of a line of equal rate + distortion at the top or the left edge of the axes."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    place: dict[str, Any] = {
        "textcoords": "offset points",
        "color": "0.4",
        "fontsize": 8,
        "annotation_clip": False,
    }
    if left <= total - high <= right:
        axes.annotate(f"{0.0 - total:g}", (total - high, high), (0, 2), ha="center", **place)
    elif low <= total - left < high:
        axes.annotate(f"{0.0 - total:g}", (left, total - left), (3, 0), va="bottom", **place)


def _axis(course: np.ndarray, value: float) -> tuple[float, float]:
    """Returns the ends of an axis that holds the point and the epochs near it."""
    if not len(course):
        reach = 0.5 * abs(value) or 1.0
        return value - reach, value + reach
    return limits([course, np.array([value])])
