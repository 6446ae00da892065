"""The evaluation of a finished run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.evaluation import annealed, comparison, gaps
from tfvae.training.evaluation.block_store import Partial, digest
from tfvae.training.evaluation.records import Evaluations, told
from tfvae.training.runs import lock
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of, fixed_shuffle, numbered
from tfvae.training.runs.loading import load_data, load_model


@lock.sharing("evaluating")
def evaluate(
    run: RunDirectory,
    *,
    split: str = "test",
    num_samples: int = 5000,
    limit: int | None = None,
    seed: int = 0,
    against: RunDirectory | None = None,
    full: bool = False,
    gap: gaps.Gap | None = None,
    annealing: annealed.Annealed | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Evaluates the model of a run on one split, keeps the evaluation, and writes evaluation.json: the best of them.

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
        result: this evaluation in the form of evaluation.json, which may tell a better one; see `records`.

    Raises:
        UserError: for bad input.
    """
    config = run.config()
    loaded = load_data(config)
    run.check_data(loaded.fingerprint())
    if against is not None:
        comparison.check_data(config, against, loaded, split)
    count = len(getattr(loaded, split))
    if not count:
        raise UserError(f"the run has no {split} examples", expected="another --split")
    if limit is not None and limit > count:
        raise UserError("--limit is larger than the split", expected=f"1 to {count} examples", received=limit)
    evaluations = Evaluations(run)
    model = load_model(run)
    other = None if against is None else load_model(against)
    if other is not None:
        comparison.check_measure(model.likelihood_head, other.likelihood_head, against)
    if annealing is not None:
        annealed.check(annealing, model, count if limit is None else limit)
    gap = gaps.Gap(if_possible=True) if full and gap is None else gap
    no_gap = None if gap is None else gaps.check(gap, model)
    if gap is not None and no_gap is None and annealing is not None and annealing.num_chains < 2:
        raise UserError(
            "a single chain has no standard error, which the inference gap needs",
            expected="--chains of at least 2 with --gap or --full",
            received=annealing.num_chains,
        )

    from tfvae import evaluation

    examples, _ = examples_of(loaded, config, split, limit)
    rows = np.arange(count) if limit is None else fixed_shuffle(count)[:limit]
    place = {"split": split, "limit": limit, "seed": seed}
    with contextlib.ExitStack() as kept:  # the blocks stay until what is made of them is written
        store = kept.enter_context(Partial(run, "importance", num_samples=num_samples, **place))
        with numbered(rows):
            result = evaluation.log_marginal(model, examples, num_samples, seed, progress, store)
        estimate, chains = result, None
        if annealing is not None:
            estimate, chains = annealed.anneal(run, model, examples, rows, annealing, kept, progress, **place)
        summary = _summary(config, model, examples, result, estimate) | {"split": split, "seed": seed}
        if chains is not None:
            summary |= chains | {"method": "ais", "importance_nll": result.nll}
        measured = {"likelihood": summary}
        if gap is not None and no_gap is None:
            some = (np.arange(limit) if limit else fixed_shuffle(count))[: gap.examples]
            part = tuple(each[some] for each in examples) if model.takes_condition else examples[some]
            given = None if annealing is None else estimate.of(some)
            size = {"num_samples": num_samples, "limit": len(some)}
            with numbered(rows[some]):
                measured["gap"] = gaps.measure(run, model, part, gap, kept, given, **place | size)
        if against is not None:
            asked = place | {"num_samples": num_samples}
            with numbered(rows):
                measured["against"] = comparison.compare(
                    run, model, result, against, other, examples, kept, progress, **asked
                )
        if full:
            from tfvae.training.evaluation.details import details

            measured["details"] = details(run, model, loaded, config, **place)
            measured["details"]["gap_missing"] = no_gap
        asked = place | {"split_size": count, "num_samples": num_samples, "full": full}
        asked |= {"gap": gap and gap.settings(), "annealing": annealing and asdict(annealing)}
        asked["against"] = against and digest(against.model_file)
        record = evaluations.add(summary["method"], asked, measured)
        if full:
            from tfvae.training import report

            report.write(run, model, loaded, evaluations.told(split))
    return told([record], record.model)


def _summary(config: Config, model, examples, result, estimate) -> dict[str, Any]:
    """Returns what evaluation.json holds of the likelihood and the latents.

    Args:
        config: settings of the run.
        model: its model.
        examples: that were evaluated.
        result: `evaluation.LogMarginal` of them.
        estimate: of their log-likelihood, `result` or a better one.
    """
    from tfvae import evaluation
    from tfvae.evaluation.estimate import FEW
    from tfvae.training.evaluation.details import of_particles

    head, latent = model.likelihood_head, model.latents is not None
    units = evaluation.active_units(model, examples) if latent else None
    summary = {
        "method": "importance",
        "nll": estimate.nll,
        "nll_standard_error": estimate.nll_standard_error,
        "nll_monte_carlo_standard_error": estimate.monte_carlo_standard_error,
        "elbo": float(result.elbo.mean()),
        "effective_sample_size": float(np.median(result.effective_sample_size)) if latent else None,
        "few_effective_share": float(np.mean(result.effective_sample_size < FEW)) if latent else None,
        **_tails(result),
        "num_samples": result.num_samples if latent else None,
        "num_examples": len(result.log_prob),
        "active_units": units.count if latent else None,
        "active_units_by_layer": units.by_layer if latent else None,
        "active_unit_variances": [layer.tolist() for layer in units.variances] if latent else None,
        "units_by_layer": [len(variance) for variance in units.variances] if latent else None,
        "latent_size": model.latent_size if latent else None,
        "latents": model.latents,
        "binarize": config.binarize,
        "dataset": config.dataset,
        "likelihood": config.likelihood,
    } | of_particles(model, result)
    if head.levels is not None:
        summary["bits_per_dimension"] = estimate.nll / (_scored(model) * math.log(2.0))
        summary["levels"] = head.levels
    summary |= {f"likelihood_{name}": value for name, value in head.figures().items()}
    if model.takes_condition:
        summary |= {"condition": config.condition, "scored_values": _scored(model)}
    return summary


def _tails(result) -> dict[str, float | None]:
    """Returns what evaluation.json holds of the tails of the weights; None where no tail could be fitted.

    Args:
        result: `evaluation.LogMarginal` of the examples.
    """
    from tfvae.evaluation.pareto import threshold

    if not np.isfinite(result.pareto_k).any():
        return dict.fromkeys(("pareto_k", "pareto_k_threshold", "unreliable_share"))
    return {
        "pareto_k": float(np.nanmedian(result.pareto_k)),
        "pareto_k_threshold": threshold(result.num_samples),
        "unreliable_share": float(np.mean(~result.reliable)),
    }


def _scored(model) -> int:
    """Returns how many values of an example the likelihood scores."""
    return math.prod(model.likelihood_head.event_shape)
