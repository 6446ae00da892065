"""Figures made of bars: the distribution of effective sample sizes, and the activity of each latent unit."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from tfvae.checks import UserError
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap

FLOOR = 1e-4  # lowest variance on the axis
WIDTH = 7.5  # inches


def save_effective_sizes(
    path: str | os.PathLike[str], edges: np.ndarray, counts: np.ndarray, *, title: str, few: float = 10.0
) -> Path:
    """Draws a histogram of effective sample sizes on a logarithmic axis. Bins of few particles have another colour.

    Args:
        path: PNG file to write.
        edges: ascending, positive edges of the bins, [bins + 1], in particles.
        counts: number of examples in each bin, [bins].
        title: text above the figure.
        few: largest effective sample size, in particles, at which an estimate is not to be trusted.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the edges are not positive and ascending, the numbers of counts and bins differ, or the file
            cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> edges, counts = np.array([1.0, 10.0, 100.0]), np.array([3, 5])
        >>> plotting.save_effective_sizes("sizes.png", edges, counts, title="eight examples").name
        'sizes.png'
    """
    edges, counts = finite("edges", np.asarray(edges, float)), finite("counts", np.asarray(counts, float))
    if (
        edges.ndim != 1
        or counts.shape != (len(edges) - 1,)
        or not (edges[0] > 0 and (np.diff(edges) > 0).all())
    ):
        raise UserError(
            "edges and counts make no histogram",
            expected="bins + 1 ascending edges above 0 and a count for each bin",
            received=f"edges {edges.shape}, counts {counts.shape}",
        )
    with look():
        figure = Figure(figsize=(WIDTH, 3.4), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, WIDTH * DPI))
        axes = figure.add_subplot()
        small = edges[1:] <= few * (1 + 1e-9)
        for chosen, colour, label in (
            (small, VALIDATION, f"at most {few:g}: the estimate rests on a few particles"),
            (~small, TRAINING, f"more than {few:g}"),
        ):
            if counts[chosen].any():
                axes.bar(
                    edges[:-1][chosen],
                    counts[chosen],
                    np.diff(edges)[chosen],
                    align="edge",
                    color=colour,
                    edgecolor="w",
                    linewidth=0.5,
                    label=label,
                )
        axes.set_xscale("log")
        _plain_numbers(axes.xaxis, (1.0, 2.0, 5.0) if edges[-1] < 1000 * edges[0] else (1.0,))
        axes.set(xlim=(edges[0], edges[-1]), xlabel="effective sample size [particles]", ylabel="examples")
        axes.grid(axis="x", visible=False)
        if counts.any():
            figure.legend(loc="outside lower center", ncols=2)
        return save(figure, path)


def save_unit_variances(
    path: str | os.PathLike[str], variances: Sequence[np.ndarray], *, title: str, threshold: float
) -> Path:
    """Draws Var_x(E[z_j|x]) of each latent unit as a bar, largest first, and the threshold of activity as a line.

    Units below 0.0001, or below a hundredth of the threshold, reach under the axis and show no bar.

    Args:
        path: PNG file to write.
        variances: variances of the units, [units] for each stochastic layer, bottom layer first.
        title: text above the figure.
        threshold: variance above which a unit counts as active.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there is no layer, a layer is not a vector of finite numbers, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> plotting.save_unit_variances("units.png", [np.array([0.5, 0.001])], title="units", threshold=0.01).name
        'units.png'
    """
    layers = [finite("variances", np.asarray(layer, float)) for layer in variances]
    if not layers or any(layer.ndim != 1 or not len(layer) for layer in layers):
        raise UserError(
            "variances have a bad shape",
            expected="[units] for each layer",
            received=[layer.shape for layer in layers],
        )
    low = min(FLOOR, threshold / 100)
    high = 2 * max(threshold, *(layer.max() for layer in layers))
    with look():
        figure = Figure(figsize=(WIDTH, 0.9 + 2.2 * len(layers)), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, WIDTH * DPI))
        for index, (axes, layer) in enumerate(
            zip(np.ravel(figure.subplots(len(layers), squeeze=False)), layers, strict=True)
        ):
            ordered = np.sort(layer)[::-1]
            active = ordered > threshold
            rank = np.arange(1, len(layer) + 1)
            for chosen, colour, label in ((active, TRAINING, "active"), (~active, VALIDATION, "not active")):
                axes.bar(rank[chosen], np.maximum(ordered[chosen], low), 0.8, color=colour)
                axes.bar([0], [low], 0, color=colour, label=f"{label}: {chosen.sum()}")
            axes.axhline(
                threshold, color="0.2", linewidth=1, linestyle="--", label=f"threshold {threshold:g}"
            )
            axes.set_yscale("log")
            _plain_numbers(axes.yaxis)
            axes.set(xlim=(0.4, len(layer) + 0.6), ylim=(low, high), ylabel="variance")
            axes.grid(axis="x", visible=False)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
            if len(layers) > 1:
                axes.set_title(f"layer {index + 1} from the bottom", loc="left")
        axes.set_xlabel("rank of the unit, the largest variance first")
        return save(figure, path)


def _plain_numbers(axis: Axis, multiples: Sequence[float] = (1.0,)) -> None:
    """Labels a logarithmic axis with numbers written out, at the powers of ten times `multiples`."""
    axis.set_major_locator(LogLocator(subs=multiples))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())
