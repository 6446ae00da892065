"""Trains VAE, GAN and moment matching with one decoder on continuous MNIST, and judges them on one likelihood scale.

    python tests/benchmarks/generators.py ROW [--runs runs/generators] [--out LEDGER_GENERATORS.md] [--epochs N]

with TFDS_DATA_DIR naming the folder of the prepared data sets. A row adds a line to a table: log p(x) of 100 test
images by annealed importance sampling, beside the published one and beside what kernel density says. A trained model is
kept, and a second call evaluates it again.

Data are x = (pixel + u) / 256, u uniform on [0, 1), as in Wu et al. (2017), table 2, whose decoder of widths
10-64-256-256-1024-784 this is. The encoder has these widths in reverse, the discriminator 1024-256; theirs may differ.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

sys.path.append(str(Path(__file__).parent))

from ledger import append, commit
from reports import machine

import tfvae
from tfvae import evaluation
from tfvae.distributions import DiagonalNormal, Normal, StandardNormal
from tfvae.training import data
from tfvae.training.progress import Progress

ROOT = Path(__file__).parents[2]
HEADS = [
    "row",
    "published, nats",
    "AIS, nats",
    "scale^2",
    "ceiling",
    "BDMC gap",
    "kernel density, published",
    "kernel density",
    "epochs",
    "hardware",
    "commit",
]
LATENTS, WIDTHS = 10, (64, 256, 256, 1024)
LIMIT, SIMULATED, SAMPLES = 100, 10, 10_000
CHAINS = {"num_temperatures": 500, "num_chains": 16}


@dataclass(frozen=True)
class Row:
    """A published line of Wu et al. (2017), table 2, and how ours is made.

    Attributes:
        published, kernels: log p(x) by annealing and by kernel density, nats.
        make: function from the size of an example to a compiled model.
        epochs, batch_size: of its training.
    """

    published: float
    kernels: float
    make: Callable[[int], Any]
    epochs: int
    batch_size: int = 100


def network(widths: Any, activation: str, size: int, end: str | None) -> keras.Model:
    """Returns a fully connected network."""
    layers = [keras.layers.Dense(width, activation) for width in widths]
    return keras.Sequential([*layers, keras.layers.Dense(size, end)])


def vae(size: int) -> Any:
    """Returns the VAE: a sigmoid decoder under a normal likelihood whose one variance is at its optimum."""
    encoder = keras.Sequential([keras.layers.Dense(width, "tanh") for width in WIDTHS[::-1]])
    likelihood = Normal((size,), scale="optimal", linear=False)
    decoder = network(WIDTHS, "tanh", size, "sigmoid")
    model = tfvae.VAE(encoder, decoder, posterior=DiagonalNormal(LATENTS), likelihood=likelihood)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def gan(size: int) -> Any:
    """Returns the GAN, with the non-saturating cost and a penalty that keeps it from making one digit alone."""
    generator = network(WIDTHS, "tanh", size, "sigmoid")
    discriminator = network((1024, 256), "leaky_relu", 1, None)
    penalty = {"r1_penalty": 10.0, "penalty_every": 4}
    model = tfvae.GAN(generator, discriminator, prior=StandardNormal(LATENTS), **penalty)
    model.compile(keras.optimizers.Adam(2e-4, 0.5), discriminator_optimizer=keras.optimizers.Adam(2e-4, 0.5))
    return model


def gmmn(size: int) -> Any:
    """Returns the moment matching network, with the published bandwidths."""
    model = tfvae.GMMN(network(WIDTHS, "relu", size, "sigmoid"), prior=StandardNormal(LATENTS))
    model.compile(keras.optimizers.Adam(1e-3))
    return model


ROWS = {
    "vae-10": Row(705.4, 408.7, vae, 200),
    "gan-10": Row(328.8, 259.7, gan, 200),
    "gmmn-10": Row(346.7, 262.7, gmmn, 200, 1000),
}


def continuous(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns (pixel + u) / 256 of images in [0, 1] or [0, 255], [N, D]."""
    pixels = np.rint(images * 255.0) if images.dtype.kind == "f" and images.max() <= 1 else images
    noise = np.random.default_rng(seed).random(images.shape)
    return ((pixels + noise) / 256.0).astype(np.float32).reshape(len(images), -1)


