"""Images with labels and conditions from an .npz file, checked with NumPy alone, so that errors come early."""

from __future__ import annotations

import numpy as np

from tfvae import files
from tfvae.checks import UserError, not_finite
from tfvae.training.data import npy

_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def read(path: str) -> dict[str, tuple[np.ndarray, np.ndarray | None, np.ndarray | None]]:
    """Reads the splits of an .npz file, pixels as they are stored.

    Args:
        path: file with images `x_train`, `x_test` and optionally `x_valid`, [N, H, W] or [N, H, W, C]. Optional labels
            `y_train`, `y_test` and `y_valid` are integers [N]. Optional conditions `c_train`, `c_test` and `c_valid`
            are numbers [N, ...]. They are not scaled: store them as the networks should see them.

    Returns:
        splits: images [N, H, W, C], labels (int64 [N] or None) and conditions (float32 [N, ...] or None) under
            `train`, `test` and, if the file has one, `validation`.

    Raises:
        UserError: if the file is missing or damaged, or lacks an array. Also if an array has a wrong dtype, rank, shape
            or length, is empty, or has values that are not finite.
    """
    arrays = _arrays(path)
    missing = [key for key in ("x_train", "x_test") if key not in arrays]
    if missing:
        raise UserError(
            f"{path} has no {' and no '.join(missing)}",
            expected="arrays x_train and x_test",
            received=", ".join(sorted(arrays)) or "no arrays",
        )
    for key, what in (("y_valid", "labels"), ("c_valid", "conditions")):
        if key in arrays and "x_valid" not in arrays:
            raise UserError(f"{path} has {key} but no x_valid", expected=f"{what} beside their images")
    splits: dict[str, tuple[np.ndarray, np.ndarray | None, np.ndarray | None]] = {}
    for key, split in _SPLITS.items():
        if f"x_{key}" in arrays:
            images = _images(f"x_{key} of {path}", arrays[f"x_{key}"])
            labels = _labels(f"y_{key} of {path}", arrays.get(f"y_{key}"), len(images))
            conditions = _conditions(f"c_{key} of {path}", arrays.get(f"c_{key}"), len(images))
            splits[split] = images, labels, conditions
    for index, what, expected in ((0, "image", "[H, W, C]"), (2, "condition", "of a condition")):
        arrays_of = {split: parts[index] for split, parts in splits.items()}
        shapes = {split: array.shape[1:] for split, array in arrays_of.items() if array is not None}
        if len(set(shapes.values())) > 1:
            raise UserError(
                f"the splits of {path} differ in {what} shape",
                expected=f"one shape {expected}",
                received=", ".join(f"{split} {shape}" for split, shape in shapes.items()),
            )
    return splits


def _arrays(path: str) -> dict[str, np.ndarray]:
    """Returns the arrays of the splits, and an empty array under every other name."""
    wanted = {f"{letter}_{key}" for letter in "xyc" for key in _SPLITS}
    try:
        with files.open_regular(path) as file:
            return npy.read(file, wanted)
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}", expected="an .npz file with arrays x_train and x_test"
        ) from None
    except npy.Objects as error:
        raise UserError(
            f"{error} of {path} is an array of Python objects",
            expected="arrays of numbers as numpy.savez writes them",
            received="dtype object",
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as .npz",
            expected="arrays of numbers as numpy.savez writes them",
            received=str(error) or type(error).__name__,
        ) from None


def _images(name: str, images: np.ndarray) -> np.ndarray:
    _check_numbers(name, images)
    if images.ndim not in (3, 4):
        raise UserError(
            f"{name} has the wrong rank", expected="shape [N, H, W] or [N, H, W, C]", received=images.shape
        )
    if not images.size:
        raise UserError(f"{name} is empty", expected="at least one image", received=f"shape {images.shape}")
    _check_finite(name, images, "pixels")
    return images if images.ndim == 4 else images[..., np.newaxis]


def _labels(name: str, labels: np.ndarray | None, count: int) -> np.ndarray | None:
    if labels is None:
        return None
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise UserError(
            f"{name} does not fit its images",
            expected=f"{count} integers, shape [{count}]",
            received=f"shape {list(labels.shape)}, {labels.dtype}",
        )
    if len(labels) and labels.max() > np.iinfo(np.int64).max:
        raise UserError(f"{name} does not fit into int64", expected="classes", received=labels.max())
    return labels.astype(np.int64)


def _conditions(name: str, conditions: np.ndarray | None, count: int) -> np.ndarray | None:
    if conditions is None:
        return None
    _check_numbers(name, conditions)
    if conditions.shape[:1] != (count,) or not conditions.size:
        raise UserError(
            f"{name} does not fit its images",
            expected=f"a condition for each, shape [{count}, ...]",
            received=f"shape {list(conditions.shape)}",
        )
    with np.errstate(over="ignore"):
        conditions = conditions.astype(np.float32)
    _check_finite(name, conditions, "numbers that fit into float32")
    return conditions if conditions.ndim > 1 else conditions[:, np.newaxis]


def _check_numbers(name: str, values: np.ndarray) -> None:
    if values.dtype.kind not in "buif":
        raise UserError(f"{name} does not hold numbers", expected="integers or floats", received=values.dtype)


def _check_finite(name: str, values: np.ndarray, expected: str) -> None:
    if broken := not_finite(values.ravel()):
        first = [int(i) for i in np.unravel_index(broken[1], values.shape)]
        raise UserError(
            f"{name} has {broken[0]} values that are NaN or infinite, the first at index {first}",
            expected=f"finite {expected}",
            received=values[tuple(first)],
        )
