"""`tfvae evaluate`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tfvae.checks import UserError, int_from, one_of, positive_int

AIS = {  # option: its setting in `Annealed`
    "num_temperatures": "num_temperatures",
    "chains": "num_chains",
    "init": "init",
    "simulated": "simulated",
}


def run(options: argparse.Namespace) -> None:
    """Estimates the log-likelihood of held-out data."""
    from tfvae.training.run_directory import RunDirectory

    one_of("--split", options.split, ("test", "validation", "train"))
    int_from(2 if options.gap or options.full else 1, "--num-samples", options.num_samples)
    if options.limit is not None:
        positive_int("--limit", options.limit)
    for flag in ("gap_examples", "gap_steps"):
        if getattr(options, flag) is not None:
            _check_gap(options, flag)
    settings = _annealing(options)
    run = RunDirectory(options.run_dir)
    run.config()
    against = None if options.against is None else RunDirectory(options.against)
    if against is not None:
        against.config()

    from tfvae.training import annealed, evaluations
    from tfvae.training.progress import Progress

    def bar(unit: str) -> Callable[[int, int], None]:
        bars: list[Progress] = []
        whole = True

        def progress(done: int, total: int) -> None:
            nonlocal whole
            if whole:
                bars.append(Progress(total, unit))
            bars[-1].update(done)
            whole = done == total

        return progress

    gap = None
    if options.gap or options.full:
        given = {"examples": options.gap_examples, "steps": options.gap_steps}
        given = {name: value for name, value in given.items() if value is not None}
        gap = evaluations.Gap(**given, if_possible=not options.gap, progress=bar("best q of example"))
    began = time.monotonic()
    result = evaluations.evaluate(
        run,
        split=options.split,
        num_samples=options.num_samples,
        limit=options.limit,
        seed=options.seed,
        against=against,
        full=options.full,
        gap=gap,
        annealing=None if settings is None else annealed.Annealed(**settings),
        progress=bar("example"),
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
    written = f"{run.evaluation_file}" + (f" and {run.report_file}" if options.full else "")
    print(f"in {time.monotonic() - began:.0f} s: {written}")


def _check_gap(options: argparse.Namespace, flag: str) -> None:
    """Raises a `UserError` for a bad option of --gap, or one without it."""
    name = f"--{flag.replace('_', '-')}"
    if not (options.gap or options.full):
        raise UserError(f"{name} belongs to --gap", expected=f"--gap {name} ...", received=f"{name} alone")
    int_from(2 if flag == "gap_steps" else 1, name, getattr(options, flag))
    if flag == "gap_examples" and options.limit is not None and options.gap_examples > options.limit:
        raise UserError(
            f"{name} is larger than --limit",
            expected=f"at most {options.limit}",
            received=options.gap_examples,
        )


def _tell_gap(result: dict) -> None:
    from tfvae.training.report.story import FEW

    parts = {"inference": "log p(x) - ELBO", "approximation": "q is weak", "amortization": "q is amortized"}
    for name, meaning in parts.items():
        mean, error = result[f"{name}_gap"], result[f"{name}_gap_standard_error"]
        print(f"  {name + ' gap':<23}  {mean:.2f} +- {error:.2f} nats  ({meaning})")
    print(f"  why the bound is loose   {result['gap_verdict']}")
    size = result["gap_effective_sample_size"]
    print(
        f"  {result['gap_num_examples']} examples, {result['gap_steps']} steps of q for each;"
        f" log p(x) from {size:.1f} effective particles (median)"
    )
    if size < FEW:
        print("  few particles carry log p(x): the inference and approximation gaps are rather larger")
    if not result["gap_converged"]:
        gain = f"{result['gap_late_gain']:.2f} nats in the second half of the steps"
        print(f"  q was still gaining, {gain}: take more with --gap-steps")


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
    if "simulated_gap" in result:
        print(
            f"  on {result['simulated_examples']} examples from the model, log p(x) is between"
            f" {result['simulated_lower']:.2f} and {result['simulated_upper']:.2f} nats:"
            f" gap {result['simulated_gap']:.3f} +- {result['simulated_gap_standard_error']:.3f}"
        )
    print(f"  by importance sampling   {result['importance_nll']:.2f} nats")


def _tell_latents(result: dict) -> None:
    from tfvae.training.report.story import FEW

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
