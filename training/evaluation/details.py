"""What `tfvae evaluate --full` adds to an evaluation: how many particles count, training examples, samples, codes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tfvae import evaluation
from tfvae.evaluation.activity import THRESHOLD
from tfvae.evaluation.per_example import mean_error
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.evaluation import quality
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of

TRAINING, DRAWS = 2000, 10  # training examples whose bound is estimated, and draws for each
BINS = 8  # of the histogram in a decade


def details(
    run: RunDirectory,
    model,
    loaded: data.DataSet,
    config: Config,
    *,
    split: str,
    limit: int | None,
    seed: int,
) -> dict[str, Any]:
    """Measures what the report tells beyond the likelihood.

    Args:
        run: its directory.
        model: the trained model.
        loaded: the run's data.
        config: its settings.
        split: that was evaluated.
        limit: how many of it, or None for all.
        seed: of samples and draws.

    Returns:
        details: plain JSON values: those of `quality.assess`; `train_elbo` with `train_elbo_standard_error` and
            `train_elbo_examples`, the evidence lower bound of training examples, but where the split is that of
            training.
    """
    found: dict[str, Any] = {}
    if split != "train":
        examples, _ = examples_of(loaded, config, "train", TRAINING)
        elbo = evaluation.log_marginal(model, examples, DRAWS, seed).elbo
        found |= {"train_elbo": float(elbo.mean()), "train_elbo_standard_error": mean_error(elbo)}
        found["train_elbo_examples"] = len(elbo)
    return found | quality.assess(run, model, loaded, config, split, limit, seed)


def of_particles(model, result) -> dict[str, Any]:
    """Tells how well the particles of an evaluation cover its examples.

    Args:
        model: the trained model.
        result: `evaluation.LogMarginal` of the examples.

    Returns:
        found: plain JSON values: `elbo_standard_error`, and where there are latents `effective_sample_size_histogram`
            with its `edges`, in particles, and `counts`, in examples, and `active_threshold`.
    """
    found: dict[str, Any] = {"elbo_standard_error": mean_error(result.elbo)}
    if model.latents is not None:
        found["effective_sample_size_histogram"] = histogram(result.effective_sample_size, result.num_samples)
        found["active_threshold"] = THRESHOLD
    return found


def histogram(sizes: np.ndarray, num_samples: int) -> dict[str, list]:
    """Counts effective sample sizes in bins of equal width on a logarithmic axis.

    Args:
        sizes: [N], from 1 to K.
        num_samples: K.

    Returns:
        histogram: "edges", eighths of a decade from 1 on with K the last, and "counts", in Python numbers. 10 is an
            edge, where it is below K.
    """
    steps = math.ceil(BINS * math.log10(max(num_samples, 2)) - 1e-9)
    edges = np.append(10.0 ** (np.arange(steps) / BINS), float(max(num_samples, 2)))
    counts, _ = np.histogram(np.clip(sizes, edges[0], edges[-1]), edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
