"""The part of a run's evaluation that asks why the bound is loose."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.block_store import Partial
from tfvae.training.runs.directory import RunDirectory

if TYPE_CHECKING:
    from tfvae.evaluation.estimate import Estimate


@dataclass(frozen=True)
class Gap:
    """What is asked of the inference gap.

    Attributes:
        examples: of a fixed shuffle, the first ones; all where there are fewer.
        steps: of the optimiser of q for each example.
        if_possible: whether to do without where the model has none.
        progress: called with (examples done, N).
    """

    examples: int = 500
    steps: int = 500
    if_possible: bool = False
    progress: Callable[[int, int], None] | None = None

    def settings(self) -> dict[str, int]:
        """Returns what its numbers depend on."""
        return {"examples": self.examples, "steps": self.steps}


def check(gap: Gap, model) -> str | None:
    """Returns why the model has no inference gap; None where it has one.

    Raises:
        UserError: if it has none and `if_possible` is False.
    """
    from tfvae import evaluation

    try:
        evaluation.check_gap(model)
    except UserError as error:
        if not gap.if_possible:
            raise
        return str(error).partition(";")[0]
    return None


def measure(
    run: RunDirectory, model, examples, gap: Gap, kept: ExitStack, given: Estimate | None, **settings: Any
) -> dict[str, Any]:
    """Measures the inference gap of examples.

    Args:
        run: which keeps finished blocks.
        model: of the run.
        examples: as `examples_of` gives them.
        gap: what is asked.
        kept: closed when the whole evaluation is done; until then the blocks stay.
        given: an estimate of log p(x) that is better than importance sampling from the best q; None for none.
        **settings: "num_samples", "seed" and all else that the blocks depend on.

    Returns:
        gap: what evaluation.json holds of the gap.
    """
    from tfvae import evaluation

    options = {"num_samples": settings["num_samples"], "seed": settings["seed"], "steps": gap.steps}
    if given is not None:
        options |= {"log_prob": given.log_prob, "log_prob_standard_error": given.standard_error}
    store = kept.enter_context(Partial(run, "gap", steps=gap.steps, **settings))
    measured = evaluation.inference_gap(model, examples, store=store, progress=gap.progress, **options)
    found: dict[str, Any] = {}
    for name in ("inference", "approximation", "amortization"):
        part = getattr(measured, name)
        found |= {f"{name}_gap": part.mean, f"{name}_gap_standard_error": part.mean_standard_error}
    size = None if given is not None else float(np.median(measured.effective_sample_size))
    return found | {
        "gap_verdict": measured.verdict(),
        "gap_converged": measured.converged,
        "gap_late_gain": measured.late_gain.mean,
        "gap_late_gain_standard_error": measured.late_gain.mean_standard_error,
        "gap_effective_sample_size": size,
        "gap_num_examples": len(measured.log_prob.values),
        "gap_steps": measured.steps,
    }
