"""Checks of the arrays of a file that a user wrote."""

from __future__ import annotations

import numpy as np

from tfvae.checks import UserError, not_finite

RANKS = "shape [N, H, W] or [N, H, W, C] for images, [N, D] for vectors"


def examples(name: str, array: np.ndarray) -> np.ndarray:
    """Returns the examples of an array: images [N, H, W, C], or vectors [N, D].

    Args:
        name: name of the array in messages.
        array: images [N, H, W] or [N, H, W, C], or vectors [N, D].

    Raises:
        UserError: if it holds no numbers, has another rank, is empty, or has values that are not finite.
    """
    check_numbers(name, array)
    if array.ndim not in (2, 3, 4):
        raise UserError(f"{name} has the wrong rank", expected=RANKS, received=array.shape)
    if not array.size:
        raise UserError(f"{name} is empty", expected="at least one example", received=f"shape {array.shape}")
    check_finite(name, array, "values")
    return array[..., np.newaxis] if array.ndim == 3 else array


def check_numbers(name: str, values: np.ndarray) -> None:
    """Raises a `UserError` if an array holds anything but real numbers."""
    if values.dtype.kind not in "buif":
        raise UserError(f"{name} does not hold numbers", expected="integers or floats", received=values.dtype)


def check_finite(name: str, values: np.ndarray, expected: str) -> None:
    """Raises a `UserError` that names the first value which is NaN or infinite."""
    if broken := not_finite(values.ravel()):
        first = [int(i) for i in np.unravel_index(broken[1], values.shape)]
        raise UserError(
            f"{name} has {broken[0]} values that are NaN or infinite, the first at index {first}",
            expected=f"finite {expected}",
            received=values[tuple(first)],
        )
