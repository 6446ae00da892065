"""The examples of a run's split, binarised as they are evaluated, and the fixed order of the first ones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np

from tfvae.checks import NotFinite
from tfvae.training import data
from tfvae.training.config import Config


def examples_of(
    loaded: data.DataSet, config: Config, split: str, limit: int | None = None
) -> tuple[np.ndarray | tuple[np.ndarray, np.ndarray], np.ndarray | None]:
    """Returns the examples of a split, binarised once with a fixed seed, and their labels or None.

    With `limit`, those are the first ones of a fixed shuffle, no more than there are. The examples are an array x, or
    for a run with a condition the pair (condition, x).
    """
    chosen = getattr(loaded, split)
    images, labels = data.binarize_once(chosen.images, config.binarize, 0, split), chosen.labels
    condition = loaded.condition_of(config.condition, chosen)
    if limit is not None:
        rows = fixed_shuffle(len(images))[:limit]
        images, labels = images[rows], None if labels is None else labels[rows]
        if condition["vectors"] is not None:
            condition["vectors"] = condition["vectors"][rows]
    return data.paired(images, **condition), labels


@contextlib.contextmanager
def numbered(rows: np.ndarray) -> Iterator[None]:
    """Within it a `NotFinite` says rows[n] for example n: which of the split it is, where only `rows` are evaluated."""
    try:
        yield
    except NotFinite as error:
        raise NotFinite(error.what, error.broken, error.count, int(rows[error.example])) from error


def fixed_shuffle(count: int) -> np.ndarray:
    """Returns the order in which `examples_of` takes the first ones of a split of `count` examples."""
    return np.random.default_rng(0).permutation(count)
