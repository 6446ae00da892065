"""What a finished run gives: its model and its evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training import data, quiet
from tfvae.training.config import Config
from tfvae.training.loop import load_data
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
            fix="finish the run with `tfvae train --run-dir ... --resume`",
        )
    quiet.tensorflow()
    import keras

    try:
        return keras.saving.load_model(run.model_file)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise UserError(
            f"{run.model_file} is damaged",
            received=f"{error}"[:200],
            fix="delete it and `tfvae train --resume`",
        ) from error


def examples_of(
    loaded: data.DataSet, config: Config, split: str, limit: int | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns the examples of a split, binarised once with a fixed seed, and their labels or None.

    With `limit`, those are the first ones of a fixed shuffle, no more than there are.
    """
    chosen = getattr(loaded, split)
    images = data.binarize_once(chosen.images, config.binarize, 0, split)
    if limit is None:
        return images, chosen.labels
    rows = np.random.default_rng(0).permutation(len(images))[:limit]
    return images[rows], None if chosen.labels is None else chosen.labels[rows]


def evaluate(
    run: RunDirectory,
    *,
    split: str = "test",
    num_samples: int = 5000,
    limit: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates the model of a run on one split and writes evaluation.json.

    The split is binarised once with the run's way of binarising and a fixed seed; with `limit`, a fixed shuffle's first
    examples are taken. Where the likelihood is one of stored pixels, nats are also given in bits per dimension,
    nll / (D log 2) for D numbers in an example. Densities have none: a density of pixels is no probability of the
    stored integers.

    Returns:
        result: what evaluation.json holds.

    Raises:
        UserError: for bad input.
    """
    config = run.config()
    loaded = load_data(config)
    run.check_data(loaded.fingerprint())
    count = len(getattr(loaded, split))
    if not count:
        raise UserError(f"the run has no {split} examples", expected="another --split")
    if limit is not None and limit > count:
        raise UserError("--limit is larger than the split", expected=f"1 to {count} examples", received=limit)
    model = load_model(run)

    from tfvae import evaluation

    examples, _ = examples_of(loaded, config, split, limit)
    result = evaluation.log_marginal(model, examples, num_samples=num_samples, seed=seed, progress=progress)
    units = evaluation.active_units(model, examples)
    head = model.likelihood_head
    summary = {
        "nll": result.nll,
        "nll_standard_error": result.nll_standard_error,
        "nll_monte_carlo_standard_error": result.monte_carlo_standard_error,
        "elbo": float(result.elbo.mean()),
        "effective_sample_size": float(np.median(result.effective_sample_size)),
        "num_samples": num_samples,
        "num_examples": len(examples),
        "active_units": units.count,
        "active_units_by_layer": units.by_layer,
        "units_by_layer": [len(variance) for variance in units.variances],
        "latent_size": model.latent_size,
        "split": split,
        "binarize": config.binarize,
        "dataset": config.dataset,
        "likelihood": config.likelihood,
        "seed": seed,
    }
    if head.levels is not None:
        dimensions = math.prod(model.event_shape)
        summary["bits_per_dimension"] = result.nll / (dimensions * math.log(2.0))
        summary["levels"] = head.levels
    summary |= {f"likelihood_{name}": value for name, value in head.figures().items()}
    run.write_evaluation(summary)
    return summary
