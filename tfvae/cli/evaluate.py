"""`tfvae evaluate`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tfvae.checks import (
    CHAINS,
    LARGEST_INT,
    STEPS,
    TEMPERATURES,
    UserError,
    int_from,
    one_of,
    positive_int,
    seed_of,
)
from tfvae.cli import summary

MOST = {"num_temperatures": TEMPERATURES, "chains": CHAINS, "simulated": LARGEST_INT}
AIS = {  # option: its setting in `Annealed`
    "num_temperatures": "num_temperatures",
    "chains": "num_chains",
    "init": "init",
    "simulated": "simulated",
}


def run(options: argparse.Namespace) -> None:
    """Estimates the log-likelihood of held-out data."""
    from tfvae.training.runs.directory import RunDirectory

    one_of("--split", options.split, ("test", "validation", "train"))
    int_from(2 if options.gap or options.full else 1, "--num-samples", options.num_samples)
    seed_of("--seed", options.seed)
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

    from tfvae.training.evaluation import annealed, evaluations, gaps
    from tfvae.training.progress import Progress

    def bar(unit: str) -> Callable[[int, int], None]:
        bars: list[Progress] = []
        whole = True

        def progress(done: int, total: int) -> None:
            nonlocal whole
            if whole:
                bars.append(Progress(total, unit))
            if done or options.reached:
                options.reached = f"{unit} {done} of {total}"
            bars[-1].update(done)
            whole = done == total

        return progress

    options.reached = None
    gap = None
    if options.gap or options.full:
        given = {"examples": options.gap_examples, "steps": options.gap_steps}
        given = {name: value for name, value in given.items() if value is not None}
        gap = gaps.Gap(**given, if_possible=not options.gap, progress=bar("best q of example"))
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
    summary.tell(result)
    summary.tell_where(run, result["evaluation"])
    report = f", {run.report_file}" if options.full else ""
    print(f"in {time.monotonic() - began:.0f} s{report}")


def _check_gap(options: argparse.Namespace, flag: str) -> None:
    """Raises a `UserError` for a bad option of --gap, or one without it."""
    name = f"--{flag.replace('_', '-')}"
    if not (options.gap or options.full):
        raise UserError(f"{name} belongs to --gap", expected=f"--gap {name} ...", received=f"{name} alone")
    least, most = (2, STEPS) if flag == "gap_steps" else (1, LARGEST_INT)
    int_from(least, name, getattr(options, flag), most)
    if flag == "gap_examples" and options.limit is not None and options.gap_examples > options.limit:
        raise UserError(
            f"{name} is larger than --limit",
            expected=f"at most {options.limit}",
            received=options.gap_examples,
        )


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
            int_from(0 if name == "simulated" else 1, flag, value, MOST[name])
    return {AIS[name]: value for name, value in given.items()}
