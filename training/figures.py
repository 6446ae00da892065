"""The figures of a run."""

from __future__ import annotations

import keras
import numpy as np

from tfvae import latent, plotting, random
from tfvae.training import data
from tfvae.training.callbacks import Recorder
from tfvae.training.config import Config
from tfvae.training.run_directory import RunDirectory, cannot_write

CODES = 2000  # examples in the latent map
MANIFOLD = 20  # tiles along each side of the manifold grid
ROWS = 4  # of held-out examples, and of samples, whose canvas is drawn step by step


class Painter(keras.callbacks.Callback):
    """Draws samples, reconstructions, loss curves, the latent map, the manifold grid for two latent units, and the
    canvas step by step for a model that has one.

    Args:
        run: whose figures to draw.
        model: a VAE.
        held_out: examples to reconstruct and encode.
        config: how they are binarised and how often to draw during `fit`.
        recorder: keeps the history.
    """

    def __init__(self, run: RunDirectory, model, held_out: data.Split, config: Config, recorder: Recorder):
        super().__init__()
        self._run, self._vae, self._recorder = run, model, recorder
        self._examples = data.binarize_once(held_out.images, config.binarize, config.seed)[:CODES]
        self._labels = None if held_out.labels is None else held_out.labels[:CODES]
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
            self._draw(f"after epoch {len(self._recorder.rows)}")
        except OSError as error:
            raise cannot_write(self._run.figures, error) from error

    def _draw(self, when: str) -> None:
        folder = self._run.figures
        codes = np.asarray(self._vae.encode(self._examples))
        if self._examples.ndim == 2:
            self._draw_points(folder, when)
        else:
            self._draw_images(folder, when)
        plotting.save_loss_curves(folder / "loss_curves.png", self._recorder.rows, title="Training")
        plotting.save_latent_map(
            folder / "latent_map.png",
            codes,
            self._labels,
            title=f"Posterior means of held-out examples, {when}",
        )
        if hasattr(self._vae, "canvases"):
            self._draw_canvases(codes[:ROWS], when)

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

    def _draw_images(self, folder, when: str) -> None:
        plotting.save_image_grid(
            folder / "samples.png",
            np.asarray(self._vae.sample(64, seed=0)),
            title=f"Samples from the prior, {when}",
        )
        plotting.save_reconstructions(
            folder / "reconstructions.png",
            self._examples[:30],
            np.asarray(self._vae.reconstruct(self._examples[:30])),
            title=f"Held-out examples and their reconstructions, {when}",
        )
        if latent.has_manifold(self._vae):
            images, extent = latent.manifold(self._vae, MANIFOLD)
            plotting.save_manifold_grid(
                folder / "manifold.png",
                images,
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
