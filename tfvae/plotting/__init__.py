"""Figures as PNG files: NumPy arrays in, files out, no pyplot and no TensorFlow.

Every function writes its file whole or not at all, so that the figure of an earlier epoch outlives a failed
one, and returns the path.
"""

from tfvae.plotting.bars import save_effective_sizes, save_unit_variances
from tfvae.plotting.canvas import save_canvases
from tfvae.plotting.curves import save_loss_curves
from tfvae.plotting.images import (
    MAX_IMAGES,
    save_columns,
    save_image_grid,
    save_manifold_grid,
    save_reconstructions,
)
from tfvae.plotting.latent_map import save_latent_map
from tfvae.plotting.points import save_points
from tfvae.plotting.rate_distortion import save_rate_distortion
from tfvae.plotting.rows import save_rows

__all__ = [
    "MAX_IMAGES",
    "save_canvases",
    "save_columns",
    "save_effective_sizes",
    "save_image_grid",
    "save_latent_map",
    "save_loss_curves",
    "save_manifold_grid",
    "save_points",
    "save_rate_distortion",
    "save_reconstructions",
    "save_rows",
    "save_unit_variances",
]
