"""The pictures of the report: those of the run that fit, and new ones of its evaluation."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import plotting
from tfvae.evaluation.estimate import FEW
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.report.markup import Picture
from tfvae.training.runs import figures
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of

TILES = 36  # examples and samples shown

OF_THE_RUN = {  # name: (file of the run's figures, what it shows, how to read it)
    "loss_curves": (
        "loss_curves.png",
        "Three line charts against the epoch, for training and validation: the bound, the rate and the distortion.",
        "Training values are means over an epoch, during which the model changed; validation values are those after "
        "it. A validation bound that falls while that of training rises means overfitting.",
    ),
    "reconstructions": (
        "reconstructions.png",
        "Held-out examples and, beside or below each, its reconstruction from the mean of its posterior.",
        "Reconstructions are means of the likelihood, without its noise: they look smoother than data.",
    ),
    "latent_map": (
        "latent_map.png",
        "The posterior means of held-out examples as points, or as a histogram where there is one latent unit, "
        "coloured by label where there are labels.",
        "Each point is one held-out example. Of more than two units the two principal "
        "components are shown: what lies together here may lie apart in the others.",
    ),
    "manifold": (
        "manifold.png",
        "A grid of decoded images, one for each pair of quantiles of the two-dimensional prior.",
        "Decoded codes at equally spaced quantiles of the prior: what the model holds for equally likely.",
    ),
    "canvas": (
        "canvas.png",
        "Rows of images: what stands on the canvas after each step, for reconstructions and for samples.",
        "The canvas after each step, from left to right.",
    ),
    "conditional": (
        "conditional.png",
        "Rows of images: a held-out example, its condition, samples given it, and the mean prediction.",
        "Truth and condition of held-out examples, samples that differ in their latents, where there are "
        "any, and the mean prediction, all without the noise of the likelihood. Samples of one row should differ as "
        "much as the truth leaves open, and no more.",
    ),
    "points": (
        "samples.png",
        "Points of the plane: held-out ones and draws from the model over each other.",
        "Draws from the model, noise of the likelihood included, over held-out points: both should cover the same "
        "places equally densely.",
    ),
}


def draw(
    run: RunDirectory, model, loaded: data.DataSet, config: Config, result: Mapping[str, Any]
) -> dict[str, Picture]:
    """Returns name to picture, of those that apply to the model; draws what the run's folder of figures lacks.

    Args:
        run: whose figures to take.
        model: its trained model.
        loaded: its data set.
        config: its settings.
        result: of its evaluation.

    Raises:
        UserError: if a figure cannot be written.
    """
    history = run.read_history()
    names = _of_the_run(model, loaded)
    if history and not all((run.figures / OF_THE_RUN[name][0]).is_file() for name in names):
        run.make_folders()
        figures.draw_run(run, model, loaded, config, history)
    found = {}
    for name in names:
        file, alt, caption = OF_THE_RUN[name]
        if (run.figures / file).is_file():
            found[name] = Picture((run.figures / file).read_bytes(), alt, caption)
    with tempfile.TemporaryDirectory() as folder:
        if "conditional" not in names and "points" not in names:
            found |= _beside(Path(folder), model, loaded, config, result)
        found |= _of_the_evaluation(Path(folder), result, history)
    return found


def _of_the_run(model, loaded: data.DataSet) -> list[str]:
    """Returns which figures of a run there are to be for this kind of model and data."""
    from tfvae import latent

    images = len(loaded.image_shape) == 3
    names = ["loss_curves"]
    if model.takes_condition:
        names.append("conditional")
    elif not images:
        names.append("points")
    if model.latents:
        names += ["reconstructions", "latent_map"]
        if hasattr(model, "canvases"):
            names.append("canvas")
        if images and not model.takes_condition and latent.has_manifold(model):
            names.append("manifold")
    return names


def _beside(folder: Path, model, loaded: data.DataSet, config: Config, result: Mapping[str, Any]):
    """Draws real examples, samples with the noise of the likelihood, and the means of these samples."""
    split = result["split"]
    real = examples_of(loaded, config, split, TILES).x
    count = len(real)
    grids = {
        "real": (
            real,
            f"Real: {split} examples",
            f"A grid of {count} real examples.",
            f"{count} {split} examples, the first of a fixed shuffle, as the model sees them.",
        ),
        "drawn": (
            np.asarray(model.sample(count, seed=0, mean=False)),
            "Samples, seed 0",
            f"A grid of {count} samples of the model.",
            f"{count} samples of seed 0, all that were drawn: latents from the prior, pixels from the likelihood. "
            "Compare these with the real ones.",
        ),
        "means": (
            np.asarray(model.sample(count, seed=0)),
            "Means of these samples",
            f"A grid of the {count} means from which the samples were drawn.",
            "The means of the same samples: the likelihood without its noise. Smooth where the model is unsure.",
        ),
    }
    found = {}
    for name, (images, title, alt, caption) in grids.items():
        path = plotting.save_image_grid(folder / f"{name}.png", images, title=title)
        found[name] = Picture(path.read_bytes(), alt, caption)
    return found


def _of_the_evaluation(folder: Path, result: Mapping[str, Any], history) -> dict[str, Picture]:
    found = {}
    histogram = result.get("effective_sample_size_histogram")
    if histogram:
        count = sum(histogram["counts"])
        path = plotting.save_effective_sizes(
            folder / "sizes.png",
            histogram["edges"],
            histogram["counts"],
            title=f"Effective particles of {count:,} examples, of K = {result['num_samples']:,}",
            few=FEW,
        )
        found["effective_sample_sizes"] = Picture(
            path.read_bytes(),
            f"A histogram of the effective sample sizes of {count} examples on a logarithmic axis from 1 to "
            f"{result['num_samples']} particles; the median is {result['effective_sample_size']:.1f}.",
            f"Orange bars, if there are any, hold the examples with at most {FEW} effective particles, whose "
            "estimates are too low and whose errors are too small.",
        )
    variances = result.get("active_unit_variances")
    if variances:
        path = plotting.save_unit_variances(
            folder / "variances.png",
            [np.asarray(layer, float) for layer in variances],
            title="Variance over the examples of each unit's posterior mean",
            threshold=result["active_threshold"],
        )
        found["unit_variances"] = Picture(
            path.read_bytes(),
            f"Bars of the variance of each latent unit on a logarithmic axis, the largest first; "
            f"{result['active_units']} of {sum(result['units_by_layer'])} are above the threshold.",
            "Var over x of E[z|x], in squared latent units. Units far below the threshold reach under the axis and "
            "show no bar.",
        )
    if result.get("rate") is not None and result.get("distortion") is not None:
        path = plotting.save_rate_distortion(
            folder / "rate.png",
            result["rate"],
            result["distortion"],
            title=f"Rate and distortion of the {result['split']} examples",
            course=_course(history),
        )
        found["rate_distortion"] = Picture(
            path.read_bytes(),
            f"The model as a point at rate {result['rate']:.2f} and distortion {result['distortion']:.2f} nats, with "
            "dotted lines of equal evidence lower bound and the course of training.",
            "Downward and to the left is better. Dotted lines join points of equal evidence lower bound, named at the "
            "edge. The course is that of the validation examples, or of training where there are none.",
        )
    return found


def _course(history) -> np.ndarray | None:
    for prefix in ("val_", ""):
        names = [f"{prefix}rate", f"{prefix}distortion"]
        rows = [[row[name] for name in names] for row in history if all(name in row for name in names)]
        course = np.array(rows, float).reshape(-1, 2)
        course = course[np.isfinite(course).all(axis=1)]
        if len(course):
            return course
    return None
