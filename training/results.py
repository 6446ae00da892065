"""What a finished run gives: its model and its examples."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tfvae.checks import NotFinite, UserError
from tfvae.training import data, keras_file, quiet
from tfvae.training.config import Config
from tfvae.training.run_directory import RunDirectory


def load_model(run: RunDirectory):
    """Loads the trained model of a run.

    Raises:
        UserError: if there is none yet or its file is damaged.
    """
    if not run.model_file.is_file():
        raise UserError(
            f"{run.path} holds no trained model",
            expected="model.keras",
            fix=f"finish the run with {run.resuming()}",
        )
    return load_keras(run.model_file, fix=f"delete it and {run.resuming()} writes it anew", ours=True)


def load_keras(path: Path, *, fix: str, compile: bool = True, ours: bool = False):
    """Loads a .keras file, never with code of its own.

    Args:
        path: the file.
        fix: what to do about a damaged one.
        compile: whether to restore the optimiser too.
        ours: whether it must hold one of tfvae's models.

    Raises:
        UserError: if it is damaged or holds what is not wanted.
    """
    try:
        keras_file.check(path, ours)
        quiet.tensorflow()
        import keras

        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    except MemoryError:
        raise
    except Exception as error:  # what a foreign file makes Keras, HDF5 and layers raise is any exception
        told = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
        raise UserError(f"{path} is damaged", received=told[:200], fix=fix) from error


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
