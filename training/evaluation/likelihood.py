"""The step of an evaluation that every one has: log p(x), and what the particles of q tell, where there is one."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.training.evaluation.groups import Likelihood
from tfvae.training.evaluation.normalizer import Normalizer
from tfvae.training.evaluation.observation import Scale
from tfvae.training.evaluation.task import Task

if TYPE_CHECKING:
    from tfvae.evaluation import KernelDensity, LogMarginal
    from tfvae.evaluation.estimate import Estimate

BINS = 8  # of the histogram in a decade


def sample(task: Task, num_samples: int) -> LogMarginal:
    """Estimates log p(x) of the examples by importance sampling from q(z|x)."""
    from tfvae import evaluation

    watched = task.watched(
        "importance sampling: example", "importance", num_samples=num_samples, **task.place
    )
    return evaluation.log_marginal(task.model, task.examples, num_samples, task.seed, **watched)


def kernels(task: Task, num_samples: int) -> KernelDensity:
    """Estimates log p(x) of the examples by samples of the prior alone."""
    from tfvae import evaluation

    watched = task.watched("samples of the prior: example", "prior", num_samples=num_samples, **task.place)
    return evaluation.kernel_density(task.model, task.examples, num_samples, task.seed, **watched)


def describe(
    task: Task,
    method: str,
    estimate: Estimate,
    particles: LogMarginal | None,
    settled: Scale | Normalizer | None,
) -> Likelihood:
    """Returns what an evaluation holds of the likelihood.

    Args:
        task: the model and the examples.
        method: how log p(x) was estimated.
        estimate: log p(x) of each example.
        particles: the estimate by importance sampling; None for a model without q.
        settled: the observation scale or the log-normaliser; None for a model with a likelihood.
    """
    from tfvae import evaluation
    from tfvae.evaluation.per_example import mean_error
    from tfvae.models.contract import Inferential

    config = task.config
    found: dict[str, Any] = {}
    error = estimate.monte_carlo_standard_error
    if settled is None:
        found |= _of_head(task, estimate)
    else:
        found |= asdict(settled)
    if isinstance(settled, Scale):
        found["latent_size"] = task.model.latent_size
        if config.ema is not None:
            found["weights"] = "plain" if task.plain_weights else "average"
    elif isinstance(settled, Normalizer):
        error = settled.log_normalizer_standard_error
    if particles is not None:
        found |= {"elbo": float(particles.elbo.mean()), "elbo_standard_error": mean_error(particles.elbo)}
        if isinstance(task.model, Inferential):
            found |= _of_latents(task, particles)
    elif isinstance(estimate, evaluation.KernelDensity):
        found["num_samples"] = estimate.num_samples
    return Likelihood(
        method=method,
        nll=estimate.nll,
        nll_standard_error=estimate.nll_standard_error,
        nll_monte_carlo_standard_error=error,
        num_examples=len(task.examples),
        binarize=config.binarize,
        dataset=config.dataset,
        likelihood=config.likelihood,
        split=task.split,
        seed=task.seed,
        **found,
    )


def _of_head(task: Task, estimate: Estimate) -> dict[str, Any]:
    """Returns what is known of the likelihood as a head."""
    head = task.model.likelihood_head
    values = math.prod(head.event_shape)
    found: dict[str, Any] = {f"likelihood_{name}": value for name, value in head.own_metrics().items()}
    if head.levels is not None:
        found |= {"bits_per_dimension": estimate.nll / (values * math.log(2.0)), "levels": head.levels}
    if task.examples.condition is not None:
        found |= {"condition": task.config.condition, "scored_values": values}
    return found


def _of_latents(task: Task, particles: LogMarginal) -> dict[str, Any]:
    """Returns what is known of the particles and of the latent units."""
    from tfvae import evaluation
    from tfvae.evaluation.activity import THRESHOLD
    from tfvae.evaluation.estimate import FEW

    units = evaluation.active_units(task.model, task.examples)
    sizes = particles.effective_sample_size
    return _of_tails(particles) | {
        "effective_sample_size": float(np.median(sizes)),
        "few_effective_share": float(np.mean(sizes < FEW)),
        "effective_sample_size_histogram": histogram(sizes, particles.num_samples),
        "num_samples": particles.num_samples,
        "active_units": units.count,
        "active_units_by_layer": units.by_layer,
        "active_unit_variances": [layer.tolist() for layer in units.variances],
        "active_threshold": THRESHOLD,
        "units_by_layer": [len(variance) for variance in units.variances],
        "latent_size": task.model.latent_size,
        "latents": task.model.latents,
    }


def _of_tails(particles: LogMarginal) -> dict[str, float]:
    """Returns what is known of the tails of the weights; nothing where no tail could be fitted."""
    from tfvae.evaluation.pareto import threshold

    if not np.isfinite(particles.pareto_k).any():
        return {}
    return {
        "pareto_k": float(np.nanmedian(particles.pareto_k)),
        "pareto_k_threshold": threshold(particles.num_samples),
        "unreliable_share": float(np.mean(~particles.reliable)),
    }


def histogram(sizes: np.ndarray, num_samples: int) -> dict[str, list[Any]]:
    """Counts effective sample sizes in bins of equal width on a logarithmic axis.

    Args:
        sizes: effective sample sizes, [N], from 1 to K.
        num_samples: particles of each example, K.

    Returns:
        histogram: "edges", eighths of a decade from 1 on with K the last, and "counts", in Python numbers. 10 is an
            edge, where it is below K.
    """
    steps = math.ceil(BINS * math.log10(max(num_samples, 2)) - 1e-9)
    edges = np.append(10.0 ** (np.arange(steps) / BINS), float(max(num_samples, 2)))
    counts, _ = np.histogram(np.clip(sizes, edges[0], edges[-1]), edges)
    return {"edges": edges.tolist(), "counts": counts.tolist()}
