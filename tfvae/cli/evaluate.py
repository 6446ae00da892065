"""`tfvae evaluate`."""

from __future__ import annotations

import argparse
import time

from tfvae.checks import UserError, int_from, one_of, positive_int

AIS = {  # option: its setting in `Annealed`
    "num_temperatures": "num_temperatures",
    "chains": "num_chains",
    "init": "init",
    "simulated": "simulated",
}
FEW = 10  # effective particles below which a standard error is not to be trusted


def run(options: argparse.Namespace) -> None:
    """Estimates the log-likelihood of held-out data."""
    from tfvae.training.run_directory import RunDirectory

    one_of("--split", options.split, ("test", "validation", "train"))
    positive_int("--num-samples", options.num_samples)
    if options.limit is not None:
        positive_int("--limit", options.limit)
    settings = _annealing(options)
    run = RunDirectory(options.run_dir)
    run.config()
    against = None if options.against is None else RunDirectory(options.against)
    if against is not None:
        against.config()

    from tfvae.training import annealed, evaluations
    from tfvae.training.progress import Progress

    bars: list[Progress] = []
    whole = True

    def progress(done: int, total: int) -> None:
        nonlocal whole
        if whole:
            bars.append(Progress(total, "example"))
        bars[-1].update(done)
        whole = done == total

    began = time.monotonic()
    result = evaluations.evaluate(
        run,
        split=options.split,
        num_samples=options.num_samples,
        limit=options.limit,
        seed=options.seed,
        against=against,
        annealing=None if settings is None else annealed.Annealed(**settings),
        progress=progress,
    )
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
        print(
            f"  of {result['against']}: {result['against_nll']:.2f} +- {result['against_nll_standard_error']:.2f} nats;"
            f" higher by {result['nll_gain']:.2f} +- {result['nll_gain_standard_error']:.2f}"
        )
    if result["method"] == "ais":
        _tell_chains(result)
    if result["num_samples"] is not None:
        _tell_latents(result)
    print(f"in {time.monotonic() - began:.0f} s: {run.evaluation_file}")


def _how(result: dict) -> str:
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
    return f"{of}  (K = {result['num_samples']}; from the particles alone +- {error:.3f})"


def _annealing(options: argparse.Namespace) -> dict | None:
    """Returns the settings of `ais` that were given, checked; None for another method.

    Raises:
        UserError: if one is out of range, or the method has none of them.
    """
    given = {name: getattr(options, name) for name in AIS if getattr(options, name) is not None}
    if one_of("--method", options.method, ("importance", "ais")) == "importance":
        if given:
            flag = "--" + next(iter(given)).replace("_", "-")
            raise UserError(f"{flag} belongs to --method ais", received="--method importance")
        return None
    if options.against is not None:
        raise UserError("--against compares by importance sampling", received="--method ais")
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        if name == "init":
            one_of(flag, value, ("prior", "posterior"))
        else:
            int_from(0 if name == "simulated" else 1, flag, value)
    return {AIS[name]: value for name, value in given.items()}


def _tell_chains(result: dict) -> None:
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


def _tell_latents(result: dict) -> None:
    print(
        f"  effective sample size    {result['effective_sample_size']:.1f}"
        f" of {result['num_samples']} particles (median)"
    )
    if result["effective_sample_size"] < FEW and result["num_samples"] > 1:
        print(
            "  few particles carry the estimates: their errors are understated; take more with --num-samples"
        )
    print(f"  ELBO                     {result['elbo']:.2f} nats")
    active, units = result["active_units_by_layer"], result["units_by_layer"]
    layers = f" (from the bottom up {active} of {units})" if len(units) > 1 else ""
    print(f"  active units             {sum(active)} of {sum(units)}{layers}")
