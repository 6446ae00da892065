"""Figures made of images: samples, reconstructions, the manifold of a two-dimensional latent space."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.checks import UserError, positive_int
from tfvae.plotting.look import DPI, MARGIN, finite, look, new_axes, save, wrap

MAX_IMAGES = 10_000
LONGEST, PIXELS = 60_000, 2 * 10**8  # longest side and most pixels: Matplotlib draws less than 2^16 on a side
HIDDEN = np.array([0.42, 0.56, 0.74])  # colour of hidden pixels
CHARACTER = 11  # pixels: a letter of a label
GAP, TILE, LINE, NARROWEST = 4, 112, 30, 640  # pixels: between tiles, a tile, a line of the title, a figure


def save_image_grid(
    path: str | os.PathLike[str], images: np.ndarray, *, title: str, columns: int | None = None
) -> Path:
    """Draws images side by side, row after row.

    Args:
        path: PNG file to write.
        images: [N, H, W, C] floats in [0, 1], C = 1 (grey) or 3 (RGB), 1 <= N <= 10,000. A pixel outside [0, 1],
            such as the mean of a Normal, is drawn as 0 or 1, and the title says so.
        title: text above the figure.
        columns: number of images in a row; by default about the number of rows.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the images have another shape or are not finite, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> plotting.save_image_grid("grid.png", np.zeros((6, 8, 8, 1)), title="six images").name
        'grid.png'
    """
    rows = _in_rows(images, columns)
    with look():
        figure, _ = show(mosaic(rows, TILE, [GAP] * (len(rows) - 1))[0], title)
        return save(figure, path)


def draw_image_grid(images: np.ndarray, columns: int | None = None, axes: Axes | None = None) -> Axes:
    """Draws images side by side, row after row, into axes of yours, or into new ones.

    Args:
        images: [N, H, W, C] floats, C = 1 (grey) or 3 (RGB), 1 <= N <= 10,000; what lies outside [0, 1] is drawn as 0
            or 1.
        columns: number of images in a row; by default about the number of rows.
        axes: axes to draw into; None for those of a new figure.

    Returns:
        axes: the axes.

    Raises:
        UserError: if the images have another shape or are not finite.

    Example:
        >>> import numpy as np
        >>> from matplotlib.figure import Figure
        >>> from tfvae import plotting
        >>> axes = plotting.draw_image_grid(np.zeros((6, 8, 8, 1)), axes=Figure().add_subplot())
        >>> len(axes.images)
        1
    """
    rows = _in_rows(images, columns)
    axes = new_axes(axes)
    axes.imshow(np.clip(mosaic(rows, TILE, [GAP] * (len(rows) - 1))[0], 0, 1), interpolation="nearest")
    axes.set_axis_off()
    return axes


def _in_rows(images: np.ndarray, columns: int | None) -> list[np.ndarray]:
    images = rgb("images", images, "[N, H, W, C]")
    columns = math.ceil(math.sqrt(len(images))) if columns is None else positive_int("columns", columns)
    columns = min(columns, len(images))
    return [images[first : first + columns] for first in range(0, len(images), columns)]


def save_reconstructions(
    path: str | os.PathLike[str],
    originals: np.ndarray,
    reconstructions: np.ndarray,
    *,
    title: str,
    rows: tuple[str, str] = ("original", "reconstruction"),
) -> Path:
    """Draws each original above its reconstruction, at most 30 pairs in three double rows of ten.

    Args:
        path: PNG file to write.
        originals: [N, H, W, C] floats in [0, 1], C = 1 or 3.
        reconstructions: array of the same shape, in the same order.
        title: text above the figure.
        rows: labels of the rows of originals and of reconstructions.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the shapes differ or are not those of images, the values are not finite, or the file cannot be
            written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> x = np.zeros((6, 8, 8, 1))
        >>> plotting.save_reconstructions("reconstructions.png", x, x, title="above and below").name
        'reconstructions.png'
    """
    shape, other = np.shape(originals), np.shape(reconstructions)
    if shape != other:
        raise UserError("reconstructions do not match the originals", expected=shape, received=other)
    axes = "[N, H, W, C]"
    pair = rgb("originals", originals, axes), rgb("reconstructions", reconstructions, axes)
    shown = min(len(pair[0]), 30)
    lines = [images[first : min(first + 10, shown)] for first in range(0, shown, 10) for images in pair]
    with look():
        canvas, middles = mosaic(lines, TILE, [GAP, 5 * GAP] * 3)
        figure, panel = show(canvas, title, left=max(170, room_for(rows)))
        panel.set_yticks(middles, [*rows] * (len(lines) // 2))
        return save(figure, path)


def save_columns(
    path: str | os.PathLike[str],
    columns: Mapping[str, np.ndarray],
    *,
    title: str,
    hidden: Mapping[str, np.ndarray] | None = None,
    rows: Sequence[str] | None = None,
) -> Path:
    """Draws named columns of images, with a row for each example, such as conditions beside their predictions.

    Args:
        path: PNG file to write.
        columns: mapping from headings to images, [N, H, W, C] floats in [0, 1], C = 1 or 3, all of one shape.
        title: text above the figure.
        hidden: mapping from headings to masks [H, W, C] that are True for pixels drawn in blue; None for no masks.
        rows: labels of the rows, or None.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the columns differ in shape or are not images, the values are not finite, or the file cannot be
            written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> x = np.zeros((4, 8, 8, 1))
        >>> plotting.save_columns("columns.png", {"truth": x, "sample": x}, title="side by side").name
        'columns.png'
    """
    shapes = {name: np.shape(images) for name, images in columns.items()}
    if len(set(shapes.values())) != 1:
        raise UserError("the columns differ in shape", expected="one shape [N, H, W, C]", received=shapes)
    drawn = []
    for name, images in columns.items():
        images = rgb(name, images, "[N, H, W, C]")
        if hidden is not None and name in hidden:
            images = np.where(hidden[name].any(axis=-1, keepdims=True), HIDDEN, images)
        drawn.append(images)
    tiles = np.stack(drawn, axis=1)
    with look():
        canvas, middles = mosaic(list(tiles), TILE, [GAP] * (len(tiles) - 1))
        figure, axes = show(canvas, title, left=room_for(rows or []), top=LINE)
        step = (canvas.shape[1] + GAP) / len(drawn)
        axes.xaxis.tick_top()
        axes.set_xticks((np.arange(len(drawn)) + 0.5) * step - GAP / 2, list(columns))
        axes.tick_params(length=0)
        if rows is not None:
            axes.set_yticks(middles, rows)
        return save(figure, path)


def rgb(name: str, images: Any, axes: str) -> np.ndarray:
    """Returns images with three channels. Their rank must be that of `axes`, such as "[N, H, W, C]"."""
    images = finite(name, images)
    if images.ndim != axes.count(",") + 1 or images.shape[-1] not in (1, 3) or not images.size:
        expected = f"{axes} with C = 1 or 3, none of them 0"
        raise UserError(f"{name} have a bad shape", expected=expected, received=images.shape)
    count = math.prod(images.shape[:-3])
    if count > MAX_IMAGES:
        raise UserError(f"too many {name} for a figure", expected=f"at most {MAX_IMAGES}", received=count)
    return np.broadcast_to(images, (*images.shape[:-1], 3))


def room_for(labels: Sequence[str]) -> int:
    """Returns the width that labels on the left of a canvas take, in pixels."""
    return 30 + CHARACTER * max(map(len, labels)) if labels else 0


def mosaic(rows: list[np.ndarray], tile: int, gaps: list[int] | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Lays rows of images on white. Each image pixel becomes a square (nearest interpolation).

    Args:
        rows: images of each row, [n, H, W, 3]; the first row is the longest.
        tile: wanted side of an image, in pixels of the PNG. It is rounded to a multiple of the image's own side.
        gaps: heights of the gaps between rows, in pixels; images in a row then stand `GAP` pixels apart. None for no
            gaps at all.

    Returns:
        canvas: [height, width, 3].
        middles: distance of each row's middle from the top, [rows], pixels.
    """
    columns, height, width = rows[0].shape[:3]
    zoom = max(1, round(min(tile, 4000 / columns) / max(height, width)))
    height, width, gap = height * zoom, width * zoom, GAP if gaps is not None else 0
    tops = [index * height + sum((gaps or [])[:index]) for index in range(len(rows))]
    _check_size(tops[-1] + height, columns * (width + gap))
    canvas = np.ones((tops[-1] + height, columns * (width + gap) - gap, 3), np.float32)
    for top, row in zip(tops, rows, strict=True):
        for column, image in enumerate(row):
            left = column * (width + gap)
            canvas[top : top + height, left : left + width] = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    return canvas, np.array(tops) + height / 2


