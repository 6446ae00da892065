"""The step of an evaluation that asks why the bound is loose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.groups import Gap
from tfvae.training.evaluation.task import Task

if TYPE_CHECKING:
    from tfvae.evaluation.estimate import Estimate


@dataclass(frozen=True)
class GapSettings:
    """How to measure the inference gap.

    Attributes:
        examples: how many examples, the first ones of a fixed shuffle; all where there are fewer.
        steps: steps of the optimiser of q for each example.
        if_possible: whether to do without where the model has no such gap.
    """

    examples: int = 500
    steps: int = 500
    if_possible: bool = False

    def to_json(self) -> dict[str, int]:
        """Returns what the numbers depend on."""
        return {"examples": self.examples, "steps": self.steps}


def missing(task: Task, settings: GapSettings) -> str | None:
    """Returns why the model has no inference gap; None where it has one.

    Raises:
        UserError: if it has none and `if_possible` is False.
    """
    from tfvae import evaluation

    try:
        evaluation.check_gap(task.model)
    except UserError as error:
        if not settings.if_possible:
            raise
        return str(error).partition(";")[0]
    return None


def measure(task: Task, settings: GapSettings, num_samples: int, better: Estimate | None) -> Gap:
    """Measures the inference gap of the first examples of the fixed shuffle.

    Args:
        task: the model and the examples.
        settings: how.
        num_samples: particles for each example.
        better: an estimate of log p(x) of all examples that is better than importance sampling from the best q; None
            for none.
    """
    from tfvae import evaluation

    chosen = task.first(settings.examples)
    key = task.place | {"num_samples": num_samples, "limit": len(chosen), "steps": settings.steps}
    options: dict[str, Any] = {"num_samples": num_samples, "seed": task.seed, "steps": settings.steps}
    if better is not None:
        options["log_prob"] = better.log_prob[chosen]
        options["log_prob_standard_error"] = better.standard_error[chosen]
    options |= task.watched("gap: best q of example", "gap", **key)
    found = evaluation.inference_gap(task.model, task.examples[chosen], **options)
    parts: dict[str, Any] = {}
    for name in ("inference", "approximation", "amortization", "late_gain"):
        part = getattr(found, name)
        parts |= {name: part.mean, f"{name}_standard_error": part.mean_standard_error}
    return Gap(
        **parts,
        verdict=found.verdict(),
        converged=found.converged,
        effective_sample_size=None if better is not None else float(np.median(found.effective_sample_size)),
        num_examples=len(chosen),
        steps=found.steps,
    )
