"""What `tfvae evaluate` says of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfvae.training.runs.directory import RunDirectory


def tell(result: dict[str, Any]) -> None:
    """Prints the metrics of evaluation.json that a person asks for first."""
    print(f"{result['split']} set, {result['num_examples']} examples, binarize {result['binarize']}:")
    print(
        f"  negative log-likelihood  {result['nll']:.2f} +- {result['nll_standard_error']:.2f} nats{_how(result)}"
    )
    if "bits_per_dimension" in result:
        print(
            f"  bits per dimension       {result['bits_per_dimension']:.4f}"
            f"  ({result['levels']} levels of a pixel, likelihood {result['likelihood']})"
        )
    if "likelihood_scale" in result:
        print(f"  scale of the likelihood  {result['likelihood_scale']:.4g}")
    if "against" in result:
        gain = result["nll_gain"]
        print(
            f"  of {result['against']}: {result['against_nll']:.2f} +- {result['against_nll_standard_error']:.2f} nats;"
            f" {'lower' if gain < 0 else 'higher'} by {abs(gain):.2f} +- {result['nll_gain_standard_error']:.2f}"
        )
    if result["method"] == "ais":
        _tell_chains(result)
    if result["num_samples"] is not None:
        _tell_latents(result)
    if "inference_gap" in result:
        _tell_gap(result)


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
        error = result.get("nll_standard_error")
        estimate = f"{result['nll']:.2f}" + ("" if error is None else f" +- {error:.2f}")
        parts = "".join(f", {part}" for part in record.measured if part != "likelihood")
        other = "" if record.model == evaluations.model else "; not of the present model.keras"
        print(
            f"{'*' if record is chosen else ' '} {record.name:<23} {record.when[:16].replace('T', ' ')}"
            f"  {estimate} nats, {result['num_examples']} {result['split']} examples{_effort(result)}{parts}{other}"
        )
    for problem in problems:
        print(problem)


def _effort(result: dict[str, Any]) -> str:
    if result.get("method") == "ais":
        return f", {result['num_chains']} chains of {result['num_temperatures']}"
    return f", K = {result['num_samples']}" if result.get("num_samples") else ""


def _tell_gap(result: dict[str, Any]) -> None:
    from tfvae.evaluation.estimate import FEW

    parts = {"inference": "log p(x) - ELBO", "approximation": "q is weak", "amortization": "q is amortized"}
    for name, meaning in parts.items():
        mean, error = result[f"{name}_gap"], result[f"{name}_gap_standard_error"]
        print(f"  {name + ' gap':<23}  {mean:.2f} +- {error:.2f} nats  ({meaning})")
    print(f"  why the bound is loose   {result['gap_verdict']}")
    size = result["gap_effective_sample_size"]
    source = "annealed chains" if size is None else f"{size:.1f} effective particles (median)"
    print(
        f"  {result['gap_num_examples']} examples, {result['gap_steps']} steps of q for each; log p(x) from {source}"
    )
    if size is not None and size < FEW:
        print("  few particles carry log p(x): the inference and approximation gaps are rather larger")
    if not result["gap_converged"]:
        gain = f"{result['gap_late_gain']:+.2f} nats in the second half of the steps"
        print(f"  q had not converged, {gain}: take more with --gap-steps")


def _how(result: dict[str, Any]) -> str:
    """Returns what the estimate is one of, and how it was made."""
    of = ""
    if "condition" in result:
        of = f" for {result['scored_values']} values given the {result['condition']}"
    if result["num_samples"] is None:
        return f"{of}  (exact)"
    error = result["nll_monte_carlo_standard_error"]
    if result["method"] == "ais":
        chains = f"{result['num_chains']} chains of {result['num_temperatures']} temperatures"
        return f"{of}  ({chains} from the {result['init']}; from the chains alone +- {error:.3f})"
    least = "at least " * bool(result.get("unreliable_share"))
    return f"{of}  (K = {result['num_samples']}; from the particles alone {least}+- {error:.3f})"


def _tell_chains(result: dict[str, Any]) -> None:
    accepted = "" if result["acceptance"] is None else f", {result['acceptance']:.0%} of moves accepted"
    print(
        f"  effective chains         {result['effective_chains']:.1f} of {result['num_chains']} (median){accepted}"
    )
    if result["effective_chains"] < result["num_chains"] / 4:
        print("  few chains carry the estimates, which are low: take more with --num-temperatures")
    if "simulated_gap" in result:
        print(
            f"  on {result['simulated_examples']} examples from the model, log p(x) is between"
            f" {result['simulated_lower']:.2f} and {result['simulated_upper']:.2f} nats:"
            f" gap {result['simulated_gap']:.3f} +- {result['simulated_gap_standard_error']:.3f}"
        )
    print(f"  by importance sampling   {result['importance_nll']:.2f} nats")


def _tell_latents(result: dict[str, Any]) -> None:

    print(
        f"  effective sample size    {result['effective_sample_size']:.1f}"
        f" of {result['num_samples']} particles (median)"
    )
    if result["num_samples"] > 1:
        _tell_weights(result)
    print(f"  ELBO                     {result['elbo']:.2f} nats")
    active, units = result["active_units_by_layer"], result["units_by_layer"]
    layers = f" (from the bottom up {active} of {units})" if len(units) > 1 else ""
    print(f"  active units             {sum(active)} of {sum(units)}{layers}")


def _tell_weights(result: dict[str, Any]) -> None:
    """Says how many examples have weights whose mean is not to be trusted, and what to do."""
    from tfvae.evaluation.estimate import FEW

    share, median = result.get("unreliable_share"), result.get("pareto_k")
    if share is None:
        share, why = result["few_effective_share"], f"fewer than {FEW} effective particles"
    else:
        why = f"too heavy a tail of weights (Pareto k > {result['pareto_k_threshold']:.2f})"
        print(f"  tail of the weights      Pareto k = {median:.2f} (median)")
    if share:
        other = ", or --method ais" * (result["latents"] == "continuous" and result["method"] != "ais")
        print(
            f"  {share:.0%} of the examples have {why}: their estimates by importance sampling are low and the errors"
            f" understated; take more with --num-samples{other}"
        )
