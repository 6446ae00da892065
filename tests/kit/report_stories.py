"""A story to report, with every part that a report can have, and with changes."""

import struct
import zlib
from dataclasses import replace

from tfvae.training.config import Config
from tfvae.training.report.content import Picture, ReportContent, RunFacts


def png(width=3, height=2):
    """The bytes of a white PNG."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = zlib.compress(b"".join(b"\0" + b"\xff" * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


PICTURES = (
    "effective_sample_sizes",
    "rate_distortion",
    "real",
    "drawn",
    "means",
    "reconstructions",
    "canvas",
    "latent_map",
    "manifold",
    "unit_variances",
    "loss_curves",
)
QUALITY = {
    name: value
    for figure in ("precision", "recall", "density", "coverage", "mmd", "frechet")
    for name, value in (
        (figure, 0.5),
        (f"{figure}_standard_error", 0.02),
        (f"{figure}_real", 0.51),
        (f"{figure}_real_standard_error", 0.02),
    )
}
RESULT = {
    "nll": 86.456,
    "nll_standard_error": 0.25,
    "nll_monte_carlo_standard_error": 0.004,
    "elbo": -88.0,
    "elbo_standard_error": 0.26,
    "effective_sample_size": 50.0,
    "effective_sample_size_histogram": {"edges": [1.0, 10.0, 100.0, 5000.0], "counts": [100, 9800, 100]},
    "pareto_k": 0.31,
    "pareto_k_threshold": 0.7,
    "unreliable_share": 0.0,
    "num_samples": 5000,
    "num_examples": 10000,
    "active_units": 9,
    "active_units_by_layer": [9],
    "units_by_layer": [10],
    "latent_size": 10,
    "split": "test",
    "binarize": "dynamic",
    "dataset": "digits",
    "likelihood": "bernoulli",
    "seed": 0,
    "bits_per_dimension": 0.159,
    "levels": 2,
    "train_elbo": -87.5,
    "train_elbo_standard_error": 0.3,
    "train_elbo_examples": 2000,
    "inference_gap": 1.5,
    "inference_gap_standard_error": 0.01,
    "approximation_gap": 1.0,
    "approximation_gap_standard_error": 0.01,
    "amortization_gap": 0.5,
    "amortization_gap_standard_error": 0.01,
    "gap_verdict": "because q is weak",
    "gap_converged": True,
    "gap_effective_sample_size": 60.0,
    "gap_num_examples": 500,
    "rate": 20.0,
    "rate_standard_error": 0.1,
    "distortion": 68.0,
    "distortion_standard_error": 0.2,
    "active_threshold": 0.01,
    "active_unit_variances": [[0.9, 0.001]],
    "features": "classifier",
    "features_accuracy": 0.97,
    "samples": "draws",
    "quality_examples": 2500,
    "knn_accuracy": 0.95,
    "knn_accuracy_standard_error": 0.002,
    "linear_probe_accuracy": 0.9,
    "linear_probe_accuracy_standard_error": 0.003,
    "code_chance": 0.11,
    "code_examples": 5000,
} | QUALITY
FACTS = RunFacts(
    model="IWAE",
    parameters=1234567,
    latents="continuous",
    event_shape=(8, 8, 1),
    sizes={"train": 50000, "validation": 1000, "test": 10000},
    grey=True,
    steps=500,
    summary="8x8 digits",
)
HISTORY = [{"epoch": n, "bound": -88.0, "val_bound": -88.5, "rate": 20.0} for n in range(1, 21)]


def story(*, result=None, config=None, facts=None, without=(), **changes):
    """The story with other results, settings, facts or fields; `without` these results and pictures."""
    settings = Config.resolve({"estimator": "iwae"}).to_json() | (config or {})
    whole = ReportContent(
        name="a run",
        content={
            "config": settings,
            "argv": ["tfvae", "train", "--run-dir", "a run"],
            "seed": 0,
            "versions": {"python": "3.11", "tfvae": "0.1.0"},
            "data_sha256": "abc",
        },
        result={name: value for name, value in (RESULT | (result or {})).items() if name not in without},
        history=HISTORY,
        facts=replace(FACTS, **(facts or {})),
        pictures={name: Picture(png()) for name in PICTURES if name not in without},
    )
    return replace(whole, **changes)
