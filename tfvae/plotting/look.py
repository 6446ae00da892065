"""Helpers of all figures: style, titles, files and checks of arrays."""

from __future__ import annotations

import contextlib
import os
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae import files
from tfvae.checks import UserError, not_finite

DPI = 150
MARGIN = 24  # pixels
CHARACTER = 14  # pixels: a wide letter of a title

# Distinct with any colour vision: blue and vermilion of Okabe and Ito; Paul Tol's "muted" scheme and black.
TRAINING, VALIDATION = "#0072B2", "#D55E00"
CLASSES = [
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "k",
]

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
    "legend.title_fontsize": 10,
    "text.parse_math": False,  # a dollar sign in a file name is a dollar sign
}


def look() -> contextlib.AbstractContextManager[None]:
    """Returns a context in which every figure has the same style, whatever the user's Matplotlib settings."""
    return style.context(["default", LOOK])


def new_axes(axes: Axes | None) -> Axes:
    """Returns the axes to draw into: the given ones, or those of a new figure, which a notebook shows."""
    if axes is not None:
        return axes
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def wrap(title: str, width: float) -> str:
    """Breaks a title into lines that fit a figure `width` pixels wide."""
    return "\n".join(textwrap.wrap(title, int((width - 2 * MARGIN) / CHARACTER), break_on_hyphens=False))


def save(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Writes a PNG, completely or not at all.

    Args:
        figure: figure to write.
        path: PNG file to write.

    Returns:
        path: path of the file.

    Raises:
        UserError: if the file cannot be written. An earlier file stays unchanged.
    """
    path = Path(path)
    try:
        with files.replacing(path) as unfinished:
            figure.savefig(unfinished, format="png")
    except OSError as error:
        raise UserError(
            f"cannot write {path}",
            expected="a folder that exists, is writable and has space",
            received=error.strerror or error,
            fix="make the folder or name another place",
        ) from None
    return path


def finite(name: str, array: Any) -> np.ndarray:
    """Returns `array` as a NumPy array of finite floating-point numbers.

    Raises:
        UserError: if it has another type, NaN or infinity.
    """
    array = np.asarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise UserError(f"{name} have a bad type", expected="floating-point numbers", received=array.dtype)
    if broken := not_finite(array.ravel()):
        raise UserError(
            f"{name} are not finite", expected="no NaN, no infinity", received=f"{broken[0]} such values"
        )
    return array
