"""The step of an evaluation that anneals: log p(x) by chains, and what they can be off."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.groups import Annealing
from tfvae.training.evaluation.task import Task

if TYPE_CHECKING:
    from tfvae.evaluation import AnnealedImportance, LogMarginal


SIMULATED = 10  # examples


@dataclass(frozen=True)
class AnnealingSettings:
    """What to anneal.

    Attributes:
        num_temperatures, num_chains, init, schedule: see `tfvae.evaluation.ais`.
        simulated: examples simulated from the model to bound the error on; 0 for none. None for 10 where the model has
            no q(z|x) to compare the chains with, and for none where it has.
    """

    num_temperatures: int = 1000
    num_chains: int = 16
    init: str = "prior"
    simulated: int | None = None
    schedule: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns what the numbers depend on."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def of(self, model: Any) -> AnnealingSettings:
        """Returns the settings with the number of simulated examples that the model calls for."""
        from tfvae.models.contract import Inferential

        if self.simulated is not None:
            return self
        return replace(self, simulated=0 if isinstance(model, Inferential) else SIMULATED)


def check(task: Task, settings: AnnealingSettings) -> None:
    """Raises a `UserError` unless the model can be annealed, and has the conditions of the simulated examples."""
    from tfvae.evaluation import path

    path.check_model(task.model, settings.init)
    if task.examples.condition is not None and (settings.simulated or 0) > len(task.examples):
        raise UserError(
            "--simulated takes the conditions of the examples that are evaluated",
            expected=f"at most {len(task.examples)}",
            received=settings.simulated,
        )


def anneal(
    task: Task, settings: AnnealingSettings, importance: LogMarginal | None
) -> tuple[AnnealedImportance, Annealing]:
    """Estimates log p(x) of the examples by annealed importance sampling, and bounds its error where asked to.

    Args:
        task: the model and the examples.
        settings: what to anneal.
        importance: the estimate by importance sampling, to compare; None for a model without q.

    Returns:
        estimate: log p(x) of each example.
        annealing: what the chains say.
    """
    from tfvae import evaluation

    key = settings.to_json()
    simulated = key.pop("simulated", 0)
    options = key | {"seed": task.seed}
    key |= task.place
    watched = task.watched("annealed chains: example", "ais", **key)
    estimate = evaluation.ais(task.model, task.examples, **options, **watched)
    bounds: dict[str, Any] = {}
    if simulated:
        options["condition"] = task.examples[:simulated].condition
        watched = task.watched("bidirectional chains: simulated example", "bdmc", **key, simulated=simulated)
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
        importance_nll=None if importance is None else importance.nll,
        **bounds,
    )
