"""Trains VAE, GAN and moment matching with one decoder on continuous MNIST, and judges them on one likelihood scale.

    python tests/benchmarks/generators.py ROW [--runs runs/generators] [--out LEDGER.md] [--epochs N]

with TFDS_DATA_DIR naming the folder of the prepared data sets. A row adds a line to a table of the ledger: log p(x) of
100 test images by annealed importance sampling, beside the published one and beside what kernel density says. A trained
model is kept, and a second call evaluates it again.

The rows of Wu et al. (2017), table 2, have x = (pixel + u) / 256, u uniform on [0, 1), and their decoder of widths
10-64-256-256-1024-784. The encoder has these widths in reverse, the discriminator 1024-256; theirs may differ. The rows
of Li et al. (2015), table 1, have x = pixel / 255 and uniform latents.

Kernel density is that of Goodfellow et al. (2014), over all test images: 10,000 samples (Wu et al.: a million), and of
ten scales from 0.1 to 1, evenly spaced in their logarithm, that with the largest mean over 1,000 validation images.
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

from ledger import commit
from reports import append_row, machine

import tfvae
from tfvae import evaluation
from tfvae.distributions import DiagonalNormal, Normal, StandardNormal, Uniform
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
CODED, CODED_EPOCHS = (1024, 32), 50
WINDOWS, VALIDATED = np.logspace(-1, 0, 10), 1000
LIMIT, SIMULATED, SAMPLES = 100, 10, 10_000
CHAINS = {"num_temperatures": 500, "num_chains": 16}


def pixels(images: np.ndarray) -> np.ndarray:
    """Returns pixels in [0, 255] of images in [0, 1] or [0, 255], [N, D]."""
    found = np.rint(images * 255.0) if images.dtype.kind == "f" and images.max() <= 1 else images
    return found.reshape(len(images), -1)


def continuous(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns (pixel + u) / 256, [N, D]."""
    noise = np.random.default_rng(seed).random(images.shape).reshape(len(images), -1)
    return ((pixels(images) + noise) / 256.0).astype(np.float32)


def plain(images: np.ndarray, seed: int) -> np.ndarray:
    """Returns pixel / 255, [N, D]."""
    return (pixels(images) / 255.0).astype(np.float32)


@dataclass(frozen=True)
class Row:
    """A published line of Wu et al. (2017), table 2, or of Li et al. (2015), table 1, and how ours is made.

    Attributes:
        published, kernels: log p(x) by annealing, where it was published, and by kernel density, nats.
        make: function from the training examples [N, D] to a compiled model; it may train parts of it.
        epochs, batch_size: of its training.
        prepared: function from images and a seed to examples.
    """

    published: float | None
    kernels: float
    make: Callable[[np.ndarray], Any]
    epochs: int
    batch_size: int = 100
    prepared: Callable[[np.ndarray, int], np.ndarray] = continuous


def network(widths: Any, activation: str, size: int, end: str | None) -> keras.Model:
    """Returns a fully connected network."""
    layers = [keras.layers.Dense(width, activation) for width in widths]
    return keras.Sequential([*layers, keras.layers.Dense(size, end)])


def vae(train: np.ndarray) -> Any:
    """Returns the VAE: a sigmoid decoder under a normal likelihood whose one variance is at its optimum."""
    size = train.shape[1]
    encoder = keras.Sequential([keras.layers.Dense(width, "tanh") for width in WIDTHS[::-1]])
    likelihood = Normal((size,), scale="optimal", linear=False)
    decoder = network(WIDTHS, "tanh", size, "sigmoid")
    model = tfvae.VAE(encoder, decoder, posterior=DiagonalNormal(LATENTS), likelihood=likelihood)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def gan(train: np.ndarray) -> Any:
    """Returns the GAN, with the non-saturating cost and a penalty that keeps it from making one digit alone."""
    generator = network(WIDTHS, "tanh", train.shape[1], "sigmoid")
    discriminator = network((1024, 256), "leaky_relu", 1, None)
    penalty = {"r1_penalty": 10.0, "penalty_every": 4}
    model = tfvae.GAN(generator, discriminator, prior=StandardNormal(LATENTS), **penalty)
    model.compile(keras.optimizers.Adam(2e-4, 0.5), discriminator_optimizer=keras.optimizers.Adam(2e-4, 0.5))
    return model


def matching(size: int, **options: Any) -> Any:
    """Returns a moment matching network that makes vectors of some size."""
    model = tfvae.GMMN(network(WIDTHS, "relu", size, "sigmoid"), **options)
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def gmmn(train: np.ndarray) -> Any:
    """Returns the moment matching network, with the published bandwidths."""
    return matching(train.shape[1], prior=StandardNormal(LATENTS))


