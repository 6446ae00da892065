"""The examples of a run's splits, binarised as they are evaluated or drawn, and the fixed order of the first ones."""

from __future__ import annotations

import numpy as np

from tfvae.examples import Examples
from tfvae.training import data
from tfvae.training.config import Config


def examples_of(loaded: data.DataSet, config: Config, split: str, limit: int | None = None) -> Examples:
    """Returns the examples of a split, binarised once with a fixed seed, with their conditions, labels and numbers.

    Args:
        loaded: the run's data set.
        config: its settings.
        split: "train", "validation" or "test".
        limit: how many to take, the first ones of a fixed shuffle; all where there are fewer. None for all in order.
    """
    chosen = getattr(loaded, split)
    whole = _binarised(loaded, config, chosen, 0, split)
    return whole if limit is None else whole[fixed_shuffle(len(whole))[:limit]]


def held_out_of(loaded: data.DataSet, config: Config, limit: int) -> Examples:
    """Returns the first validation examples, or test examples where there are none, as a run draws them: binarised with
    its own seed."""
    chosen = (loaded.validation if len(loaded.validation) else loaded.test).take(slice(limit))
    return _binarised(loaded, config, chosen, config.seed, "test")


def named(what: str, loaded: data.DataSet, config: Config) -> str:
    """Returns what examples are called in a figure: "binarised examples" where their grey pixels were binarised.

    Example:
        >>> digits = data.load("digits")
        >>> named("original", digits, Config.resolve({}))
        'binarised original'
        >>> named("original", digits, Config.resolve({"binarize": "none"}))
        'original'
    """
    return f"binarised {what}" if config.binarize != "none" and loaded.is_grey() else what


def first_places(examples: Examples, size: int, limit: int) -> np.ndarray:
    """Returns the places among these examples of those that come first in the fixed shuffle of their split.

    Args:
        examples: examples of the split, or some of them.
        size: how many examples the split has.
        limit: how many places; all where there are fewer examples.
    """
    place_in_shuffle = np.argsort(fixed_shuffle(size))
    return np.argsort(place_in_shuffle[examples.rows])[:limit]


def fixed_shuffle(count: int) -> np.ndarray:
    """Returns the order in which `examples_of` takes the first ones of a split of `count` examples."""
    return np.random.default_rng(0).permutation(count)


def _binarised(loaded: data.DataSet, config: Config, split: data.Split, seed: int, noise: str) -> Examples:
    x = data.binarize_once(split.images, config.binarize, seed, noise)
    return Examples(x, data.condition(x, **loaded.condition_of(config.condition, split)), split.labels)
