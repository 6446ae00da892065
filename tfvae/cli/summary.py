"""What `tfvae evaluate` says of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfvae.training.evaluation.groups import Annealing, Gap, Likelihood
    from tfvae.training.evaluation.record import Evaluation
    from tfvae.training.runs.directory import RunDirectory


WEIGHTS = {"average": "their average over training", "plain": "as training left them"}


def tell(evaluation: Evaluation) -> None:
    """Prints the metrics of an evaluation that a person asks for first."""
    found, comparison = evaluation.likelihood, evaluation.comparison
    print(f"{found.split} set, {found.num_examples} examples, binarize {found.binarize}:")
    print(
        f"  negative log-likelihood  {found.nll:.2f} +- {found.nll_standard_error:.2f} nats{_how(evaluation)}"
    )
    if found.bits_per_dimension is not None:
        print(
            f"  bits per dimension       {found.bits_per_dimension:.4f}"
            f"  ({found.levels} levels of a pixel, likelihood {found.likelihood})"
        )
    if found.likelihood_scale is not None:
        print(f"  scale of the likelihood  {found.likelihood_scale:.4g}")
    if found.observation_scale is not None:
        _tell_scale(found)
    if found.log_normalizer is not None:
        print(
            f"  log Z                    {found.log_normalizer:.4f} +- {found.log_normalizer_standard_error:.4f}"
            f" by annealing from the noise; learned {found.learned_log_normalizer:.4f}"
        )
    if comparison is not None:
        print(
            f"  of {comparison.run}: {comparison.nll:.2f} +- {comparison.nll_standard_error:.2f} nats;"
            f" {'lower' if comparison.gain < 0 else 'higher'} by {abs(comparison.gain):.2f}"
            f" +- {comparison.gain_standard_error:.2f}"
        )
    if evaluation.annealing is not None:
        _tell_chains(evaluation.annealing)
    if found.num_samples is not None and found.units_by_layer is not None:
        _tell_latents(found, found.num_samples)
    if evaluation.gap is not None:
        _tell_gap(evaluation.gap)
    if evaluation.quality is not None and evaluation.quality.num_classes is not None:
        quality = evaluation.quality
        print(f"  classes among samples    {quality.classes_covered} of {quality.num_classes}")


def tell_where(run: RunDirectory, name: str) -> None:
    """Prints where an evaluation is, and whether evaluation.json tells it.

    Args:
        run: the run.
        name: name of the evaluation.
    """
    from tfvae.training.evaluation import records

    evaluations = records.Evaluations(run)
    found, _ = evaluations.read()
    chosen = records.best(found, evaluations.model)
    print(f"kept in {evaluations.folder / name}.json")
    if chosen.name == name:
        print(f"{run.evaluation_file} tells it" + f", the best of {len(found)}" * (len(found) > 1))
    else:
        this = next(record for record in found if record.name == name)
        reason = records.why(chosen, this, found, evaluations.model)
        print(f"{run.evaluation_file} still tells {chosen.name}, which {reason}")


def tell_all(run: RunDirectory) -> None:
    """Prints a line for each evaluation of a run, a * before the one that evaluation.json tells."""
    from tfvae.training.evaluation import records

    evaluations = records.Evaluations(run)
    found, problems = evaluations.read()
    if found:
        print(
            f"evaluations in {evaluations.folder}; * is the best one, which {run.evaluation_file.name} tells"
        )
        chosen = records.best(found, evaluations.model)
    for record in found:
        result = record.likelihood
        error = result.nll_standard_error
        estimate = f"{result.nll:.2f}" + ("" if error is None else f" +- {error:.2f}")
        parts = "".join(f", {part}" for part in record.measured if part != "likelihood")
        other = "" if record.model == evaluations.model else "; not of the present model.keras"
        print(
            f"{'*' if record is chosen else ' '} {record.name:<23} {record.when[:16].replace('T', ' ')}"
            f"  {estimate} nats, {result.num_examples} {result.split} examples"
            f"{_effort(result, record.annealing)}{parts}{other}"
        )
    for problem in problems:
        print(problem)


def _effort(likelihood: Likelihood, annealing: Annealing | None) -> str:
    if annealing is not None:
        return f", {annealing.num_chains} chains of {annealing.num_temperatures}"
    return f", K = {likelihood.num_samples}" if likelihood.num_samples else ""


def _tell_gap(gap: Gap) -> None:
    from tfvae.evaluation.estimate import FEW

    for name, mean, error, meaning in (
        ("inference", gap.inference, gap.inference_standard_error, "log p(x) - ELBO"),
        ("approximation", gap.approximation, gap.approximation_standard_error, "q is weak"),
        ("amortization", gap.amortization, gap.amortization_standard_error, "q is amortized"),
    ):
        print(f"  {name + ' gap':<23}  {mean:.2f} +- {error:.2f} nats  ({meaning})")
    print(f"  why the bound is loose   {gap.verdict}")
    size = gap.effective_sample_size
    source = "annealed chains" if size is None else f"{size:.1f} effective particles (median)"
    print(f"  {gap.num_examples} examples, {gap.steps} steps of q for each; log p(x) from {source}")
    if size is not None and size < FEW:
        print("  few particles carry log p(x): the inference and approximation gaps are rather larger")
    if not gap.converged:
        gain = f"{gap.late_gain:+.2f} nats in the second half of the steps"
        print(f"  q had not converged, {gain}: take more with --gap-steps")


def _how(evaluation: Evaluation) -> str:
    """Returns what the estimate is one of, and how it was made."""
    found, chains = evaluation.likelihood, evaluation.annealing
    of = ""
    if found.condition is not None:
        of = f" for {found.scored_values} values given the {found.condition}"
    error = found.nll_monte_carlo_standard_error
    if chains is not None:
        made = f"{chains.num_chains} chains of {chains.num_temperatures} temperatures from the {chains.init}"
        return f"{of}  ({made}; from the chains alone +- {error:.3f})"
    if found.method == "prior":
        return f"{of}  (kernel density of draws from the prior, too high: see --method ais)"
    if found.log_normalizer is not None:
        return f"{of}  (from log Z alone +- {error:.4f})"
    if found.num_samples is None:
        return f"{of}  (exact)"
    least = "at least " * bool(found.unreliable_share)
    return f"{of}  (K = {found.num_samples}; from the particles alone {least}+- {error:.3f})"


def _tell_scale(found: Likelihood) -> None:
    from tfvae.evaluation.estimate import few_chains

    assert found.observation_scale is not None
    source = "of the model itself"
    if found.scale_examples is not None:
        source = f"fitted on {found.scale_examples} validation examples"
    print(
        f"  observation scale        {found.observation_scale:.4g}"
        f" (variance {found.observation_scale**2:.4g}), {source}"
    )
    print(f"  log p(x)                 {-found.nll:.2f} nats; the scale's ceiling is {found.ceiling:.2f}")
    effective, chains = found.scale_effective_chains, found.scale_chains
    if effective is not None and chains is not None and few_chains(effective, chains):
        print(
            f"  warning: {effective:.1f} of {chains} chains carry the fit of the scale (median): it is rough"
        )
    if found.weights is not None:
        print(f"  weights of the generator {WEIGHTS[found.weights]}")


def _tell_chains(found: Annealing) -> None:
    from tfvae.evaluation.estimate import WIDE, few_chains

    accepted = "" if found.acceptance is None else f", {found.acceptance:.0%} of moves accepted"
    print(f"  effective chains         {found.effective_chains:.1f} of {found.num_chains} (median){accepted}")
    if few_chains(found.effective_chains or 0.0, found.num_chains):
        print("  warning: few chains carry the estimates, which are low: take more with --num-temperatures")
    if found.simulated_gap is not None:
        print(
            f"  on {found.simulated_examples} examples from the model, log p(x) is between"
            f" {found.simulated_lower:.2f} and {found.simulated_upper:.2f} nats:"
            f" gap {found.simulated_gap:.3f} +- {found.simulated_gap_standard_error:.3f}"
        )
        if found.simulated_gap > WIDE:
            print("  warning: the estimates may be off by as much: take more with --num-temperatures")
    if found.importance_nll is not None:
        print(f"  by importance sampling   {found.importance_nll:.2f} nats")


def _tell_latents(found: Likelihood, num_samples: int) -> None:
    print(f"  effective sample size    {found.effective_sample_size:.1f} of {num_samples} particles (median)")
    if num_samples > 1:
        _tell_weights(found)
    print(f"  ELBO                     {found.elbo:.2f} nats")
    active, units = found.active_units_by_layer or [], found.units_by_layer or []
    layers = f" (from the bottom up {active} of {units})" if len(units) > 1 else ""
    print(f"  active units             {sum(active)} of {sum(units)}{layers}")


def _tell_weights(found: Likelihood) -> None:
    """Says how many examples have weights whose mean is not to be trusted, and what to do."""
    from tfvae.evaluation.estimate import FEW

    share = found.unreliable_share
    if share is None:
        share, why = found.few_effective_share, f"fewer than {FEW} effective particles"
    else:
        why = f"too heavy a tail of weights (Pareto k > {found.pareto_k_threshold:.2f})"
        print(f"  tail of the weights      Pareto k = {found.pareto_k:.2f} (median)")
    if share:
        other = ", or --method ais" * (found.latents == "continuous" and found.method != "ais")
        print(
            f"  {share:.0%} of the examples have {why}: their estimates by importance sampling are low and the errors"
            f" understated; take more with --num-samples{other}"
        )
