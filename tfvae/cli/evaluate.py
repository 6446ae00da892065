"""`tfvae evaluate`."""

from __future__ import annotations

import argparse
import functools
import sys
import time
from typing import Any

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
from tfvae.cli.bar import Bar, about
from tfvae.cli.parsing import add_plain_weights, path

SPLITS = ("test", "validation", "train")
METHODS = ("importance", "ais", "prior")
STARTS = ("prior", "posterior")  # of annealed chains
SCHEDULES = ("sigmoid", "linear", "geometric")
CHOICES = {"init": STARTS, "schedule": SCHEDULES}
LONG = 60.0  # seconds from which an evaluation says what it is about to take
FEW_EXAMPLES, FEW_PARTICLES, FEW_ANNEALED = 500, 1000, 20  # of an evaluation that takes less
MOST = {"num_temperatures": TEMPERATURES, "chains": CHAINS, "simulated": LARGEST_INT}
AIS = {  # option: its setting in `AnnealingSettings`
    "num_temperatures": "num_temperatures",
    "chains": "num_chains",
    "init": "init",
    "simulated": "simulated",
    "schedule": "schedule",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae evaluate`."""
    parser.add_argument("run_dir", type=path, metavar="RUN_DIR", help="Directory of the run.")
    add = parser.add_argument_group("examples and estimate").add_argument
    add(
        "--split",
        default="test",
        metavar="|".join(SPLITS),
        help="Examples to evaluate on. (default: test)",
    )
    add(
        "--limit",
        type=int,
        metavar="N",
        help="Number of examples, taken from a fixed shuffle. (default: all; 100 for annealed chains, which take "
        "seconds for each)",
    )
    add(
        "--num-samples",
        type=int,
        default=5000,
        metavar="K",
        help="Particles for each example. (default: 5000)",
    )
    add("--seed", type=int, default=0, metavar="S", help="Seed of the particles. (default: 0)")
    add(
        "--method",
        metavar="|".join(METHODS),
        help="Estimate of the log-likelihood: importance sampling from q(z|x); annealed chains, which need no q; or "
        "samples of the prior alone, a kernel density estimate that is far too low. "
        "(default: importance, ais for a generator without a likelihood)",
    )
    add(
        "--against",
        type=path,
        metavar="RUN_DIR",
        help="Another run to compare with on the same pixels, such as a regressor's. (default: none)",
    )
    add_plain_weights(parser)
    add = parser.add_argument_group("annealed chains, with --method ais").add_argument
    add("--num-temperatures", type=int, metavar="T", help="Steps of each chain. (default: 1000)")
    add("--chains", type=int, metavar="C", help="Chains for each example. (default: 16)")
    add("--init", metavar="|".join(STARTS), help="Distribution that chains start from. (default: prior)")
    add(
        "--schedule",
        metavar="|".join(SCHEDULES),
        help="Temperatures of the steps; geometric for a sharp likelihood. "
        "(default: sigmoid, geometric for a generator without a likelihood)",
    )
    add(
        "--simulated",
        type=int,
        metavar="N",
        help="Examples to draw from the model, on which the error is bounded from both sides. "
        "(default: 0, 10 for a generator without a likelihood)",
    )
    add = parser.add_argument_group("more than the log-likelihood").add_argument
    add(
        "--full",
        action="store_true",
        help="Also measure the gap, where there is one, judge samples and codes, and write report.html, a page to "
        "read from top to bottom.",
    )
    add(
        "--gap",
        action="store_true",
        help="Also split log p(x) - ELBO into what the family of q and what the encoder loses, by optimising q for "
        "each of some examples.",
    )
    add(
        "--gap-examples",
        type=int,
        metavar="N",
        help="Examples for --gap, the first of the fixed shuffle, at most --limit. (default: 500)",
    )
    add(
        "--gap-steps",
        type=int,
        metavar="N",
        help="Steps of the optimiser that improves q for each example of --gap. (default: 500)",
    )


def run(options: argparse.Namespace) -> None:
    """Estimates the log-likelihood of held-out data."""
    from tfvae.training.defaults import generates
    from tfvae.training.runs.directory import RunDirectory

    one_of("--split", options.split, SPLITS)
    int_from(2 if options.gap or options.full else 1, "--num-samples", options.num_samples)
    seed_of("--seed", options.seed)
    if options.limit is not None:
        positive_int("--limit", options.limit)
    for flag in ("gap_examples", "gap_steps"):
        if getattr(options, flag) is not None:
            _check_gap(options, flag)
    if options.method is not None:
        one_of("--method", options.method, METHODS)
        chains = _annealing(options, options.method)
    run = RunDirectory(options.run_dir)
    config = run.config()
    if options.method is None:
        chains = _annealing(options, "ais" if generates(config) else "importance")
    against = None if options.against is None else RunDirectory(options.against)
    if against is not None:
        against.config()

    from tfvae.training.evaluation import annealing, evaluate, gap

    options.reached = None
    measured = None
    if options.gap or options.full:
        given = {"examples": options.gap_examples, "steps": options.gap_steps}
        given = {name: value for name, value in given.items() if value is not None}
        measured = gap.GapSettings(**given, if_possible=not options.gap)
    began = time.monotonic()
    settings = evaluate.Settings(
        split=options.split,
        num_samples=options.num_samples,
        limit=options.limit,
        seed=options.seed,
        full=options.full,
        gap=measured,
        annealing=None if chains is None else annealing.AnnealingSettings(**chains),
        method=options.method,
        plain_weights=options.plain_weights,
    )
    bar = functools.partial(Bar, options=options, estimate=functools.partial(_cheaper, options))
    result = evaluate.evaluate(
        run,
        settings,
        against=against,
        progress=bar,
        report=_report if options.full else None,
        say=_say,
    )
    summary.tell(result)
    summary.tell_where(run, result.name)
    written = f", {run.report_file}" if options.full else ""
    print(f"in {time.monotonic() - began:.0f} s{written}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _report(*given: Any) -> None:
    """Writes the report of a run, and tells of it."""
    from tfvae.training import report
    from tfvae.training.progress import Phase

    with Phase("report"):
        report.write(*given)


def _cheaper(options: argparse.Namespace, unit: str, total: int, seconds: float) -> str | None:
    """Returns what an evaluation by importance sampling or annealing is about to take, and one that takes less.

    Args:
        options: the command's.
        unit: what is counted.
        total: number of examples.
        seconds: time that they take.
    """
    if seconds < LONG:
        return None
    if unit.startswith("annealed chains"):
        few = min(FEW_ANNEALED, total)
        less = f"; --limit {few}: {about(seconds * few / total)}" if few < total else ""
        return f"{total:,} annealed examples: about {about(seconds)}{less}"
    if not unit.startswith("importance sampling"):
        return None
    few, particles = min(FEW_EXAMPLES, total), min(FEW_PARTICLES, options.num_samples)
    share = few * particles / (total * options.num_samples)
    line = f"{total:,} examples x K = {options.num_samples:,}: about {about(seconds)}"
    if share == 1.0:
        return line
    return f"{line}; --limit {few} --num-samples {particles}: {about(seconds * share)}"


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


def _annealing(options: argparse.Namespace, method: str) -> dict[str, Any] | None:
    """Returns the settings of `ais` that were given, checked; None for another method.

    Raises:
        UserError: if one is out of range, or the method has none of them.
    """
    given = {name: getattr(options, name) for name in AIS if getattr(options, name) is not None}
    if method != "importance" and options.against is not None:
        raise UserError("--against compares by importance sampling", received=f"--method {method}")
    if method != "ais":
        if given:
            flag = "--" + next(iter(given)).replace("_", "-")
            raise UserError(f"{flag} belongs to --method ais", received=f"--method {method}")
        return None
    for name, value in given.items():
        flag = "--" + name.replace("_", "-")
        if name in CHOICES:
            one_of(flag, value, CHOICES[name])
        else:
            int_from(0 if name == "simulated" else 1, flag, value, MOST[name])
    return {AIS[name]: value for name, value in given.items()}
