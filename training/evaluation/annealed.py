"""The part of a run's evaluation that anneals: log p(x) by chains, and what they can be off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.block_store import Partial
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import numbered


@dataclass(frozen=True)
class Annealed:
    """What to anneal.

    Attributes:
        num_temperatures, num_chains, init: see `tfvae.evaluation.ais`.
        simulated: examples simulated from the model to bound the error on; 0 for none.
    """

    num_temperatures: int = 1000
    num_chains: int = 16
    init: str = "prior"
    simulated: int = 0


def check(settings: Annealed, model, count: int) -> None:
    """Raises a `UserError` unless the model can be annealed, and has the conditions of the simulated examples."""
    from tfvae.evaluation import annealing

    annealing.check_model(model, settings.init)
    if model.takes_condition and settings.simulated > count:
        raise UserError(
            "--simulated takes the conditions of the examples that are evaluated",
            expected=f"at most {count}",
            received=settings.simulated,
        )


def anneal(
    run: RunDirectory,
    model,
    examples,
    rows: np.ndarray,
    settings: Annealed,
    kept: ExitStack,
    progress: Callable[[int, int], None] | None = None,
    **place: Any,
):
    """Estimates log p(x) of the examples by annealed importance sampling, and bounds its error where asked to.

    Args:
        run: which keeps finished blocks.
        model: of the run.
        examples: as `examples_of` gives them.
        rows: which of the split these are.
        settings: what to anneal.
        kept: closed when the whole evaluation is done; until then the blocks stay.
        progress: called with (examples done, N) for each of the two.
        **place: of the examples, with "seed".

    Returns:
        result: `tfvae.evaluation.AnnealedImportance`.
        figures: what evaluation.json holds of it.
    """
    from tfvae import evaluation

    chains = settings.num_temperatures, settings.num_chains
    options = {"init": settings.init, "seed": place["seed"], "progress": progress}
    key = asdict(settings) | place
    simulated = key.pop("simulated")
    store = kept.enter_context(Partial(run, "ais", **key))
    with numbered(rows):
        result = evaluation.ais(model, examples, *chains, store=store, **options)
    figures = {
        "num_temperatures": result.num_temperatures,
        "num_chains": result.num_chains,
        "init": settings.init,
        "effective_chains": float(np.median(result.effective_sample_size)),
        "acceptance": float(result.acceptance.mean()) if result.num_temperatures > 1 else None,
    }
    if simulated:
        condition = examples[0][:simulated] if model.takes_condition else None
        store = kept.enter_context(Partial(run, "bdmc", **key, simulated=simulated))
        bounds = evaluation.bdmc(model, simulated, *chains, condition=condition, store=store, **options)
        figures |= {
            "simulated_examples": simulated,
            "simulated_lower": float(bounds.lower.mean()),
            "simulated_upper": float(bounds.upper.mean()),
            "simulated_gap": bounds.gap,
            "simulated_gap_standard_error": bounds.gap_standard_error,
        }
    return result, figures
