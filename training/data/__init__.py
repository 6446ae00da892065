"""Data sets in memory, split for training, validation and test: images, and points in the plane.

    digits        scikit-learn's 8x8 digits, which need no download
    ring          points in the plane, made by formula
    FILE.npz      arrays x_train, x_test, optionally x_valid, labels y_* and conditions c_*, see `npz.read`
    other names   image data sets of TensorFlow Datasets

This module imports neither TensorFlow nor TFDS. `load` imports them if the data set needs them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from tfvae.checks import UserError
from tfvae.training.data import npz, ring, tfds_images
from tfvae.training.data.dataset import DataSet, Split
from tfvae.training.data.pipelines import (
    BINARIZE,
    binarize_once,
    condition,
    evaluation_pipeline,
    paired,
    philox,
    steps_per_epoch,
    training_pipeline,
)

__all__ = [
    "BINARIZE",
    "DataSet",
    "Split",
    "binarize_once",
    "condition",
    "datasets",
    "evaluation_pipeline",
    "load",
    "paired",
    "steps_per_epoch",
    "training_pipeline",
]

_DIGITS_TEST = 0.2  # fraction of the digits in the test set
_VALIDATION = 0.1  # default fraction of the training images that is held out


def load(name: str, *, validation_size: int | None = None, seed: int = 0) -> DataSet:
    """Loads a data set and sets validation examples aside.

    The test set never depends on `seed`. If the data set has its own validation split, the validation set is that
    split, or `validation_size` examples of a fixed shuffle of it, and the training set is unchanged. Otherwise the
    validation set is held out of the training set by a permutation that `seed` determines.

    Args:
        name: `digits`, `ring`, a file whose name ends with .npz, or the name of a TFDS image data set. Pixels lie in
            [0, 1] or in [0, 255], in all splits alike.
        validation_size: number of validation examples; 0 for none. None for the data set's whole validation split, or,
            if it has none, a tenth of the training examples, at least one.
        seed: integer that determines the held-out examples.

    Returns:
        data_set: images as uint8 in 0..255 or float32 in [0, 1]; the points of `ring` as float32.

    Raises:
        UserError: if the data set is not available or unfit (see `npz.read` and `tfds_images.read`), pixels are out of
            range, or `validation_size` is negative, too large, or leaves nothing to train on.

    Example:
        >>> digits = load("digits")
        >>> len(digits.train), len(digits.validation), len(digits.test), digits.image_shape
        (1294, 144, 359, (8, 8, 1))
    """
    name = os.fspath(name)
    if validation_size is not None and (
        isinstance(validation_size, bool) or not hasattr(validation_size, "__index__") or validation_size < 0
    ):
        raise UserError(
            "validation size is not a number of examples",
            expected="an integer >= 0",
            received=repr(validation_size),
        )
    found: Mapping[str, tuple[np.ndarray | None, ...]]
    if name == "digits":
        found = _digits()
    elif name == "ring":
        found = ring.read()
    elif name.endswith(".npz"):
        found = npz.read(name)
    else:
        found = tfds_images.read(name)
    images = {split: np.asarray(parts[0]) for split, parts in found.items()}
    if images["train"].ndim == 4:
        images = _in_range(name, images)
    splits = {split: Split(images[split], *parts[1:]) for split, parts in found.items()}
    train, validation = _validation(splits["train"], splits.get("validation"), validation_size, seed)
    return DataSet(name, train, validation, splits["test"])


def datasets() -> list[str]:
    """Returns one line about each kind of data set that `load` takes."""
    local = ", ".join(tfds_images.prepared()) or "none"
    folder = tfds_images.data_dir() or "TFDS' default folder (TFDS_DATA_DIR is not set)"
    return [
        "digits: 1,797 grey 8x8 digits of scikit-learn, no download",
        "ring: points of the plane, z/10 + z/|z| of standard normal z; for preset ring",
        f"any TFDS image data set by name; prepared in {folder}: {local}",
        "FILE.npz: arrays x_train, x_test, optionally x_valid, and y_* (labels), c_* (--condition array)",
    ]


def _permutation(purpose: str, seed: int, count: int) -> np.ndarray:
    """Returns a permutation that is the same in every version of NumPy: the ranks of raw Philox words."""
    return np.argsort(philox(purpose, seed).random_raw(count), kind="stable")


def _digits() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = (bunch.images[..., np.newaxis] / 16).astype(np.float32), bunch.target.astype(np.int64)
    order = _permutation("digits", 0, len(images))
    cut = round(_DIGITS_TEST * len(images))
    parts = {"train": np.sort(order[cut:]), "test": order[:cut]}
    return {split: (images[rows], labels[rows]) for split, rows in parts.items()}


def _in_range(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns all splits as uint8 in 0..255 or float32 in [0, 1], with one scale for all."""
    lowest = min(images.min() for images in arrays.values())
    highest = {split: images.max() for split, images in arrays.items()}
    high = max(highest.values())
    overshoot = 1 < high < 2 and any(images.dtype.kind == "f" for images in arrays.values())
    if not (lowest >= 0 and high <= 255) or overshoot:
        raise UserError(
            f"pixels of {name} are out of range",
            expected="all in [0, 1] or all in [0, 255]",
            received=f"minimum {lowest:g}, maximum {high:g}",
        )
    if high <= 1:
        return {split: images.astype(np.float32) for split, images in arrays.items()}
    if any(0 < top <= 1 for top in highest.values()):
        raise UserError(
            f"the splits of {name} are scaled differently",
            expected="all in [0, 1] or all in [0, 255]",
            received=", ".join(f"{split} up to {top:g}" for split, top in highest.items()),
        )
    return {
        split: images.astype(np.float32) / 255 if images.dtype.kind == "f" else images.astype(np.uint8)
        for split, images in arrays.items()
    }


def _validation(train: Split, own: Split | None, size: int | None, seed: int) -> tuple[Split, Split]:
    """Returns the training and the validation split."""
    if size == 0:
        return train, train.take(np.arange(0))
    if own is not None:
        if size is None:
            return train, own
        if size > len(own):
            raise UserError(
                "validation size is larger than the validation split",
                expected=f"0 to {len(own)}",
                received=size,
            )
        return train, own.take(_permutation("validation", 0, len(own))[:size])
    if size is None:
        size = max(1, round(_VALIDATION * len(train)))
    if size >= len(train):
        raise UserError(
            "validation size leaves nothing to train on",
            expected=f"fewer than the {len(train)} training examples",
            received=size,
        )
    order = _permutation("validation", seed, len(train))
    return train.take(np.sort(order[size:])), train.take(order[:size])
