"""Quality of the samples of several runs on the same data, side by side.

    python tests/benchmarks/sample_quality.py RUN_DIR... [--limit 2000]

Samples and test examples are compared in the features of a classifier that is trained on the spot and kept in each run;
it is the same for all runs with the same data and binarisation. The last line is what other test examples have in the
place of samples.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from reports import markdown, where

from tfvae.training.evaluation import quality
from tfvae.training.evaluation.groups import Quality
from tfvae.training.evaluation.task import Task
from tfvae.training.progress import clock
from tfvae.training.runs.directory import RunDirectory

COLUMNS = {  # score: what the table calls it
    "kid": "KID",
    "frechet": "Frechet distance",
    "classifier": "classifier's accuracy",
    "different_bins": "different bins",
    "precision": "precision",
    "recall": "recall",
}
HEADS = ["samples of", "epochs", "training", *COLUMNS.values(), "classes"]


def judged(path: Path, limit: int | None) -> tuple[Quality, int, float]:
    """Returns the quality of a run's samples, its epochs, and the seconds that they took."""
    run = RunDirectory(path)
    history = run.read_history()
    with ExitStack() as kept:
        task = Task.of(run, "test", limit, 0, kept=kept)
        found = quality.judge(task, task.examples)
    return found, len(history), sum(epoch["seconds"] for epoch in history)


def cell(value: float | None, error: float | None) -> str:
    """Returns a score with its error."""
    if value is None:
        return ""
    return f"{value:.4f}" if error is None else f"{value:.4f} ± {error:.4f}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN_DIR")
    parser.add_argument("--limit", type=int, default=2000, help="test examples")
    options = parser.parse_args()
    rows, last = [], None
    for path in options.runs:
        last, epochs, seconds = judged(path, options.limit)
        classes = f"{last.classes_covered} of {last.num_classes}" if last.num_classes else ""
        scores = [cell(each.value, each.standard_error) for each in map(last.scores.get, COLUMNS)]
        rows.append([path.name, str(epochs), clock(seconds), *scores, classes])
    scores = [cell(each.real, each.real_standard_error) for each in map(last.scores.get, COLUMNS)]
    rows.append(["test examples", "", "", *scores, ""])
    print(f"{markdown(HEADS, rows)}\n\n{where()}")


if __name__ == "__main__":
    main()
