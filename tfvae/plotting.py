"""Figures as PNG files: NumPy arrays in, files out.

Every function writes its file whole or not at all (a temporary file in the same folder, then a rename), so that a
figure of an earlier epoch outlives a failed one, and returns the path. Nothing here touches pyplot's global state.
The colours are Paul Tol's "muted" scheme and the pair blue and vermilion of Okabe and Ito, told apart with any
colour vision.
"""

from __future__ import annotations

import contextlib
import math
import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from tfvae.checks import UserError, positive_int

DPI = 150
MAX_IMAGES = 10_000
MAX_CLASSES = 20
TRAINING, VALIDATION = "#0072B2", "#D55E00"
CLASSES = "#332288 #88CCEE #44AA99 #117733 #999933 #DDCC77 #CC6677 #882255 #AA4499 #000000".split()
LOOK = {
    "font.size": 10,
    "axes.titlesize": 10,
    "figure.titlesize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.9",
    "axes.axisbelow": True,
    "legend.frameon": False,
    "text.parse_math": False,
}

_PAD, _GAP, _TILE = 24, 4, 112  # pixels of the PNG: margin, gap between tiles, wanted side of a tile
_LINE, _CHARACTER, _NARROWEST = (
    28,
    14,
    640,
)  # pixels: a line of the title, a character of it, the narrowest figure


def save_image_grid(
    path: str | os.PathLike[str], images: np.ndarray, *, title: str, columns: int | None = None
) -> Path:
    """Draws images side by side, row after row: samples, as the means of the decoder.

    Args:
        path: the PNG file.
        images: [N, H, W, C] floats in [0, 1], C = 1 (grey) or 3 (RGB), 1 <= N <= 10,000.
        title: a line above the images.
        columns: images per row; by default as many as there are rows.

    Returns:
        path: as a `Path`.

    Raises:
        UserError: if the images have another shape or hold NaN or infinities, or the file cannot be written.
    """
    images = _rgb("images", images, "[N, H, W, C]")
    columns = math.ceil(math.sqrt(len(images))) if columns is None else positive_int("columns", columns)
    columns = min(columns, len(images))
    rows = [images[first : first + columns] for first in range(0, len(images), columns)]
    with _look():
        figure, _ = _image_figure(*_mosaic(rows, [_GAP] * (len(rows) - 1), _TILE), title)
        return _save(figure, path)


