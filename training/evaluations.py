"""The evaluation of a finished run."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training import annealed, data
from tfvae.training.config import Config
from tfvae.training.loop import load_data
from tfvae.training.partial import Partial
from tfvae.training.results import examples_of, load_model
from tfvae.training.run_directory import RunDirectory, cannot_write


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


def evaluate(
    run: RunDirectory,
    *,
    split: str = "test",
    num_samples: int = 5000,
    limit: int | None = None,
    seed: int = 0,
    against: RunDirectory | None = None,
    full: bool = False,
    gap: Gap | None = None,
    annealing: annealed.Annealed | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates the model of a run on one split and writes evaluation.json.

    The split is binarised once with the run's way of binarising and a fixed seed; with `limit`, a fixed shuffle's first
    examples are taken. Where the likelihood is one of stored pixels, nats are also given in bits per dimension,
    nll / (D log 2) for D numbers in an example. Densities have none: a density of pixels is no probability of the
    stored integers.

    With `annealing` the negative log-likelihood is that of annealed importance sampling; the ELBO and `importance_nll`
    are those of `num_samples` particles.

    Stopped before its end, an evaluation goes on from its last block when it is asked for again.

    A conditional run reports the negative log-likelihood of what its condition does not show, a regressor's without
    particles; `against` compares it with another run on the same pixels of the same examples, whose likelihood gives
    the same kind of number (a density, or the probability of one of as many levels), and draws figures/comparison.png.

    With `gap`, the inference gap and its two parts are measured on a fixed shuffle's first examples. With `full`, so
    they are where that applies, the result has what `details.details` measures too, and report.html tells all of it.

    Returns:
        result: what evaluation.json holds.

    Raises:
        UserError: for bad input.
    """
    config = run.config()
    loaded = load_data(config)
    run.check_data(loaded.fingerprint())
    if against is not None:
        _check_comparable(config, against, loaded)
    count = len(getattr(loaded, split))
    if not count:
        raise UserError(f"the run has no {split} examples", expected="another --split")
    if limit is not None and limit > count:
        raise UserError("--limit is larger than the split", expected=f"1 to {count} examples", received=limit)
    model = load_model(run)
    other = None if against is None else load_model(against)
    if other is not None:
        _check_same_measure(model.likelihood_head, other.likelihood_head, against)
    if annealing is not None:
        annealed.check(annealing, model, count if limit is None else limit)

    from tfvae import evaluation

    gap, missing = _possible_gap(model, Gap(if_possible=True) if full and gap is None else gap)
    examples, _ = examples_of(loaded, config, split, limit)
    place = {"split": split, "limit": limit, "seed": seed}
    with Partial(run, "importance", num_samples=num_samples, **place) as store:
        result = evaluation.log_marginal(model, examples, num_samples, seed, progress, store)
        measured = None
        if gap is not None:
            settings = {"split": split, "num_samples": num_samples, "seed": seed}
            size = min(gap.examples, limit or count)
            first, _ = examples_of(loaded, config, split, size)
            measured = _measure_gap(run, model, first, gap, limit=size, **settings)
        estimate, figures = result, {"method": "importance"}
        if annealing is not None:
            estimate, figures = annealed.anneal(run, model, examples, annealing, progress, **place)
            figures |= {"method": "ais", "importance_nll": result.nll}
        more = {}
        if full:
            from tfvae.training.details import details

            more = details(run, model, loaded, config, result, split=split, limit=limit, seed=seed)
            more["gap_missing"] = missing
    latent = model.latents is not None
    units = evaluation.active_units(model, examples) if latent else None
    head = model.likelihood_head
    summary = {
        "nll": estimate.nll,
        "nll_standard_error": estimate.nll_standard_error,
        "nll_monte_carlo_standard_error": estimate.monte_carlo_standard_error,
        "elbo": float(result.elbo.mean()),
        "effective_sample_size": float(np.median(result.effective_sample_size)) if latent else None,
        "num_samples": num_samples if latent else None,
        "num_examples": len(result.log_prob),
        "active_units": units.count if latent else None,
        "active_units_by_layer": units.by_layer if latent else None,
        "units_by_layer": [len(variance) for variance in units.variances] if latent else None,
        "latent_size": model.latent_size if latent else None,
        "split": split,
        "binarize": config.binarize,
        "dataset": config.dataset,
        "likelihood": config.likelihood,
        "seed": seed,
    } | figures
    if head.levels is not None:
        dimensions = _scored(model)
        summary["bits_per_dimension"] = estimate.nll / (dimensions * math.log(2.0))
        summary["levels"] = head.levels
    summary |= {f"likelihood_{name}": value for name, value in head.figures().items()}
    if model.takes_condition:
        summary |= {"condition": config.condition, "scored_values": _scored(model)}
    if measured is not None:
        summary |= _gap_summary(measured)
    if against is not None:
        summary |= _compare(run, model, result, against, other, examples, (num_samples, seed))
    summary |= more
    run.write_evaluation(summary)
    if full:
        from tfvae.training import report

        report.write(run, model, loaded, run.read_evaluation())
    return summary


