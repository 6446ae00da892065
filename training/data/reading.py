"""From the name of a data set to its splits in memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from tfvae.checks import UserError, as_int, one_of, positive_int
from tfvae.training.data import pixels, sources, splitting, values
from tfvae.training.data.columns import Columns
from tfvae.training.data.dataset import DataSet, Split

STANDARDIZE = {
    "columns": "each column of numbers has mean 0 and standard deviation 1 over the training examples",
    "none": "the numbers as they are",
}  # name: how vectors are scaled
LONGEST_SIDE = 10_000  # pixels


def load(
    name: str,
    *,
    validation_size: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    standardize: str | None = "none",
    label_column: str | None = None,
    image_size: Sequence[int] | None = None,
) -> DataSet:
    """Loads a data set and sets validation examples aside.

    The test set never depends on `seed`: it is the data set's own, or a fifth of the examples of a source that has
    none, such as a table. If the data set has its own validation split, the validation set is that split, or
    `validation_size` examples of a fixed shuffle of it, and the training set is unchanged. Otherwise the validation set
    is held out of the training set by a permutation that `seed` determines.

    Args:
        name: `digits`, `ring`, `ica`, a file whose name ends with .npz, .npy or .csv, a folder of images with a slash
            in its path, or the name of a TFDS image data set. Pixels lie in [0, 1] or in [0, 255], in all splits alike.
        validation_size: number of validation examples; 0 for none. None for the data set's whole validation split, or,
            if it has none, a tenth of the training examples, at least one.
        seed: integer that determines the held-out examples.
        limit: most examples of each split, the first ones of a fixed shuffle; None for all.
        standardize: one of `STANDARDIZE`; None for "columns" for the vectors of a file, otherwise "none".
        label_column: column of a .csv file that holds the class of each row; None for none.
        image_size: (height, width) or (side,), pixels, to which the images of a folder are cropped and resized; None
            for the size that they have.

    Returns:
        data_set: images as uint8 in 0..255 or float32 in [0, 1]; vectors as float32.

    Raises:
        UserError: if the data set is not available or unfit, pixels are out of range, `validation_size` is negative,
            too large, or leaves nothing to train on, or an argument is for another kind of data set.

    Example:
        >>> digits = load("digits")
        >>> len(digits.train), len(digits.validation), len(digits.test), digits.image_shape
        (1294, 144, 359, (8, 8, 1))
    """
    name = os.fspath(name)
    _check(validation_size, limit, standardize, image_size)
    given = {"label_column": label_column, "image_size": image_size}
    for option, value in given.items():
        if value is not None and option not in sources.of(name).options:
            raise UserError(
                f"--{option.replace('_', '-')} is for {sources.takers(option)}", received=f"data set {name}"
            )
    found = sources.read(name, given)
    splits = {split: Split(*parts) for split, parts in found.splits.items()}
    if next(iter(splits.values())).images.ndim == 4:
        unit = pixels.in_range(name, {split: part.images for split, part in splits.items()})
        splits = {split: replace(part, images=unit[split]) for split, part in splits.items()}
    splits = splitting.limited(splitting.with_test(name, splits), limit)
    train, validation = splitting.with_validation(
        splits["train"], splits.get("validation"), validation_size, seed
    )
    columns = _scaled(name, found.columns, train, standardize)
    if columns is not None:
        train, validation, test = (
            _seen(columns, name, split) for split in (train, validation, splits["test"])
        )
    else:
        test = splits["test"]
    return DataSet(name, train, validation, test, columns, found.label_names, sources.of(name).customary)


def _check(
    validation_size: int | None, limit: int | None, standardize: str | None, image_size: Sequence[int] | None
) -> None:
    size = as_int(validation_size)
    if validation_size is not None and (size is None or size < 0):
        raise UserError(
            "validation size is not a number of examples",
            expected="an integer >= 0",
            received=repr(validation_size),
        )
    if limit is not None:
        positive_int("limit", limit)
    if standardize is not None:
        one_of("standardize", standardize, STANDARDIZE)
    if image_size is not None:
        check_image_size(image_size)


def check_image_size(image_size: Sequence[int]) -> None:
    """Raises a `UserError` if this is no size of images: one number of pixels for both sides, or height and width."""
    if not 1 <= len(image_size) <= 2:
        raise UserError(
            "image size is not one side or two", expected="SIDE, or HEIGHT WIDTH", received=list(image_size)
        )
    for side in image_size:
        positive_int("image size", side, LONGEST_SIDE)


def _scaled(name: str, columns: Columns | None, train: Split, standardize: str | None) -> Columns | None:
    """Returns the columns in the units in which a model sees them."""
    if columns is None and standardize == "columns":
        raise UserError(
            f"{name} is not standardised", expected="vectors of a file", received="--standardize columns"
        )
    if columns is None or standardize == "none":
        return columns
    return columns.standardize(train.images)


def _seen(columns: Columns, name: str, split: Split) -> Split:
    """Returns the vectors of a split as a model sees them."""
    seen = columns.seen(split.images)
    values.check_finite(name, seen, "numbers that fit into float32")
    return replace(split, images=seen)


def datasets() -> list[str]:
    """Returns one line about each kind of data set that `load` takes."""
    return [source.told() for source in sources.SOURCES]
