"""The figures of a run."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from tfvae import plotting
from tfvae.training.run_directory import RunDirectory

CODES = 2000  # examples in the latent map


def draw(
    run: RunDirectory, model, examples: np.ndarray, labels: np.ndarray | None, history, when: str
) -> None:
    """Draws samples, reconstructions, loss curves, the latent map and, for two latent units, the manifold grid.

    Args:
        run: where to.
        model: a VAE.
        examples: held-out examples, binarised once: [N, H, W, C].
        labels: [N], or None.
        history: a row of metrics for each epoch.
        when: how far training has come, for the titles.
    """
    folder = run.figures
    codes = np.asarray(model.encode(examples[:CODES]))
    plotting.save_image_grid(
        folder / "samples.png", np.asarray(model.sample(64, seed=0)), title=f"Samples from the prior, {when}"
    )
    plotting.save_reconstructions(
        folder / "reconstructions.png",
        examples[:30],
        np.asarray(model.reconstruct(examples[:30])),
        title=f"Held-out examples and their reconstructions, {when}",
    )
    plotting.save_loss_curves(folder / "loss_curves.png", history, title="Training")
    plotting.save_latent_map(
        folder / "latent_map.png",
        codes,
        None if labels is None else labels[: len(codes)],
        title=f"Posterior means of held-out examples, {when}",
    )
    if model.latent_size == 2:
        side = 20
        quantiles = np.array([NormalDist().inv_cdf((i + 0.5) / side) for i in range(side)], np.float32)
        grid = np.stack(np.meshgrid(quantiles, quantiles[::-1]), axis=-1)
        plotting.save_manifold_grid(
            folder / "manifold.png",
            np.asarray(model.decode(grid)),
            title=f"Decoded quantiles of the prior, {when}",
            extent=(quantiles[0], quantiles[-1]),
        )
