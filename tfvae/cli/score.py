"""`tfvae score`."""

from __future__ import annotations

import argparse
import csv
import functools
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tfvae.checks import UserError, number_in, positive_int, seed_of
from tfvae.cli import new_data
from tfvae.cli.bar import Bar

ENDING = "-scores.csv"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `tfvae score`."""
    out = "Table to write: row, log_prob (nats), its standard_error, pareto_k; with --false-alarms also anomaly_score,"
    new_data.add_arguments(parser, f"{out} p_value, anomalous.", ENDING)
    add = parser.add_argument
    add(
        "--num-samples",
        type=int,
        default=1000,
        metavar="K",
        help="Particles for each example. (default: 1000)",
    )
    add("--seed", type=int, default=0, metavar="S", help="Seed of the particles. (default: 0)")
    add(
        "--false-alarms",
        type=float,
        metavar="RATE",
        help="Also call examples anomalous, those of a lower log p(x) than all but this share of the run's validation "
        "examples, such as 0.01. The anomaly score is -log p(x). (default: none)",
    )


def run(options: argparse.Namespace) -> None:
    """Estimates log p(x) of new examples, and tells which are anomalous."""
    positive_int("--num-samples", options.num_samples)
    seed_of("--seed", options.seed)
    if options.false_alarms is not None:
        number_in("--false-alarms", options.false_alarms, 0.0, 0.5, open_low=True)
    out = new_data.output(options, ENDING)
    run, config, model, examples = new_data.opened(options, ("Inferential", "Density"))
    usual = None if options.false_alarms is None else _usual(run, config)

    import numpy as np

    from tfvae import evaluation, files
    from tfvae.training.runs.directory import writing

    if usual is not None:  # a rate that is too small for so many is refused before they are scored
        evaluation.find_anomalies([0.0], [0.0] * len(usual), options.false_alarms)
    estimate = functools.partial(evaluation.log_marginal, model, num_samples=options.num_samples)
    found = estimate(data=examples, seed=options.seed, progress=Bar("example"))
    columns: dict[str, Sequence[Any]] = {
        "row": range(len(examples)),
        "log_prob": found.log_prob.tolist(),
        "standard_error": found.standard_error.tolist(),
        "pareto_k": found.pareto_k.tolist(),
    }
    anomalies = None
    if usual is not None:
        known = estimate(data=usual, seed=~options.seed, progress=Bar("validation example"))
        anomalies = evaluation.find_anomalies(found.log_prob, known.log_prob, options.false_alarms)
        columns |= {
            "anomaly_score": anomalies.scores.tolist(),
            "p_value": anomalies.p_values.tolist(),
            "anomalous": anomalies.anomalous.tolist(),
        }
    with writing(out):
        files.write_bytes(out, _table(columns))
    error = "" if len(examples) == 1 else f" +- {found.nll_standard_error:.2f}"
    exact = "exact" if math.isinf(found.pareto_k[0]) else f"K = {found.num_samples}"
    print(f"{len(examples)} examples, mean log p(x) {-found.nll:.2f}{error} nats ({exact})")
    if np.isfinite(found.pareto_k).any() and not found.reliable.all():
        share = 1.0 - found.reliable.mean()
        print(
            f"{share:.0%} have too heavy a tail of weights: their log p(x) is low; take more with --num-samples"
        )
    if anomalies is not None and usual is not None:
        print(
            f"{anomalies.anomalous.sum()} anomalous: score above {anomalies.threshold:.2f} nats, at most"
            f" {options.false_alarms:.2%} false alarms by {len(usual)} validation examples"
        )
    print(out)


def _usual(run: Any, config: Any) -> Any:
    """Returns the validation examples of a run, which its model was not trained on."""
    from tfvae.training.runs import loading
    from tfvae.training.runs.examples import examples_of

    loaded = loading.load_data(config)
    run.check_data(loaded.fingerprint())
    if not len(loaded.validation):
        raise UserError(
            "the run has no validation examples, which the threshold of --false-alarms comes from",
            expected="a run with --validation-size of at least 1",
        )
    return examples_of(loaded, config, "validation")


def _table(columns: Mapping[str, Sequence[Any]]) -> bytes:
    """Returns a table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in zip(*columns.values(), strict=True))
    return text.getvalue().encode()


def _cell(value: bool | int | float) -> str:
    """Returns a value as text; a number that is not finite is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if math.isfinite(value) else ""