def save_reconstructions(
    path: str | os.PathLike[str], originals: np.ndarray, reconstructions: np.ndarray, *, title: str
) -> Path:
    """Draws each original above its reconstruction: up to three double rows of ten, the rest is left out.

    Args:
        path: the PNG file.
        originals: [N, H, W, C] floats in [0, 1], C = 1 or 3.
        reconstructions: the same shape, in the same order.
        title: a line above the images.

    Returns:
        path: as a `Path`.

    Raises:
        UserError: if the shapes differ or are none of images, or the file cannot be written.
    """
    pair = (
        _rgb("originals", originals, "[N, H, W, C]"),
        _rgb("reconstructions", reconstructions, "[N, H, W, C]"),
    )
    if np.shape(originals) != np.shape(reconstructions):
        raise UserError(
            "originals and reconstructions differ in shape",
            expected=np.shape(originals),
            received=np.shape(reconstructions),
        )
    shown = min(len(pair[0]), 30)
    rows = [images[first : min(first + 10, shown)] for first in range(0, shown, 10) for images in pair]
    gaps = [_GAP if index % 2 == 0 else 5 * _GAP for index in range(len(rows) - 1)]
    with _look():
        canvas, tops, side = _mosaic(rows, gaps, _TILE)
        figure, axes = _image_figure(canvas, tops, side, title, left=170)
        axes.set_yticks([top + side / 2 for top in tops], ["original", "reconstruction"] * (len(rows) // 2))
        return _save(figure, path)


def save_manifold_grid(
    path: str | os.PathLike[str], images: np.ndarray, *, title: str, extent: tuple[float, float, float, float]
) -> Path:
    """Draws what a decoder makes of a two-dimensional latent space: tiles without gaps, z2 growing upwards.

    The tiles stand at equally spaced quantiles of the standard-normal prior, so a step in z is longer far from 0;
    the ticks are round values of z at their places on that scale: (F(z) - F(z_low)) / (F(z_high) - F(z_low)) of the
    way from the first tile's centre to the last one's, F being the standard-normal distribution function.

    Args:
        path: the PNG file.
        images: [n, n, H, W, C] floats in [0, 1], C = 1 or 3; images[i, j] is decoded at the i-th value of z2 and the
            j-th value of z1, both ascending.
        title: a line above the images.
        extent: (z1_low, z1_high, z2_low, z2_high), the latent coordinates of the first and last tiles' centres.

    Returns:
        path: as a `Path`.

    Raises:
        UserError: if the images have another shape or the extent is not ascending, or the file cannot be written.
    """
    images = _rgb("images", images, "[n, n, H, W, C]")
    bounds = np.asarray(extent, dtype=float)
    if bounds.shape != (4,) or not np.isfinite(bounds).all() or (bounds[::2] >= bounds[1::2]).any():
        raise UserError(
            "bad extent", expected="(z1_low, z1_high, z2_low, z2_high), ascending", received=extent
        )
    with _look():
        canvas, tops, side = _mosaic(list(images[::-1]), [0] * (len(images) - 1), 1000 // len(images), gap=0)
        figure, axes = _image_figure(canvas, tops, side, title, left=110, bottom=90)
        width = canvas.shape[1] // len(images)
        values, places = _quantile_ticks(*extent[:2], len(images))
        axes.set_xticks((places + 0.5) * width, values)
        values, places = _quantile_ticks(*extent[2:], len(images))
        axes.set_yticks((len(images) - 0.5 - places) * side, values)
        axes.tick_params(length=4)
        axes.set(xlabel="z1, first latent coordinate", ylabel="z2, second latent coordinate")
        return _save(figure, path)


def save_loss_curves(
    path: str | os.PathLike[str], history: Sequence[Mapping[str, Any]], *, title: str
) -> Path:
    """Draws the bound (left), the rate and the distortion (right) against the epoch, in nats per example.

    The vertical axes leave out values far outside the bulk of a curve, as those of the first epochs often are (more than
    three interquartile ranges from its quartiles), and say how many they leave out.

    Args:
        path: the PNG file.
        history: one mapping per epoch with any of epoch, bound, rate, distortion and their twins val_bound, val_rate,
            val_distortion; what is missing, None or not finite is not drawn. Epochs count from 1 where not given.
        title: a line above the panels.

    Returns:
        path: as a `Path`.

    Raises:
        UserError: if the history is empty, or the file cannot be written.
    """
    if not len(history):
        raise UserError("the history is empty", expected="one mapping per epoch", received=repr(history))
    epochs = [row.get("epoch", index + 1) for index, row in enumerate(history)]
    with _look():
        figure = Figure(figsize=(10, 4.6), dpi=DPI, layout="constrained")
        figure.suptitle(_wrap(title, 10 * DPI))
        grid = figure.add_gridspec(2, 2)
        bound, rate, distortion = (figure.add_subplot(grid[place]) for place in (np.s_[:, 0], (0, 1), (1, 1)))
        _curves(bound, epochs, history, "bound", "Bound on log p(x): higher is better")
        _curves(rate, epochs, history, "rate", "Rate KL(q(z|x) || p(z)): information in the latents")
        _curves(distortion, epochs, history, "distortion", "Distortion -log p(x|z): reconstruction error")
        bound.set_ylabel("bound [nats per example]")
        rate.set_ylabel("rate [nats]")
        distortion.set_ylabel("distortion [nats]")
        rate.sharex(distortion)
        rate.tick_params(labelbottom=False)
        for axes in (bound, distortion):
            axes.set_xlabel("epoch")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        return _save(figure, path)


def save_latent_map(
    path: str | os.PathLike[str], codes: np.ndarray, labels: Any = None, *, title: str
) -> Path:
    """Draws where a data set lies in the latent space.

    Two-dimensional codes are drawn as they are, one-dimensional ones as a histogram, longer ones by their first two
    principal components, each with its share of the total variance.

    Args:
        path: the PNG file.
        codes: [N, D] floats, N >= 2, in latent units.
        labels: [N] class labels, or None. Up to 20 classes are told apart by colour (and shape, beyond ten); with more
            all points look the same.
        title: a line above the map.

    Returns:
        path: as a `Path`.

    Raises:
        UserError: if the codes are no finite matrix, the labels are of another length, or the file cannot be written.
    """
    codes = _finite("codes", codes)
    if codes.ndim != 2 or len(codes) < 2 or codes.shape[1] < 1:
        raise UserError(
            "codes have a bad shape", expected="[N, D] with N >= 2 and D >= 1", received=codes.shape
        )
    labels = np.zeros(len(codes), int) if labels is None else np.asarray(labels)
    if labels.shape != (len(codes),):
        raise UserError(
            "labels do not fit the codes", expected=f"shape ({len(codes)},)", received=labels.shape
        )
    names, classes = np.unique(labels, return_inverse=True)
    if not 2 <= len(names) <= MAX_CLASSES:
        names, classes = np.array([""]), np.zeros(len(codes), int)
    with _look():
        figure = Figure(figsize=(7.5, 6), dpi=DPI, layout="constrained")
        figure.suptitle(_wrap(title, 7.5 * DPI))
        axes = figure.add_subplot()
        (_histogram if codes.shape[1] == 1 else _scatter)(axes, codes, names, classes)
        if len(names) > 1:
            figure.legend(loc="outside right center", title="label", markerscale=2, handlelength=1.2)
        return _save(figure, path)


def _histogram(axes: Axes, codes: np.ndarray, names: np.ndarray, classes: np.ndarray) -> None:
    edges = np.histogram_bin_edges(codes[:, 0], bins=min(60, max(10, len(codes) // 20)))
    colours = CLASSES if len(names) > 1 else [TRAINING]
    stacked = np.zeros(len(edges) - 1)
    for index, name in enumerate(names):
        top = stacked + np.histogram(codes[classes == index, 0], edges)[0]
        hatch = "///" if index >= len(CLASSES) else None
        axes.stairs(
            top,
            edges,
            baseline=stacked,
            fill=True,
            color=colours[index % len(colours)],
            hatch=hatch,
            label=name,
        )
        stacked = top
    axes.set(xlabel="z, the latent coordinate", ylabel="examples per bin")


def _scatter(axes: Axes, codes: np.ndarray, names: np.ndarray, classes: np.ndarray) -> None:
    if codes.shape[1] == 2:
        points, (across, up) = codes, ("z1, first latent coordinate", "z2, second latent coordinate")
    else:
        points, shares = principal_components(codes)
        across, up = (
            f"principal component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares)
        )
    size, colours = float(np.clip(12_000 / len(points), 4, 40)), CLASSES if len(names) > 1 else [TRAINING]
    for index, name in enumerate(names):
        chosen, marker = points[classes == index], "o" if index < len(CLASSES) else "^"
        axes.scatter(
            *chosen.T,
            s=size,
            c=colours[index % len(colours)],
            marker=marker,
            alpha=0.7,
            linewidths=0,
            label=name,
        )
    axes.set(xlabel=across, ylabel=up)
    axes.set_aspect("equal", adjustable="datalim")


def principal_components(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projects codes on the two directions in which they vary most: codes - mean = U S V', points = U S.

    Args:
        codes: [N, D], N >= 2, D >= 2.

    Returns:
        points: [N, 2], in latent units.
        shares: [2], the share of the total variance along each, S_i^2 / sum_j S_j^2 (0 if there is none).
    """
    left, scale, _ = np.linalg.svd(codes - codes.mean(axis=0), full_matrices=False)
    total = np.sum(scale**2)
    return left[:, :2] * scale[:2], scale[:2] ** 2 / (total if total > 0 else 1.0)


def _curves(
    axes: Axes, epochs: list[float], history: Sequence[Mapping[str, Any]], key: str, heading: str
) -> None:
    """Draws one quantity for training and validation, with limits that a few far-off values do not stretch."""
    axes.set_title(heading, loc="left")
    drawn = []
    for name, prefix, colour, line, marker in (
        ("training", "", TRAINING, "-", "o"),
        ("validation", "val_", VALIDATION, "--", "s"),
    ):
        values = np.array(
            [np.nan if row.get(prefix + key) is None else row[prefix + key] for row in history], float
        )
        values[~np.isfinite(values)] = np.nan
        if not np.isnan(values).all():
            dots = {"marker": marker, "markersize": 4} if len(values) <= 40 else {}
            known = ~np.isnan(values)  # a line through the epochs that have a value, whatever the others lack
            axes.plot(np.asarray(epochs)[known], values[known], line, color=colour, label=name, **dots)
            drawn.append(values[known])
    if not drawn:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", va="center", color="0.4")
        return
    low, high = robust_limits(drawn)
    axes.set_ylim(low, high)
    outside = sum(int(np.sum((values < low) | (values > high))) for values in drawn)
    if outside:
        axes.text(
            0.99,
            0.02,
            f"{outside} values outside the axis",
            transform=axes.transAxes,
            ha="right",
            color="0.4",
        )
    axes.legend()


def robust_limits(series: Sequence[np.ndarray]) -> tuple[float, float]:
    """Returns limits that hold all series but for values more than 3 interquartile ranges beyond their quartiles.

    Args:
        series: finite, non-empty vectors; each is judged by its own quartiles.

    Returns:
        low, high: with a margin of 5 % on both sides.
    """
    lows, highs = [], []
    for values in series:
        first, third = np.quantile(values, [0.25, 0.75])
        reach = 3 * (third - first)
        bulk = values[(values >= first - reach) & (values <= third + reach)]
        lows.append(bulk.min())
        highs.append(bulk.max())
    low, high = float(min(lows)), float(max(highs))
    margin = 0.05 * (high - low) or max(0.05 * abs(high), 1e-3)
    return low - margin, high + margin


def _quantile_ticks(low: float, high: float, count: int) -> tuple[list[str], np.ndarray]:
    """Returns labels of round latent values and their places, in tiles from the centre of the first of `count`."""

    def cdf(value: float) -> float:
        return 0.5 * (1 + math.erf(value / math.sqrt(2)))

    values = [
        value for value in MaxNLocator(7, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= value <= high
    ]
    places = [(count - 1) * (cdf(value) - cdf(low)) / (cdf(high) - cdf(low)) for value in values]
    return [f"{value:g}" for value in values], np.array(places)


def _finite(name: str, array: Any) -> np.ndarray:
    array = np.asarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"{name} are not floating-point numbers", expected="floats", received=array.dtype)
    if not np.isfinite(array).all():
        raise UserError(
            f"{name} hold values that are not finite", received=f"{np.sum(~np.isfinite(array))} of them"
        )
    return array


def _rgb(name: str, images: Any, axes: str) -> np.ndarray:
    """Returns images with three channels, their shape checked against `axes`, such as "[N, H, W, C]"."""
    images = _finite(name, images)
    good = images.ndim == axes.count(",") + 1 and images.shape[-1] in (1, 3) and images.size
    if not good or (axes.startswith("[n, n") and images.shape[0] != images.shape[1]):
        raise UserError(
            f"{name} have a bad shape", expected=f"{axes} with C = 1 or 3, not empty", received=images.shape
        )
    if math.prod(images.shape[:-3]) > MAX_IMAGES:
        raise UserError(f"too many {name} for a figure", expected=f"<= {MAX_IMAGES}", received=len(images))
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def _mosaic(
    rows: list[np.ndarray], row_gaps: list[int], tile: int, gap: int = _GAP
) -> tuple[np.ndarray, list[int], int]:
    """Lays rows of images on white, each pixel blown up to a square of pixels of the PNG (nearest interpolation).

    Args:
        rows: images [n, H, W, 3] of each row; the first row is the longest.
        row_gaps: pixels between each row and the next.
        tile: wanted side of an image in pixels; it becomes the nearest multiple of its own.
        gap: pixels between the images of a row.

    Returns:
        canvas: [height, width, 3].
        tops: the first line of each row in the canvas.
        side: the height of a tile in it.
    """
    columns, height, width = rows[0].shape[:3]
    zoom = max(1, round(min(tile, max(1, 4000 // columns)) / max(height, width)))
    height, width = height * zoom, width * zoom
    tops = [index * height + sum(row_gaps[:index]) for index in range(len(rows))]
    canvas = np.ones((tops[-1] + height, columns * (width + gap) - gap, 3), np.float32)
    for top, row in zip(tops, rows, strict=True):
        for column, image in enumerate(row):
            left = column * (width + gap)
            canvas[top : top + height, left : left + width] = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return canvas, tops, height


def _image_figure(
    canvas: np.ndarray, tops: list[int], side: int, title: str, *, left: int = 0, bottom: int = 0
) -> tuple[Figure, Axes]:
    """Makes a figure that shows the canvas pixel for pixel below a title; `left` and `bottom` are room for labels."""
    height, width = canvas.shape[:2]
    outside = canvas.min() < 0 or canvas.max() > 1
    full = max(_NARROWEST, left + width + 2 * _PAD)
    heading = _wrap(title, full) + ("\n(pixels below 0 or above 1 are drawn as 0 or 1)" if outside else "")
    head = _LINE * (heading.count("\n") + 1) + _PAD
    size = np.array([full, bottom + height + head + _PAD])
    figure = Figure(figsize=tuple(size / DPI), dpi=DPI)
    figure.suptitle(heading, y=1 - 0.5 * _PAD / size[1])
    start = left + (full - left - width) // 2
    axes = figure.add_axes((start / size[0], (bottom + _PAD) / size[1], width / size[0], height / size[1]))
    axes.imshow(np.clip(canvas, 0, 1), interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.spines[:].set_visible(False)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    return figure, axes


def _wrap(title: str, width: float) -> str:
    """Breaks a title into lines that fit a figure `width` pixels wide."""
    return "\n".join(textwrap.wrap(title, int((width - 2 * _PAD) / _CHARACTER)))


def _look() -> contextlib.AbstractContextManager[None]:
    """The one look of all figures, whatever the user's own Matplotlib settings are."""
    return style.context(["default", LOOK])


def _save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a PNG whole or not at all."""
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            figure.savefig(unfinished, format="png")
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot write {path}", received=error.strerror or error, fix="choose another place"
        ) from None
    return path
