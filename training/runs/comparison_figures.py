"""The figures of a run that trains a generator by comparing its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from tfvae import files, plotting
from tfvae.models.contract import Implicit
from tfvae.models.discriminating import Discriminating

SAMPLES = 64  # images of the present generator
FOLLOWED = {3: 10, 1: 400}  # rank of an example: samples that are shown over the course of training
TIMES = 8  # moments that the course shows at most
POINTS = 5000  # samples of a density
LEVELS = (0.25, 0.5, 0.75)  # of D, where its contours are drawn


def draw(
    folder: Path,
    model: Any,
    x: np.ndarray,
    history: Sequence[Mapping[str, float]],
    when: str,
    compares: str,
) -> None:
    """Draws the curves; of a generator samples, and samples of fixed seeds over training; what a critic makes of them.

    Args:
        folder: where the figures go. course.npz there keeps the samples of each drawing, of which one figure shows all.
        model: model that is trained, as far as it is.
        x: held-out examples.
        history: rows of the epochs done.
        when: the present moment in words.
        compares: kind of the comparison that trains it, see `tfvae.presets.Preset`.

    Raises:
        OSError: if a file cannot be written.
    """
    if history:
        plotting.save_game_curves(folder / "loss_curves.png", history, title="Training", compares=compares)
    if not isinstance(model, Implicit):
        return
    critic = isinstance(model, Discriminating)
    _draw_course(folder, model, x, len(history))
    if x.ndim == 4:
        images, title = np.asarray(model.sample(SAMPLES, seed=0)), f"Samples from the prior, {when}"
        plotting.save_image_grid(folder / "samples.png", images, title=title)
    elif x.shape[1] == 2:
        _draw_plane(folder, model, x, when, critic)
    if critic:
        _draw_outputs(folder, model, x, when)


def _draw_course(folder: Path, model: Any, x: np.ndarray, epoch: int) -> None:
    """Adds samples of fixed seeds to those of earlier epochs, and draws them.

    Later epochs are those of a run that was killed and has gone back.
    """
    if x.ndim != 4 and x.shape[1] != 2:
        return
    path = folder / "course.npz"
    found = {name: drawn for name, drawn in _course(path).items() if int(name) < epoch}
    found[f"{epoch:06d}"] = np.asarray(model.sample(FOLLOWED[x.ndim - 1], seed=0))
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, **cast(dict[str, Any], found))
    names = sorted(found)
    names = [names[index] for index in np.unique(np.linspace(0, len(names) - 1, TIMES).round().astype(int))]
    shown = {f"epoch {int(name)}": found[name] for name in names}
    title = "The same draws from the prior in the course of training"
    if x.ndim == 4:
        plotting.save_rows(folder / "course.png", np.stack(list(shown.values())), list(shown), title=title)
    else:
        plotting.save_point_panels(folder / "course.png", x, shown, title=f"{title}, over held-out points")


def _course(path: Path) -> dict[str, np.ndarray]:
    """Returns the samples of earlier drawings by epoch; none where the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files if name.isdigit()}
    except (OSError, ValueError, EOFError, KeyError):
        return {}


def _draw_plane(folder: Path, model: Any, x: np.ndarray, when: str, critic: bool) -> None:
    points = {"held-out points": x, "samples": np.asarray(model.sample(POINTS, seed=0))}
    contour = None
    title = f"Held-out points and samples, {when}"
    if critic:
        if model.cost.probabilistic:
            contour = (lambda places: _outputs(model, places), LEVELS)
            title += "; lines of the discriminator's D"
        else:
            levels = np.unique(np.quantile(_outputs(model, x), LEVELS))
            contour = (lambda places: _outputs(model, places), tuple(levels))
            title += "; lines of the critic's output"
    plotting.save_densities(folder / "samples.png", points, title=title, contour=contour)


def _draw_outputs(folder: Path, model: Any, x: np.ndarray, when: str) -> None:
    samples = np.asarray(model.sample(len(x), seed=1))
    plotting.save_outputs(
        folder / "outputs.png",
        _outputs(model, x),
        _outputs(model, samples),
        title=f"The discriminator's outputs for held-out examples and for samples, {when}",
        probabilities=model.cost.probabilistic,
    )


def _outputs(model: Any, x: np.ndarray) -> np.ndarray:
    """Returns D of examples, or a critic's outputs."""
    outputs = np.asarray(model.discriminate(x), np.float64)
    return 1.0 / (1.0 + np.exp(-outputs)) if model.cost.probabilistic else outputs