def _check_size(height: int, width: int) -> None:
    """Raises a `UserError` if a canvas is too large for a PNG."""
    if max(height, width) > LONGEST or height * width > PIXELS:
        raise UserError(
            "the figure is too large",
            expected=f"at most {LONGEST} pixels on a side and {PIXELS} in all",
            received=f"{height} x {width}",
            fix="draw fewer images",
        )


def show(
    canvas: np.ndarray, title: str, *, left: int = 0, bottom: int = 0, top: int = 0
) -> tuple[Figure, Axes]:
    """Shows a canvas pixel for pixel below a title. `left`, `bottom` and `top` are space for labels, in pixels."""
    height, width = canvas.shape[:2]
    full = max(NARROWEST, left + width + 2 * MARGIN)
    heading = wrap(title, full)
    if canvas.min() < 0 or canvas.max() > 1:
        heading += "\n(pixels below 0 or above 1 are drawn as 0 or 1)"
    head = LINE * (heading.count("\n") + 1) + MARGIN
    size = np.array([full, bottom + height + top + head + MARGIN])
    figure = Figure(figsize=tuple(size / DPI), dpi=DPI)
    figure.suptitle(heading, y=1 - 0.5 * MARGIN / size[1])
    start = np.array([left + (full - left - width) // 2, bottom + MARGIN])
    axes = figure.add_axes((*(start / size), *((width, height) / size)))
    axes.imshow(np.clip(canvas, 0, 1), interpolation="nearest", aspect="auto", extent=(0, width, height, 0))
    axes.spines[:].set_visible(False)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    return figure, axes
