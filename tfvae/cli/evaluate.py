"""`tfvae evaluate`."""

from __future__ import annotations

import argparse
import time

from tfvae.checks import one_of, positive_int

FEW = 10  # effective particles below which a standard error is not to be trusted


def run(options: argparse.Namespace) -> None:
    """Estimates the log-likelihood of held-out data."""
    from tfvae.training.run_directory import RunDirectory

    one_of("--split", options.split, ("test", "validation", "train"))
    positive_int("--num-samples", options.num_samples)
    if options.limit is not None:
        positive_int("--limit", options.limit)
    run = RunDirectory(options.run_dir)
    run.config()
    against = None if options.against is None else RunDirectory(options.against)
    if against is not None:
        against.config()

    from tfvae.training import evaluations
    from tfvae.training.progress import Progress

    bar: list[Progress] = []

    def progress(done: int, total: int) -> None:
        if not bar:
            bar.append(Progress(total, "example"))
        bar[0].update(done)

    began = time.monotonic()
    result = evaluations.evaluate(
        run,
        split=options.split,
        num_samples=options.num_samples,
        limit=options.limit,
        seed=options.seed,
        against=against,
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
        gain = result["nll_gain"]
        print(
            f"  of {result['against']}: {result['against_nll']:.2f} +- {result['against_nll_standard_error']:.2f} nats;"
            f" {'lower' if gain < 0 else 'higher'} by {abs(gain):.2f} +- {result['nll_gain_standard_error']:.2f}"
        )
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
    particles = result["nll_monte_carlo_standard_error"]
    return f"{of}  (K = {result['num_samples']}; from the particles alone +- {particles:.3f})"


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
