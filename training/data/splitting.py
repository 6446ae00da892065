"""Which examples are for the test, and which are held out for validation."""

from __future__ import annotations

import numpy as np

from tfvae.checks import UserError
from tfvae.training.data.dataset import Split
from tfvae.training.data.found import WHOLE
from tfvae.training.data.pipelines import philox

_TEST = 0.2  # fraction of the examples of a source that does not say which are for the test
_VALIDATION = 0.1  # default fraction of the training examples that is held out


def permutation(purpose: str, seed: int, count: int) -> np.ndarray:
    """Returns a permutation that is the same in every version of NumPy: the ranks of raw Philox words."""
    return np.argsort(philox(purpose, seed).random_raw(count), kind="stable")


def with_test(name: str, splits: dict[str, Split]) -> dict[str, Split]:
    """Returns the splits with a test set, for which a fifth of the `WHOLE` is drawn, the same at every call."""
    whole = splits.get(WHOLE)
    if whole is None:
        return splits
    if len(whole) < 2:
        raise UserError(f"{name} has too few examples to split", expected="at least 2", received=len(whole))
    order = permutation("test", 0, len(whole))
    cut = max(1, round(_TEST * len(whole)))
    return {"train": whole.take(np.sort(order[cut:])), "test": whole.take(order[:cut])}


def limited(splits: dict[str, Split], limit: int | None) -> dict[str, Split]:
    """Returns at most `limit` examples of each split, the first ones of a fixed shuffle, in their order."""
    if limit is None:
        return splits
    return {
        name: split.take(np.sort(permutation("limit", 0, len(split))[:limit]))
        for name, split in splits.items()
    }


def with_validation(train: Split, own: Split | None, size: int | None, seed: int) -> tuple[Split, Split]:
    """Returns the training and the validation split.

    Args:
        train: training examples.
        own: validation split of the data set itself, or None.
        size: number of validation examples; None for all of the own split, or a tenth of the training examples.
        seed: integer that determines which training examples are held out.

    Raises:
        UserError: if the size is too large.
    """
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
        return train, own.take(permutation("validation", 0, len(own))[:size])
    if size is None:
        size = max(1, round(_VALIDATION * len(train)))
    if size >= len(train):
        raise UserError(
            "validation size leaves nothing to train on",
            expected=f"fewer than the {len(train)} training examples",
            received=size,
        )
    order = permutation("validation", seed, len(train))
    return train.take(np.sort(order[size:])), train.take(order[:size])
