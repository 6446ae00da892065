"""Two runs on the same pixels of the same examples."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.evaluation.block_store import Partial, digest
from tfvae.training.runs.directory import RunDirectory, cannot_write
from tfvae.training.runs.loading import load_data


def check_data(config: Config, against: RunDirectory, loaded: data.DataSet, split: str) -> None:
    """Raises a `UserError` unless the other run models the same pixels of the same examples of a split."""
    other = against.config()
    for name in ("dataset", "binarize", "condition"):
        mine, theirs = getattr(config, name), getattr(other, name)
        if mine != theirs:
            raise UserError(
                f"the runs cannot be compared, they differ in {name}",
                expected=f"{mine} in both",
                received=f"{theirs} in {against.path}",
            )
    theirs = load_data(other)
    against.check_data(theirs.fingerprint())
    if not np.array_equal(getattr(loaded, split).images, getattr(theirs, split).images):
        raise UserError(
            f"the runs cannot be compared on their {split} examples, which they chose by other seeds or sizes",
            expected="--split test",
            received=f"--split {split}",
        )


def check_measure(head, other, against: RunDirectory) -> None:
    """Raises a `UserError` unless two likelihoods give the same kind of number for the same values."""
    if head.measure != other.measure:
        raise UserError(
            "the runs cannot be compared, their likelihoods differ in kind",
            expected=f"{head.measure}, as {type(head).__name__} gives them, in both",
            received=f"{other.measure} ({type(other).__name__}) in {against.path}",
        )


def compare(
    run: RunDirectory,
    model,
    result,
    against: RunDirectory,
    other,
    examples,
    kept: ExitStack,
    progress: Callable[[int, int], None] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Evaluates another run's model on the same examples; draws figures/comparison.png for models with a condition.

    Args:
        run: the run.
        model: its model.
        result: `evaluation.LogMarginal` of the examples under it.
        against: the other run.
        other: its model.
        examples: as `examples_of` gives them.
        kept: closed when the whole evaluation is done; until then the blocks stay.
        progress: called with (examples done, N).
        **settings: "num_samples", "seed" and all else that the examples depend on.

    Returns:
        comparison: what evaluation.json holds of it.
    """
    from tfvae import evaluation
    from tfvae.evaluation.per_example import mean_error
    from tfvae.training.runs import figures

    store = kept.enter_context(Partial(run, "against", against=digest(against.model_file), **settings))
    particles = settings["num_samples"], settings["seed"]
    theirs = evaluation.log_marginal(other, examples, *particles, progress, store)
    gain = result.log_prob - theirs.log_prob
    if model.takes_condition:
        try:
            run.figures.mkdir(exist_ok=True)
            figures.draw_conditional(
                run.figures / "comparison.png",
                model,
                examples,
                title=f"Held-out examples given their conditions: {run.path.name} beside {against.path.name}",
                others={"other run" if other.latents else "regressor": other},
            )
        except OSError as error:
            raise cannot_write(run.figures, error) from error
    return {
        "against": str(against.path),
        "against_nll": theirs.nll,
        "against_nll_standard_error": theirs.nll_standard_error,
        "against_num_examples": len(gain),
        "against_num_samples": particles[0] if other.latents else None,
        "nll_gain": float(gain.mean()),
        "nll_gain_standard_error": mean_error(gain),
    }