def uniform_gmmn(train: np.ndarray) -> Any:
    """Returns the same with uniform latents."""
    return matching(train.shape[1], prior=Uniform(LATENTS))


def coded_gmmn(train: np.ndarray) -> Any:
    """Returns the network that matches codes of an autoencoder, which is trained here."""
    encoder = [
        keras.layers.Dropout(0.2),
        keras.layers.Dense(CODED[0], "sigmoid"),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(CODED[1], "sigmoid"),
    ]
    decoder = network(CODED[:1], "sigmoid", train.shape[1], "sigmoid")
    autoencoder = tfvae.Autoencoder(keras.Sequential(encoder), decoder, event_shape=train.shape[1])
    autoencoder.compile(keras.optimizers.Adam(1e-3))
    autoencoder.fit(train, epochs=CODED_EPOCHS, batch_size=100, verbose=2)
    options = {"prior": Uniform(LATENTS), "bandwidths": (1.0,), "autoencoder": autoencoder}
    return matching(CODED[1], **options)


ROWS = {
    "vae-10": Row(705.4, 408.7, vae, 200),
    "gan-10": Row(328.8, 259.7, gan, 200),
    "gmmn-10": Row(346.7, 262.7, gmmn, 200, 1000),
    "gmmn-uniform": Row(None, 147.0, uniform_gmmn, 200, 1000, plain),
    "gmmn-autoencoder": Row(None, 282.0, coded_gmmn, 200, 1000, plain),
}


def windows(model: Any, validation: np.ndarray, test: np.ndarray) -> Any:
    """Returns the kernel density of the test images, with the scale that fits the first validation images best."""
    generator = model
    if isinstance(model, tfvae.VAE):  # its decoder gives the mean of its likelihood
        generator = tfvae.GMMN(model.decoder, prior=StandardNormal(LATENTS))
    fitted, found = generator.observation_scale, {}
    for scale in map(float, WINDOWS):
        generator.observation_scale = scale
        found[scale] = evaluation.kernel_density(generator, validation[:VALIDATED], SAMPLES).nll
    generator.observation_scale = min(found, key=lambda scale: found[scale])
    result = evaluation.kernel_density(generator, test, SAMPLES)
    print(f"window: {generator.observation_scale:.3f}")
    generator.observation_scale = fitted
    return result


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
    some = test[np.sort(np.random.default_rng(0).permutation(len(test))[:LIMIT])]
    return {
        "scale": scale,
        "ceiling": ceiling,
        "ais": evaluation.ais(model, some, **options, progress=bar("test example")),
        "bdmc": evaluation.bdmc(model, SIMULATED, **options, progress=bar("simulated example")),
        "kernels": windows(model, validation, test),
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
        "" if row.published is None else f"{row.published:.1f}",
        f"{-ais.nll:.1f} ± {ais.nll_standard_error:.1f} (chains ± {ais.monte_carlo_standard_error:.2f})",
        f"{found['scale'] ** 2:.4f}",
        f"{found['ceiling']:.1f}",
        f"{bdmc.gap:.2f} ± {bdmc.gap_standard_error:.2f}",
        f"{row.kernels:.1f}",
        f"{-kernels.nll:.1f} ± {kernels.nll_standard_error:.1f}",
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
    parser.add_argument("--out", type=Path, default=ROOT / "LEDGER.md")
    parser.add_argument("--epochs", type=int, help="instead of the row's")
    parser.add_argument("--dataset", default="mnist", help="other data of images, for a trial")
    options = parser.parse_args()
    row, loaded = ROWS[options.row], data.load(options.dataset, seed=0)
    splits = [loaded.train, loaded.validation, loaded.test]
    train, validation, test = (row.prepared(split.images, seed) for seed, split in enumerate(splits))
    epochs, file = options.epochs or row.epochs, options.runs / f"{options.row}.keras"
    if file.is_file():
        model = keras.saving.load_model(file)
    else:
        keras.utils.set_random_seed(0)
        model = row.make(train)
        model.fit(train, epochs=epochs, batch_size=row.batch_size, verbose=2)
        file.parent.mkdir(parents=True, exist_ok=True)
        model.save(file)
    cells = entry(options.row, measure(model, validation, test), epochs)
    append_row(options.out, HEADS, cells)
    print("\n".join(f"{head}: {cell}" for head, cell in zip(HEADS, cells, strict=True)))


if __name__ == "__main__":
    main()
