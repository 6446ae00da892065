"""The figures of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import evaluation, latent, plotting, presets, random
from tfvae.examples import Examples
from tfvae.models.contract import Generative, Inferential, Stepwise
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs import comparison_figures, table_figures
from tfvae.training.runs.directory import RunDirectory, writing
from tfvae.training.runs.examples import held_out_of, named

CODES = 2000  # examples in the latent map
RECONSTRUCTED = 30  # examples whose reconstruction is shown
MANIFOLD = 20  # tiles along each side of the manifold grid
CONDITIONS, SAMPLES = 8, 5  # rows of a conditional figure, samples in each
NUMBERS = 3  # of a condition that is neither an image nor a label, told beside its row
ROWS = 4  # of held-out examples, and of samples, whose canvas is drawn step by step


def draw_run(
    run: RunDirectory,
    model: Any,
    loaded: data.DataSet,
    config: Config,
    history: Sequence[Mapping[str, float]],
) -> None:
    """Draws the figures of a run: loss curves, and what its model makes of held-out examples.

    Those are samples, reconstructions, the latent map, the manifold grid for two latent units, and the canvas step by
    step for a model that has one; for a model with a condition, samples beside their conditions; for a table, see
    `table_figures`; for a model that compares samples, `comparison_figures`.

    Args:
        run: the run, into whose figures/ they go.
        model: its model, as far as it is trained.
        loaded: its data set; the validation examples are drawn, or the test examples where there are none.
        config: its settings.
        history: rows of the epochs done.

    Raises:
        UserError: if a figure cannot be written.
    """
    folder = run.figures
    when = f"after epoch {len(history)}" if history else "within the first epoch"
    examples = held_out_of(loaded, config, CODES)
    compares = presets.get(config.preset).compares
    with writing(folder):
        if loaded.columns is not None:
            table_figures.draw(folder, model, loaded.columns, loaded.train.images, when)
        if compares is not None:
            comparison_figures.draw(folder, model, examples.x, history, when, compares)
            return
        if history:
            plotting.save_loss_curves(folder / "loss_curves.png", history, title="Training")
        if examples.condition is not None:
            title = f"Held-out {named('examples', loaded, config)} given their conditions, {when}"
            draw_conditional(
                folder / "conditional.png", model, examples, title=title, label_names=loaded.label_names
            )
        elif examples.x.ndim == 2 and loaded.columns is None:
            _draw_points(folder, model, examples.x, when)
        elif examples.x.ndim == 4:
            images, title = np.asarray(model.sample(64, seed=0)), f"Samples from the prior, {when}"
            plotting.save_image_grid(folder / "samples.png", images, title=title)
        if isinstance(model, Inferential):
            original = named("original", loaded, config)
            _draw_latents(folder, model, examples, when, original, loaded.label_names)


def _draw_points(folder: Path, model: Any, x: np.ndarray, when: str) -> None:
    drawn = np.asarray(model.sample(len(x), seed=0, mean=False))
    plotting.save_points(
        folder / "samples.png",
        {"held-out": x, "samples": drawn},
        title=f"Draws from the model over held-out points, {when}",
    )
    plotting.save_points(
        folder / "reconstructions.png",
        {"held-out": x, "reconstructed": np.asarray(model.reconstruct(x))},
        title=f"Held-out points and their reconstructions, {when}",
    )


def _draw_latents(
    folder: Path, model: Any, examples: Examples, when: str, original: str, label_names: Sequence[str]
) -> None:
    images = examples.x.ndim > 2
    if images:
        some = examples[:RECONSTRUCTED]
        plotting.save_reconstructions(
            folder / "reconstructions.png",
            some.x,
            np.asarray(model.reconstruct(**some.arguments())),
            title=f"Held-out examples and their reconstructions, {when}",
            rows=(original, "reconstruction"),
        )
    if model.posterior_head.closed_mean:
        codes = np.asarray(model.encode(**examples.arguments()))
    else:
        codes = evaluation.active_units(model, examples).means[0]
    title = f"Posterior means of held-out examples, {when}"
    plotting.save_latent_map(
        folder / "latent_map.png", codes, examples.labels, title=title, label_names=label_names
    )
    if isinstance(model, Stepwise):
        _draw_canvases(folder, model, codes[:ROWS], when)
    if images and latent.has_manifold(model) and examples.condition is None:
        tiles, extent = latent.manifold(model, MANIFOLD)
        title = f"Decoded quantiles of the prior, {when}"
        plotting.save_manifold_grid(folder / "manifold.png", tiles, title=title, extent=extent)


def _draw_canvases(folder: Path, model: Any, codes: np.ndarray, when: str) -> None:
    samples = model.sample_latents(random.ThreefryNoise(random.row_seeds(0, ROWS)))
    images, windows = model.canvases(np.concatenate([codes, samples]))
    plotting.save_canvases(
        folder / "canvas.png",
        np.asarray(images),
        title=f"Canvas after each step, {when}",
        names=["reconstruction"] * len(codes) + ["sample"] * ROWS,
        windows=None if windows is None else np.asarray(windows),
    )


def draw_conditional(
    path: Path,
    model: Any,
    examples: Examples,
    *,
    title: str,
    others: Mapping[str, Any] | None = None,
    samples: int = SAMPLES,
    label_names: Sequence[str] = (),
) -> Path:
    """Draws the first examples of a set: the truth, the condition, samples of a model with latents, mean predictions.

    Args:
        path: the PNG file.
        model: a `CVAE` or a `Regressor` of images.
        examples: what to draw, with its conditions.
        title: what the figure shows.
        others: name to a model whose mean prediction to draw beside.
        samples: how many for each condition.
        label_names: names of the labels 0, 1, ... that are conditions; empty for their numbers.

    Returns:
        path: as a `Path`.
    """
    some = examples[:CONDITIONS]
    condition, columns = some.condition, {"truth": some.x}
    shown, options = condition_column(model, condition, label_names)
    columns |= shown
    varies = isinstance(model, Generative)
    if varies:
        drawn = np.asarray(model.sample(samples, seed=0, condition=condition))
        columns |= {f"sample {index + 1}": images for index, images in enumerate(drawn)}
    columns["prediction"] = np.asarray(model(condition))
    for name, other in (others or {}).items():
        columns[name] = np.asarray(other(condition))
    return plotting.save_columns(path, columns, title=title, **options)


def condition_column(
    model: Any, condition: Any, label_names: Sequence[str] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Returns the column of conditions, if they are images like the examples, and how `plotting.save_columns` tells of
    them: what they hide, or each row's label, by its name where it has one, or first numbers."""
    if model.visible is not None:
        return {"condition": condition}, {"hidden": {"condition": ~model.visible}}
    condition = np.asarray(condition)
    inside = condition.min() >= 0.0 and condition.max() <= 1.0
    if inside and condition.shape[1:] == model.event_shape:
        return {"condition": condition}, {}
    rows = condition.reshape(len(condition), -1)
    if (
        inside
        and ((rows == 1.0).sum(axis=-1) == 1).all()
        and (rows.sum(axis=-1) == 1.0).all()
        and rows.shape[1] > 1
    ):
        labels = np.argmax(rows, axis=-1)
        return {}, {"rows": [label_names[index] if label_names else f"label {index}" for index in labels]}
    more = " ..." * (rows.shape[1] > NUMBERS)
    return {}, {"rows": [" ".join(f"{value:.2g}" for value in row[:NUMBERS]) + more for row in rows]}
