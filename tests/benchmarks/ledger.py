"""Trains and evaluates published rows under their protocol, and enters what came of it into LEDGER.md.

    python tests/benchmarks/ledger.py ROW [--runs runs/ledger] [--out LEDGER.md] [--epochs N] [--train-only]

with TFDS_DATA_DIR naming the folder of the prepared data sets.

A row that was interrupted, in training or in evaluation, goes on where it was; run again when it is finished, it is
evaluated again and entered again. The settings were chosen on held-out training images, never on the test set.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))

from reports import append_row, machine

from tfvae.training import data, loop
from tfvae.training.config import Config
from tfvae.training.evaluation import evaluate as evaluating
from tfvae.training.evaluation.groups import Likelihood
from tfvae.training.progress import Progress, clock
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory

ROOT = Path(__file__).parents[2]
HEADS = [
    "row",
    "published, nats",
    "ours, nats",
    "ELBO",
    "active units",
    "median ESS",
    "steps",
    "training",
    "hardware",
    "commit",
    "settings",
]
PARTICLES = 5000
SHARED = {
    "preset": "burda-1layer",
    "schedule": "cosine",
    "batch_size": 100,
    "figures_every": 0,
    "checkpoint_seconds": 60.0,
}
DYNAMIC = {"dataset": "mnist", "binarize": "dynamic"}
FIXED = {"dataset": "binarized_mnist", "binarize": "none"}
BURDA = "Burda et al. 2016, table 1"


@dataclass(frozen=True)
class Row:
    """A published figure and the settings of our run.

    Attributes:
        title: what the table says.
        published: negative log-likelihood of the test set, nats.
        source: of that figure.
        settings: of the run, beside those that all rows share.
    """

    title: str
    published: float
    source: str
    settings: dict[str, Any] = field(default_factory=dict)


ROWS = {
    "vae": Row(
        "dynamic MNIST, 1 layer, VAE",
        86.76,
        BURDA,
        DYNAMIC | {"estimator": "stl", "num_samples": 1, "epochs": 545, "learning_rate": 1.5e-3},
    ),
    "iwae-5": Row(
        "dynamic MNIST, 1 layer, IWAE K=5",
        85.54,
        BURDA,
        DYNAMIC | {"estimator": "iwae", "num_samples": 5, "epochs": 545, "learning_rate": 2e-3},
    ),
    "dreg-5": Row(
        "dynamic MNIST, 1 layer, IWAE K=5 by DReG",
        85.54,
        f"{BURDA}, by the plain gradient",
        DYNAMIC | {"estimator": "dreg", "num_samples": 5, "epochs": 545, "learning_rate": 2e-3},
    ),
    "fixed-dreg-5": Row(
        "fixed MNIST, 1 layer, IWAE K=5 by DReG, weights of the best validation bound",
        87.63,
        "Burda et al. 2016, unverified, by the plain gradient",
        FIXED
        | {"estimator": "dreg", "num_samples": 5, "epochs": 400, "learning_rate": 2e-3, "patience": 400},
    ),
}


def train(name: str, runs: Path, epochs: int | None) -> RunDirectory:
    """Returns the finished run of a row, which it starts or resumes."""
    run = RunDirectory(runs / name)
    if run.model_file.exists():
        return run
    if run.config_file.exists():
        loop.train(run.config(), run, resume=True)
        return run
    settings = SHARED | ROWS[name].settings
    loop.train(Config.resolve(settings | ({} if epochs is None else {"epochs": epochs})), run)
    return run


def evaluate(run: RunDirectory) -> Likelihood:
    """Returns the likelihood of a run on the whole test set."""
    bar: list[Progress] = []

    def progress(done: int, total: int) -> None:
        bar[:] = bar or [Progress(total, "example")]
        bar[0].update(done)

    settings = evaluating.Settings(num_samples=PARTICLES)
    return evaluating.evaluate(run, settings, progress=lambda unit: progress).likelihood


def entry(name: str, run: RunDirectory, result: Likelihood) -> list[str]:
    """Returns the cells of a row of the ledger."""
    row, config, history = ROWS[name], run.config(), run.read_history()
    steps = len(history) * data.steps_per_epoch(len(loading.load_data(config).train), config.batch_size)
    settings = json.dumps(config.to_json(), sort_keys=True).encode()
    return [
        f"`{name}`: {row.title}",
        f"{row.published:.2f} ({row.source})",
        f"{result.nll:.2f} ± {result.nll_standard_error:.2f}",
        f"{result.elbo:.2f}",
        f"{result.active_units} of {result.latent_size}",
        f"{result.effective_sample_size:.0f}",
        f"{steps:,} of batch {config.batch_size}",
        clock(sum(epoch["seconds"] for epoch in history)),
        machine(),
        commit(),
        hashlib.sha256(settings).hexdigest()[:12],
    ]


def commit() -> str:
    """Returns the commit of the working tree, with a + where files differ from it."""
    git = ["git", "-C", str(ROOT)]
    name = subprocess.run(
        [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True
    )
    return name.stdout.strip() + "+" * bool(changed.stdout)


def main() -> None:
    """Trains, evaluates and enters one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=ROWS)
    parser.add_argument(
        "--runs", type=Path, default=ROOT / "runs" / "ledger", help="folder of the run directories"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "LEDGER.md")
    parser.add_argument("--epochs", type=int, help="instead of the row's")
    parser.add_argument("--train-only", action="store_true", help="neither evaluate nor enter")
    options = parser.parse_args()
    run = train(options.row, options.runs, options.epochs)
    if not options.train_only:
        cells = entry(options.row, run, evaluate(run))
        append_row(options.out, HEADS, cells)
        print("\n".join(f"{head}: {cell}" for head, cell in zip(HEADS, cells, strict=True)))


if __name__ == "__main__":
    main()
