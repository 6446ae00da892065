"""Rows of images, each row with a label: interpolations, edits, traversals."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfvae.checks import UserError
from tfvae.plotting.images import GAP, TILE, mosaic, rgb, room_for, show
from tfvae.plotting.look import look, save


def save_rows(path: str | os.PathLike[str], images: np.ndarray, labels: Sequence[str], *, title: str) -> Path:
    """Draws rows of images one below the other, with a label on the left of each.

    Args:
        path: PNG file to write.
        images: [rows, columns, H, W, C] floats in [0, 1], C = 1 or 3; see `save_image_grid`.
        labels: short texts, one for each row.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the images have another shape or are not finite, the numbers of labels and rows differ, or the
            file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> x = np.zeros((2, 5, 8, 8, 1))
        >>> plotting.save_rows("rows.png", x, ["first", "second"], title="two rows").name
        'rows.png'
    """
    images = rgb("images", images, "[rows, columns, H, W, C]")
    if len(labels) != len(images):
        raise UserError("labels do not match the rows", expected=len(images), received=len(labels))
    with look():
        canvas, middles = mosaic(list(images), TILE, [GAP] * (len(images) - 1))
        figure, axes = show(canvas, title, left=room_for(labels))
        axes.set_yticks(middles, list(labels))
        return save(figure, path)