def _possible_gap(model, gap: Gap | None) -> tuple[Gap | None, str | None]:
    """Returns what is asked of the inference gap, None where it may be and has to be, and why."""
    from tfvae import evaluation

    try:
        if gap is not None:
            evaluation.check_gap(model)
    except UserError as error:
        if not gap.if_possible:
            raise
        return None, str(error).partition(";")[0]
    return gap, None


def _measure_gap(run, model, examples, gap, **settings):
    """Returns the `InferenceGap` of examples."""
    from tfvae import evaluation

    options = {"num_samples": settings["num_samples"], "seed": settings["seed"], "steps": gap.steps}
    with Partial(run, "gap", steps=gap.steps, **settings) as store:
        return evaluation.inference_gap(model, examples, store=store, progress=gap.progress, **options)


def _gap_summary(measured) -> dict[str, Any]:
    """Returns what evaluation.json holds of an `InferenceGap`."""
    summary = {}
    for name in ("inference", "approximation", "amortization"):
        part = getattr(measured, name)
        summary |= {f"{name}_gap": part.mean, f"{name}_gap_standard_error": part.mean_standard_error}
    return summary | {
        "gap_verdict": measured.verdict(),
        "gap_converged": measured.converged,
        "gap_late_gain": measured.late_gain.mean,
        "gap_late_gain_standard_error": measured.late_gain.mean_standard_error,
        "gap_effective_sample_size": float(np.median(measured.effective_sample_size)),
        "gap_num_examples": len(measured.log_prob.values),
        "gap_steps": measured.steps,
    }


def _scored(model) -> int:
    """Returns how many values of an example the likelihood scores."""
    return math.prod(model.likelihood_head.event_shape)


def _check_comparable(config: Config, against: RunDirectory, loaded: data.DataSet) -> None:
    """Raises a `UserError` unless the other run models the same pixels of the same examples."""
    other = against.config()
    for name in ("dataset", "binarize", "condition"):
        mine, theirs = getattr(config, name), getattr(other, name)
        if mine != theirs:
            raise UserError(
                f"the runs cannot be compared, they differ in {name}",
                expected=f"{mine} in both",
                received=f"{theirs} in {against.path}",
            )
    against.check_data(loaded.fingerprint())


def _check_same_measure(head, other, against: RunDirectory) -> None:
    """Raises a `UserError` unless two likelihoods give the same kind of number for the same values."""
    if head.measure != other.measure:
        raise UserError(
            "the runs cannot be compared, their likelihoods differ in kind",
            expected=f"{head.measure}, as {type(head).__name__} gives them, in both",
            received=f"{other.measure} ({type(other).__name__}) in {against.path}",
        )


def _compare(run, model, result, against, other, examples, particles) -> dict[str, Any]:
    """Evaluates the other run on the same examples, draws the comparison, and returns what to add to the summary."""
    from tfvae import evaluation
    from tfvae.training import figures

    theirs = evaluation.log_marginal(other, examples, *particles)
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
        "nll_gain": float(gain.mean()),
        "nll_gain_standard_error": float(gain.std(ddof=1) / math.sqrt(len(gain)))
        if len(gain) > 1
        else math.nan,
    }