def measure(model: Any, validation: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Returns what a row tells of a trained model."""
    if isinstance(model, tfvae.VAE):
        scale = float(model.likelihood_head.own_metrics()["scale"])
        ceiling = -0.5 * test.shape[1] * float(np.log(2 * np.pi * scale**2))
    else:
        scale = evaluation.fit_observation_scale(
            model, validation, limit=LIMIT, progress=bar("validation example")
        )
        ceiling = model.ceiling()
    options: dict[str, Any] = {**CHAINS, "schedule": "geometric"}
    return {
        "scale": scale,
        "ceiling": ceiling,
        "ais": evaluation.ais(model, test, **options, progress=bar("test example")),
        "bdmc": evaluation.bdmc(model, SIMULATED, **options, progress=bar("simulated example")),
        "kernels": evaluation.kernel_density(model, test, SAMPLES),
    }


def bar(unit: str) -> Callable[[int, int], None]:
    """Returns a function that shows the progress of an evaluation."""
    shown: list[Progress] = []

    def progress(done: int, total: int) -> None:
        shown[:] = shown or [Progress(total, unit)]
        shown[0].update(done)

    return progress


def entry(name: str, found: dict[str, Any], epochs: int) -> list[str]:
    """Returns the cells of a row."""
    row, ais, bdmc, kernels = ROWS[name], found["ais"], found["bdmc"], found["kernels"]
    return [
        f"`{name}`",
        f"{row.published:.1f}",
        f"{-ais.nll:.1f} ± {ais.nll_standard_error:.1f} (chains ± {ais.monte_carlo_standard_error:.2f})",
        f"{found['scale'] ** 2:.4f}",
        f"{found['ceiling']:.1f}",
        f"{bdmc.gap:.2f} ± {bdmc.gap_standard_error:.2f}",
        f"{row.kernels:.1f}",
        f"{-kernels.nll:.1f}",
        str(epochs),
        machine(),
        commit(),
    ]


def main() -> None:
    """Trains, evaluates and enters one row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("row", choices=ROWS)
    parser.add_argument(
        "--runs", type=Path, default=ROOT / "runs" / "generators", help="folder of the models"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "LEDGER_GENERATORS.md")
    parser.add_argument("--epochs", type=int, help="instead of the row's")
    parser.add_argument("--dataset", default="mnist", help="other data of images, for a trial")
    options = parser.parse_args()
    row, loaded = ROWS[options.row], data.load(options.dataset, seed=0)
    splits = [loaded.train, loaded.validation, loaded.test]
    train, validation, test = (continuous(split.images, seed) for seed, split in enumerate(splits))
    test = test[np.sort(np.random.default_rng(0).permutation(len(test))[:LIMIT])]
    epochs, file = options.epochs or row.epochs, options.runs / f"{options.row}.keras"
    if file.is_file():
        model = keras.saving.load_model(file)
    else:
        keras.utils.set_random_seed(0)
        model = row.make(train.shape[1])
        model.fit(train, epochs=epochs, batch_size=row.batch_size, verbose=2)
        file.parent.mkdir(parents=True, exist_ok=True)
        model.save(file)
    cells = entry(options.row, measure(model, validation, test), epochs)
    if not options.out.exists():
        options.out.write_text(f"| {' | '.join(HEADS)} |\n|{' --- |' * len(HEADS)}\n")
    append(options.out, cells)
    print("\n".join(f"{head}: {cell}" for head, cell in zip(HEADS, cells, strict=True)))


if __name__ == "__main__":
    main()
