"""The figure of the training curves."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.checks import UserError
from tfvae.plotting.history import History, epochs_of, rows_of
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, look, save, wrap

PANELS = {
    "bound": "Bound on log p(x): higher is better",
    "rate": "Rate KL(q(z|x) || p(z)): information in the latents",
    "distortion": "Distortion -log p(x|z): reconstruction error",
}


def save_loss_curves(path: str | os.PathLike[str], history: History, *, title: str) -> Path:
    """Draws the bound (left), the rate and the distortion (right) against the epoch, in nats per example.

    Values far from the rest, which would compress the curves, lie outside the axes. The legend counts them.

    Args:
        path: PNG file to write.
        history: what `fit` returned, or one mapping for each epoch, with any of the keys epoch, bound, rate,
            distortion, val_bound, val_rate and val_distortion. Values that are missing, None or not finite are not
            drawn. Without the key epoch, epochs count from 1.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the history is empty, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> history = [{"bound": -30.0, "rate": 5.0}, {"bound": -25.0, "rate": 6.0}]
        >>> plotting.save_loss_curves("curves.png", history, title="two epochs").name
        'curves.png'
    """
    rows = rows_of(history)
    with look():
        figure = Figure(figsize=(10, 4.6), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, 10 * DPI))
        grid = figure.add_gridspec(2, 2)
        left, above, below = (figure.add_subplot(place) for place in (grid[:, 0], grid[0, 1], grid[1, 1]))
        draw_loss_curves(rows, (left, above, below))
        left.set_ylabel("bound [nats per example]")
        above.set(xlabel=None, xticklabels=[])
        return save(figure, path)


def draw_loss_curves(history: History, axes: Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """Draws the bound, the rate and the distortion against the epoch into axes of yours, or into new ones.

    Args:
        history: see `save_loss_curves`.
        axes: three axes; None for those of a new figure.

    Returns:
        axes: the three axes.

    Raises:
        UserError: if the history is empty, or there are not three axes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from tfvae import plotting
        >>> three = Figure().subplots(1, 3)
        >>> [axes.get_ylabel() for axes in plotting.draw_loss_curves({"bound": [-30.0, -25.0]}, three)]
        ['bound [nats]', 'rate [nats]', 'distortion [nats]']
    """
    rows = rows_of(history)
    epochs = epochs_of(rows)
    if axes is None:
        from matplotlib import pyplot

        axes = pyplot.subplots(1, 3, figsize=(16, 3.8), layout="constrained")[1]
    three = tuple(np.ravel(np.asarray(axes, object)))
    if len(three) != len(PANELS):
        raise UserError("the curves need three axes", expected="3", received=len(three))
    for place, (key, heading) in zip(three, PANELS.items(), strict=True):
        _panel(place, epochs, rows, key, heading)
    return three


def _panel(
    axes: Axes, epochs: np.ndarray, history: Sequence[Mapping[str, Any]], key: str, heading: str
) -> None:
    """Draws one metric for training and validation. A line joins the epochs that have a value."""
    axes.set_title(heading, loc="left")
    axes.set(xlabel="epoch", ylabel=f"{key} [nats]")
    axes.set_xlim(epochs.min() - 0.5, epochs.max() + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
    dot = 4 if len(history) <= 40 else 0
    drawn = []
    for name, prefix, colour, line in (
        ("training", "", TRAINING, "o-"),
        ("validation", "val_", VALIDATION, "s--"),
    ):
        values = np.array([row.get(prefix + key) for row in history], float)
        known = np.isfinite(values)
        if known.any():
            axes.plot(epochs[known], values[known], line, color=colour, label=name, markersize=dot)
            drawn.append(values[known])
    if not drawn:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color="0.4")
        axes.set_yticks([])
        return
    low, high = limits(drawn)
    outside = int(sum(np.sum((values < low) | (values > high)) for values in drawn))
    axes.set_ylim(low, high)
    axes.legend(title=f"{outside} value{'s' * (outside > 1)} off the scale" if outside else None)


def limits(curves: Sequence[np.ndarray]) -> tuple[float, float]:
    """Returns limits of an axis that a few values far from the rest do not stretch.

    The bulk of a curve leaves out the first tenth of its values and then the outermost 2 % on both sides. The axis
    holds every value within 1.5 widths of the bulk.

    Args:
        curves: finite, non-empty vectors. A curve with fewer than five values, or a
            constant bulk, is held completely.

    Returns:
        low, high: ends of the axis, with a margin of 5 %.
    """
    held = []
    for values in curves:
        bulk = values[-(-len(values) // 10) :] if len(values) >= 5 else values[:1]
        low, high = np.quantile(bulk, [0.02, 0.98])
        reach = 1.5 * (high - low) or np.inf
        held.append(values[(values >= low - reach) & (values <= high + reach)])
    low, high = float(np.min(np.concatenate(held))), float(np.max(np.concatenate(held)))
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin
