"""The figures of the report: those of the run that fit, and new ones of its evaluation."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import latent, plotting, presets
from tfvae.evaluation.estimate import FEW
from tfvae.models.contract import Implicit, Inferential, Stepwise
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.evaluation import worst
from tfvae.training.report.content import TILES, Picture
from tfvae.training.runs import figures
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of, named

OF_THE_RUN = {  # figure: its file among the figures of the run
    "loss_curves": "loss_curves.png",
    "reconstructions": "reconstructions.png",
    "latent_map": "latent_map.png",
    "manifold": "manifold.png",
    "canvas": "canvas.png",
    "conditional": "conditional.png",
    "marginals": "marginals.png",
    "pairs": "pairs.png",
    "points": "samples.png",
    "densities": "samples.png",
    "outputs": "outputs.png",
    "course": "course.png",
}


def draw(
    run: RunDirectory, model: Any, loaded: data.DataSet, config: Config, result: Mapping[str, Any]
) -> dict[str, Picture]:
    """Returns name to figure, of those that apply to the model; draws what the run's folder of figures lacks.

    Args:
        run: run whose figures are taken.
        model: trained model of the run.
        loaded: data set of the run.
        config: settings of the run.
        result: content of evaluation.json.

    Raises:
        UserError: if a figure cannot be written.
    """
    history = run.read_history()
    compares, shape = presets.get(config.preset).compares, loaded.image_shape
    if compares is None:
        names = _of_the_run(model, loaded, config.condition != "none")
    else:
        names = _of_the_comparison(compares, shape)
    if loaded.columns is not None:
        several = sum(not column.categories for column in loaded.columns.each) > 1
        names += ["marginals"] + ["pairs"] * several
    files = {name: run.figures / OF_THE_RUN[name] for name in names}
    if history and not all(file.is_file() for file in files.values()):
        run.make_folders()
        figures.draw_run(run, model, loaded, config, history)
    found = {name: file.read_bytes() for name, file in files.items() if file.is_file()}
    closest = worst.figure_file(run, result.get("weights") == "plain")
    if compares is not None and result.get("method") == "ais" and closest.is_file():
        found["closest"] = closest.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        if len(shape) == 3 and "conditional" not in names:
            found |= _beside(Path(folder), model, loaded, config, result["split"])
        found |= _of_the_evaluation(Path(folder), result, history)
    return {name: Picture(png) for name, png in found.items()}


def _of_the_run(model: Any, loaded: data.DataSet, conditional: bool) -> list[str]:
    """Returns which figures of a run there are to be for this kind of model and data."""
    names, inferential = ["loss_curves"], isinstance(model, Inferential)
    images, table = len(loaded.image_shape) == 3, loaded.columns is not None
    if conditional:
        names.append("conditional")
    elif not images and not table:
        names.append("points")
    if inferential:
        names += ["reconstructions"] * (not table) + ["latent_map"]
        if isinstance(model, Stepwise):
            names.append("canvas")
        if images and not conditional and latent.has_manifold(model):
            names.append("manifold")
    return names


def _of_the_comparison(compares: str, shape: tuple[int, ...]) -> list[str]:
    """Returns which figures of a run there are to be for a model that is trained by comparing samples."""
    if compares == "densities":
        return ["loss_curves"]
    names = ["loss_curves"] + ["outputs"] * (compares == "critic")
    names += ["course"] * (len(shape) == 3 or shape == (2,))
    return names + ["densities"] * (shape == (2,))


def _beside(folder: Path, model: Any, loaded: data.DataSet, config: Config, split: str) -> dict[str, bytes]:
    """Draws real examples, samples with the noise of the likelihood, and the means of these samples."""
    real = examples_of(loaded, config, split, TILES).x
    drawn = model.sample(len(real), seed=0, mean=False)
    shown = named(f"{split} examples", loaded, config)
    grids = {"real": (real, f"Real: {shown}"), "drawn": (drawn, "Samples, seed 0")}
    if not isinstance(model, Implicit):
        grids["means"] = (model.sample(len(real), seed=0), "Means of these samples")
    return {
        name: plotting.save_image_grid(folder / f"{name}.png", np.asarray(images), title=title).read_bytes()
        for name, (images, title) in grids.items()
    }


def _of_the_evaluation(
    folder: Path, result: Mapping[str, Any], history: Sequence[Mapping[str, float]]
) -> dict[str, bytes]:
    """Draws the numbers of the evaluation that need a figure."""
    found = {}
    histogram, variances = (
        result.get(name) for name in ("effective_sample_size_histogram", "active_unit_variances")
    )
    if histogram:
        found["effective_sample_sizes"] = plotting.save_effective_sizes(
            folder / "sizes.png",
            histogram["edges"],
            histogram["counts"],
            title=f"Effective particles of {sum(histogram['counts']):,} examples, of K = {result['num_samples']:,}",
            few=FEW,
        )
    if variances:
        found["unit_variances"] = plotting.save_unit_variances(
            folder / "variances.png",
            [np.asarray(layer, float) for layer in variances],
            title="Variance over the examples of each unit's posterior mean",
            threshold=result["active_threshold"],
        )
    if result.get("rate") is not None and result.get("distortion") is not None:
        found["rate_distortion"] = plotting.save_rate_distortion(
            folder / "rate.png",
            result["rate"],
            result["distortion"],
            title=f"Rate and distortion of the {result['split']} examples",
            course=_course(history),
        )
    return {name: path.read_bytes() for name, path in found.items()}


def _course(history: Sequence[Mapping[str, float]]) -> np.ndarray | None:
    """Returns the rate and distortion of each epoch, of validation where there is one; None where there are none."""
    for prefix in ("val_", ""):
        names = [f"{prefix}rate", f"{prefix}distortion"]
        rows = [[row[name] for name in names] for row in history if all(name in row for name in names)]
        course = np.array(rows, float).reshape(-1, 2)
        course = course[np.isfinite(course).all(axis=1)]
        if len(course):
            return course
    return None
