"""The figure of sequential generation: the canvas after each step."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.patches import Rectangle

from tfvae.checks import UserError
from tfvae.plotting.images import GAP, mosaic, rgb, show
from tfvae.plotting.look import finite, look, save

TILE, LABELS = 84, 170  # pixels: side of an image, space for the names of the rows
MAX_STEPS = 16
WINDOW = "#D55E00"


def save_canvases(
    path: str | os.PathLike[str],
    images: np.ndarray,
    *,
    title: str,
    names: list[str],
    windows: np.ndarray | None = None,
) -> Path:
    """Draws a row for each example: its canvas after each step, from left to right.

    Args:
        path: PNG file to write.
        images: canvases, [N, T, H, W, C] floats in [0, 1], C = 1 or 3. If there are more than 16 steps, 16 evenly
            spaced ones are drawn, with the first and the last.
        title: text above the figure.
        names: labels of the N rows.
        windows: edges of the rectangle that each step wrote to, [N, T, 4]: left, top, right and bottom, in image
            pixels from the left and top edge. The part inside the image is drawn. None for no rectangles.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the arrays have other shapes or are not finite, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> x = np.zeros((2, 5, 8, 8, 1))
        >>> plotting.save_canvases("canvases.png", x, title="five steps", names=["first", "second"]).name
        'canvases.png'
    """
    images = rgb("images", images, "[N, T, H, W, C]")
    count, steps, height, width = images.shape[:4]
    if len(names) != count:
        raise UserError("the names do not match the rows", expected=f"{count} names", received=len(names))
    if windows is not None:
        windows = finite("windows", windows)
        if windows.shape != (count, steps, 4):
            raise UserError("windows have a bad shape", expected=(count, steps, 4), received=windows.shape)
    chosen = np.unique(np.linspace(0, steps - 1, min(steps, MAX_STEPS)).round().astype(int))
    with look():
        canvas, middles = mosaic([row[chosen] for row in images], TILE, [GAP] * (count - 1))
        figure, axes = show(canvas, title, left=LABELS, bottom=66)
        side = (canvas.shape[1] + GAP) / len(chosen)
        zoom = (side - GAP) / width
        axes.set_yticks(middles, names)
        axes.set_xticks(side * np.arange(len(chosen)) + (side - GAP) / 2, chosen + 1)
        axes.set_xlabel("step")
        if windows is not None:
            for row, column in np.ndindex(count, len(chosen)):
                left, top, right, bottom = np.clip(
                    windows[row, chosen[column]], 0, [width, height, width, height]
                )
                if left < right and top < bottom:
                    corner = column * side + left * zoom, middles[row] + (top - height / 2) * zoom
                    size = (right - left) * zoom, (bottom - top) * zoom
                    axes.add_patch(Rectangle(corner, *size, fill=False, edgecolor=WINDOW, linewidth=1.0))
        return save(figure, path)
