"""Images or vectors, with labels and conditions, from an .npz file; NumPy alone checks them, so errors come early."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tfvae.checks import UserError
from tfvae.training.data import arrays as array_files
from tfvae.training.data import values
from tfvae.training.data.columns import Columns
from tfvae.training.data.found import Arrays, Found

_SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def read(path: str) -> Found:
    """Reads the splits of an .npz file, pixels as they are stored.

    Args:
        path: file with examples `x_train`, `x_test` and optionally `x_valid`: images [N, H, W] or [N, H, W, C], or
            vectors [N, D]. Optional labels `y_train`, `y_test` and `y_valid` are integers [N]. Optional conditions
            `c_train`, `c_test` and `c_valid` are numbers [N, ...]. They are not scaled: store them as the networks
            should see them. Optional names of the classes 0, 1, ... are text, `label_names` [classes].

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
    splits: dict[str, Arrays] = {}
    for key, split in _SPLITS.items():
        if f"x_{key}" in arrays:
            images = values.examples(f"x_{key} of {path}", arrays[f"x_{key}"])
            labels = _labels(f"y_{key} of {path}", arrays.get(f"y_{key}"), len(images))
            conditions = _conditions(f"c_{key} of {path}", arrays.get(f"c_{key}"), len(images))
            splits[split] = images, labels, conditions
    for index, what, expected in ((0, "image", "of an example"), (2, "condition", "of a condition")):
        arrays_of = {split: parts[index] for split, parts in splits.items()}
        shapes = {split: array.shape[1:] for split, array in arrays_of.items() if array is not None}
        if len(set(shapes.values())) > 1:
            raise UserError(
                f"the splits of {path} differ in {what} shape",
                expected=f"one shape {expected}",
                received=", ".join(f"{split} {shape}" for split, shape in shapes.items()),
            )
    examples = splits["train"][0]
    columns = Columns.numbered(examples.shape[1]) if examples.ndim == 2 else None
    return Found(splits, columns, _label_names(f"label_names of {path}", arrays.get("label_names"), splits))


def _arrays(path: str) -> dict[str, np.ndarray]:
    """Returns the arrays of the splits, and an empty array under every other name."""
    wanted = {"label_names"} | {f"{letter}_{key}" for letter in "xyc" for key in _SPLITS}
    return array_files.read_archive(path, wanted, "an .npz file with arrays x_train and x_test")


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


def _label_names(name: str, names: np.ndarray | None, splits: Mapping[str, Arrays]) -> tuple[str, ...]:
    if names is None:
        return ()
    labels = [part[1] for part in splits.values() if part[1] is not None and len(part[1])]
    least = 1 + max((int(part.max()) for part in labels), default=0)
    if names.dtype.kind != "U" or names.ndim != 1 or len(names) < least:
        raise UserError(
            f"{name} do not fit the labels",
            expected=f"text, shape [classes], for at least {least} classes",
            received=f"shape {list(names.shape)}, {names.dtype}",
        )
    return tuple(map(str, names))


def _conditions(name: str, conditions: np.ndarray | None, count: int) -> np.ndarray | None:
    if conditions is None:
        return None
    values.check_numbers(name, conditions)
    if conditions.shape[:1] != (count,) or not conditions.size:
        raise UserError(
            f"{name} does not fit its images",
            expected=f"a condition for each, shape [{count}, ...]",
            received=f"shape {list(conditions.shape)}",
        )
    with np.errstate(over="ignore"):
        conditions = conditions.astype(np.float32)
    values.check_finite(name, conditions, "numbers that fit into float32")
    return conditions if conditions.ndim > 1 else conditions[:, np.newaxis]
