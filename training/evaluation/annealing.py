"""The step of an evaluation that anneals: log p(x) by chains, and what they can be off."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.groups import Annealing
from tfvae.training.evaluation.task import Task

if TYPE_CHECKING:
    from tfvae.evaluation import AnnealedImportance, LogMarginal


@dataclass(frozen=True)
class AnnealingSettings:
    """What to anneal.

    Attributes:
        num_temperatures, num_chains, init: see `tfvae.evaluation.ais`.
        simulated: examples simulated from the model to bound the error on; 0 for none.
    """

    num_temperatures: int = 1000
    num_chains: int = 16
    init: str = "prior"
    simulated: int = 0


def check(task: Task, settings: AnnealingSettings) -> None:
    """Raises a `UserError` unless the model can be annealed, and has the conditions of the simulated examples."""
    from tfvae.evaluation import path

    path.check_model(task.model, settings.init)
    if task.examples.condition is not None and settings.simulated > len(task.examples):
        raise UserError(
            "--simulated takes the conditions of the examples that are evaluated",
            expected=f"at most {len(task.examples)}",
            received=settings.simulated,
        )


def anneal(
    task: Task, settings: AnnealingSettings, importance: LogMarginal
) -> tuple[AnnealedImportance, Annealing]:
    """Estimates log p(x) of the examples by annealed importance sampling, and bounds its error where asked to.

    Args:
        task: the model and the examples.
        settings: what to anneal.
        importance: the estimate by importance sampling, to compare.

    Returns:
        estimate: log p(x) of each example.
        annealing: what the chains say.
    """
    from tfvae import evaluation

    key = asdict(settings) | task.place
    simulated = key.pop("simulated")
    options = {name: key[name] for name in ("num_temperatures", "num_chains", "init", "seed")}
    watched = task.watched("example", "ais", **key)
    estimate = evaluation.ais(task.model, task.examples, **options, **watched)
    bounds: dict[str, Any] = {}
    if simulated:
        options["condition"] = task.examples[:simulated].condition
        watched = task.watched("example", "bdmc", **key, simulated=simulated)
        found = evaluation.bdmc(task.model, simulated, **options, **watched)
        bounds = {
            "simulated_examples": simulated,
            "simulated_lower": float(found.lower.mean()),
            "simulated_upper": float(found.upper.mean()),
            "simulated_gap": found.gap,
            "simulated_gap_standard_error": found.gap_standard_error,
        }
    return estimate, Annealing(
        num_temperatures=estimate.num_temperatures,
        num_chains=estimate.num_chains,
        init=settings.init,
        effective_chains=float(np.median(estimate.effective_sample_size)),
        acceptance=float(estimate.acceptance.mean()) if estimate.num_temperatures > 1 else None,
        importance_nll=importance.nll,
        **bounds,
    )
