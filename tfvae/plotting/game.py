"""Figures of an adversarial game, or of another comparison of samples: its curves and the discriminator's outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.checks import UserError, one_of
from tfvae.plotting.curves import limits
from tfvae.plotting.history import History, epochs_of, rows_of
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap

WIDTH = 7.5  # inches
BINS = 40
Panel = tuple[str, str, dict[str, str]]  # heading, what stands on the axis, and the metrics with their names
PANELS: dict[str, tuple[Panel, ...]] = {  # by the kind of the comparison
    "critic": (
        (
            "Costs: neither has to fall",
            "cost",
            {"loss": "generator", "discriminator_loss": "discriminator"},
        ),
        (
            "Mean output of the discriminator",
            "output",
            {"fake_output": "samples", "real_output": "examples"},
        ),
        ("Size of the gradient at a sample", "gradient", {"output_gradient": "generator"}),
    ),
    "sets": (
        ("Discrepancy of samples and examples", "discrepancy", {"discrepancy": "generator"}),
        ("Reconstruction error", "mean square", {"reconstruction_error": "autoencoder"}),
    ),
    "densities": (
        ("Cost", "cost", {"loss": "model"}),
        (
            "Mean probability of being an example",
            "probability",
            {"fake_output": "noise", "real_output": "examples"},
        ),
        ("Mean of log p(x) on examples", "nats", {"log_prob": "model"}),
    ),
}


def save_game_curves(
    path: str | os.PathLike[str],
    history: History,
    *,
    title: str,
    compares: str = "critic",
) -> Path:
    """Draws what a model that is trained by comparing samples reports, against the epoch.

    Of a game: the costs, the discriminator's mean outputs and the gradient's size at a sample. Of sets: their
    discrepancy and, where an autoencoder is trained first, its reconstruction error. Of densities: the cost, the mean
    probabilities of being an example, and the mean of log p(x).

    Lines are those of training; dots in the same colour are those of validation. What was not recorded has no panel.

    Args:
        path: PNG file to write.
        history: what `fit` returned, or one mapping for each epoch, with the key epoch and any of the metrics, also
            after `val_`. Values that are missing, None or not finite are not drawn. Without the key epoch, epochs count
            from 1.
        title: text above the figure.
        compares: kind of the comparison, see `tfvae.comparisons`: "critic", "sets" or "densities".

    Returns:
        path: path of the file.

    Raises:
        UserError: if the history has none of the metrics, the kind is unknown, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> history = [{"loss": 0.7, "discriminator_loss": 0.6}, {"loss": 0.8, "discriminator_loss": 0.5}]
        >>> plotting.save_game_curves("game.png", history, title="two epochs").name
        'game.png'
    """
    one_of("kind of comparison", compares, PANELS)
    history = rows_of(history)
    epochs = epochs_of(history)
    found = [(heading, axis, _curves(history, names)) for heading, axis, names in PANELS[compares]]
    panels = [panel for panel in found if panel[2]]
    if not panels:
        raise UserError(
            "the history holds no costs",
            expected="one mapping per epoch with a loss",
            received=sorted({name for row in history for name in row}),
        )
    width = 5.0 * len(panels)
    with look():
        figure = Figure(figsize=(width, 4.0), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, width * DPI))
        for place, (heading, axis, curves) in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), place + 1)
            axes.set_title(heading, loc="left")
            axes.set(xlabel="epoch", ylabel=axis)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))
            _draw(axes, epochs, curves)
        return save(figure, path)


def _curves(history: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, list[np.ndarray]]:
    """Returns name to the values of training and of validation, of what has a finite value in training."""
    found = {
        shown: [
            np.array([row.get(prefix + name) for row in history], float).reshape(-1)
            for prefix in ("", "val_")
        ]
        for name, shown in names.items()
    }
    return {shown: values for shown, values in found.items() if np.isfinite(values[0]).any()}


def _draw(axes: Axes, epochs: np.ndarray, curves: Mapping[str, list[np.ndarray]]) -> None:
    drawn = []
    for (name, pair), colour in zip(curves.items(), (VALIDATION, TRAINING), strict=False):
        for values, style, label in zip(pair, ("-", "."), (name, f"{name}, validation"), strict=True):
            known = np.isfinite(values)
            if known.any():
                one = "o" if style == "-" and known.sum() == 1 else style
                axes.plot(epochs[known], values[known], one, color=colour, label=label, markersize=3)
                drawn.append(values[known])
    axes.set_ylim(*limits(drawn))
    axes.legend()


def save_outputs(
    path: str | os.PathLike[str],
    real: np.ndarray,
    fake: np.ndarray,
    *,
    title: str,
    probabilities: bool,
) -> Path:
    """Draws the discriminator's outputs for examples and for samples as two histograms over each other.

    Args:
        path: PNG file to write.
        real, fake: outputs for examples and for samples, [N] and [M] floats.
        title: text above the figure.
        probabilities: whether they are probabilities of being an example, whose axis is [0, 1].

    Returns:
        path: path of the file.

    Raises:
        UserError: if a set is not a vector of finite numbers, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> real, fake = np.array([0.7, 0.9]), np.array([0.1, 0.4])
        >>> plotting.save_outputs("outputs.png", real, fake, title="D", probabilities=True).name
        'outputs.png'
    """
    groups = {"samples": finite("fake", fake), "examples": finite("real", real)}
    for name, values in groups.items():
        if values.ndim != 1 or not len(values):
            raise UserError(
                f"outputs for {name} have a bad shape", expected="[N], N >= 1", received=values.shape
            )
    both = np.concatenate(list(groups.values()))
    low, high = (0.0, 1.0) if probabilities else (float(both.min()), float(both.max()))
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1).tolist()
    with look():
        figure = Figure(figsize=(WIDTH, 4.0), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, WIDTH * DPI))
        axes = figure.add_subplot()
        for (name, values), colour in zip(groups.items(), (VALIDATION, TRAINING), strict=True):
            shares = np.full(len(values), 1.0 / len(values))
            label = f"{name}, mean {values.mean():.2f}"
            axes.hist(values, edges, weights=shares, color=colour, alpha=0.55, label=label)
            axes.axvline(float(values.mean()), color=colour, linewidth=1.5, linestyle="--")
        what = "D(x), probability of being an example" if probabilities else "output of the critic"
        axes.set(xlabel=what, ylabel="share", xlim=(edges[0], edges[-1]))
        figure.legend(loc="outside lower center", ncols=2)
        return save(figure, path)
