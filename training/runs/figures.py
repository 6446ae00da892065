"""The figures of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from tfvae import evaluation, latent, plotting, random
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory, cannot_write

CODES = 2000  # examples in the latent map
MANIFOLD = 20  # tiles along each side of the manifold grid
CONDITIONS, SAMPLES = 8, 5  # rows of a conditional figure, samples in each
NUMBERS = 3  # of a condition that is neither an image nor a label, told beside its row
ROWS = 4  # of held-out examples, and of samples, whose canvas is drawn step by step


class Painter(keras.callbacks.Callback):
    """Draws samples, reconstructions, loss curves, the latent map, the manifold grid for two latent units, and the
    canvas step by step for a model that has one; for a model with a condition, samples beside their conditions.

    Args:
        run: whose figures to draw.
        model: a model of images.
        loaded: whose validation examples, or test examples where there are none, to reconstruct and encode.
        config: how they are binarised and how often to draw during `fit`.
        history: rows of the epochs done; the same list while training adds to it.
    """

    def __init__(
        self, run: RunDirectory, model, loaded: data.DataSet, config: Config, history: list[dict[str, float]]
    ):
        super().__init__()
        self._run, self._vae, self._history = run, model, history
        held_out = (loaded.validation if len(loaded.validation) else loaded.test).take(slice(CODES))
        self._examples = data.binarize_once(held_out.images, config.binarize, config.seed)
        self._labels = held_out.labels
        self._condition = None
        if model.takes_condition:
            self._condition, _ = data.paired(
                self._examples, **loaded.condition_of(config.condition, held_out)
            )
        self._every, self._epochs = config.figures_every, config.epochs

    def on_epoch_end(self, epoch, logs=None):
        """Draws every few epochs but not after the last."""
        if self._every and (epoch + 1) % self._every == 0 and epoch + 1 < self._epochs:
            self.draw()

    def draw(self) -> None:
        """Draws every figure.

        Raises:
            UserError: if a figure cannot be written.
        """
        try:
            done = len(self._history)
            self._draw(f"after epoch {done}" if done else "within the first epoch")
        except OSError as error:
            raise cannot_write(self._run.figures, error) from error

    def _draw(self, when: str) -> None:
        folder = self._run.figures
        if self._history:
            plotting.save_loss_curves(folder / "loss_curves.png", self._history, title="Training")
        if self._condition is not None:
            draw_conditional(
                folder / "conditional.png",
                self._vae,
                (self._condition, self._examples),
                title=f"Held-out examples given their conditions, {when}",
            )
        elif self._examples.ndim == 2:
            self._draw_points(folder, when)
        else:
            plotting.save_image_grid(
                folder / "samples.png",
                np.asarray(self._vae.sample(64, seed=0)),
                title=f"Samples from the prior, {when}",
            )
        if self._vae.latents:
            self._draw_latents(folder, when)

    def _draw_points(self, folder, when: str) -> None:
        drawn = np.asarray(self._vae.sample(len(self._examples), seed=0, mean=False))
        plotting.save_points(
            folder / "samples.png",
            {"held-out": self._examples, "samples": drawn},
            title=f"Draws from the model over held-out points, {when}",
        )
        plotting.save_points(
            folder / "reconstructions.png",
            {"held-out": self._examples, "reconstructed": np.asarray(self._vae.reconstruct(self._examples))},
            title=f"Held-out points and their reconstructions, {when}",
        )

    def _draw_latents(self, folder: Path, when: str) -> None:
        given = {} if self._condition is None else {"condition": self._condition}
        images = self._examples.ndim > 2
        if images:
            some = {name: values[:30] for name, values in given.items()}
            plotting.save_reconstructions(
                folder / "reconstructions.png",
                self._examples[:30],
                np.asarray(self._vae.reconstruct(self._examples[:30], **some)),
                title=f"Held-out examples and their reconstructions, {when}",
            )
        if self._vae.posterior_head.closed_mean:
            codes = np.asarray(self._vae.encode(self._examples, **given))
        else:
            data = (given["condition"], self._examples) if given else self._examples
            codes = evaluation.active_units(self._vae, data).means[0]
        plotting.save_latent_map(
            folder / "latent_map.png",
            codes,
            self._labels,
            title=f"Posterior means of held-out examples, {when}",
        )
        if hasattr(self._vae, "canvases"):
            self._draw_canvases(codes[:ROWS], when)
        if images and latent.has_manifold(self._vae) and not given:
            tiles, extent = latent.manifold(self._vae, MANIFOLD)
            plotting.save_manifold_grid(
                folder / "manifold.png",
                tiles,
                title=f"Decoded quantiles of the prior, {when}",
                extent=extent,
            )

    def _draw_canvases(self, codes: np.ndarray, when: str) -> None:
        samples = self._vae.sample_latents(random.ThreefryNoise(random.row_seeds(0, ROWS)))
        images, windows = self._vae.canvases(np.concatenate([codes, samples]))
        plotting.save_canvases(
            self._run.figures / "canvas.png",
            np.asarray(images),
            title=f"Canvas after each step, {when}",
            names=["reconstruction"] * len(codes) + ["sample"] * ROWS,
            windows=None if windows is None else np.asarray(windows),
        )


def draw_conditional(
    path: Path, model, examples, *, title: str, others: Mapping | None = None, samples: int = SAMPLES
) -> Path:
    """Draws the first examples of a set: the truth, the condition, samples of a model with latents, mean predictions.

    Args:
        path: the PNG file.
        model: a `CVAE` or a `Regressor` of images.
        examples: the pair (condition, x).
        title: what the figure shows.
        others: name to a model whose mean prediction to draw beside.
        samples: how many for each condition.

    Returns:
        path: as a `Path`.
    """
    condition, x = (values[:CONDITIONS] for values in examples)
    columns = {"truth": x}
    shown, options = condition_column(model, condition)
    columns |= shown
    if model.latents:
        drawn = np.asarray(model.sample(samples, seed=0, condition=condition))
        columns |= {f"sample {index + 1}": images for index, images in enumerate(drawn)}
    columns["prediction"] = np.asarray(model(condition))
    for name, other in (others or {}).items():
        columns[name] = np.asarray(other(condition))
    return plotting.save_columns(path, columns, title=title, **options)


def condition_column(model, condition) -> tuple[dict[str, np.ndarray], dict]:
    """Returns the column of conditions, if they are images like the examples, and how `plotting.save_columns` tells of
    them: what they hide, or each row's label or first numbers."""
    if model.given is not None:
        return {"condition": condition}, {"hidden": {"condition": ~model.given}}
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
        return {}, {"rows": [f"label {index}" for index in np.argmax(rows, axis=-1)]}
    more = " ..." * (rows.shape[1] > NUMBERS)
    return {}, {"rows": [" ".join(f"{value:.2g}" for value in row[:NUMBERS]) + more for row in rows]}
