"""Figures drawn from NumPy arrays, without TensorFlow.

A function `save_...` writes a PNG file, without pyplot, and returns its path. It writes the file completely or not at
all: if it fails, the figure of an earlier epoch remains. A function `draw_...` draws into the axes that it is given, or
into those of a new figure of pyplot, which a notebook shows, and returns the axes.
"""

from tfvae.plotting.bars import save_effective_sizes, save_unit_variances
from tfvae.plotting.canvas import save_canvases
from tfvae.plotting.curves import draw_loss_curves, save_loss_curves
from tfvae.plotting.game import save_game_curves, save_outputs
from tfvae.plotting.images import (
    MAX_IMAGES,
    draw_image_grid,
    save_columns,
    save_image_grid,
    save_reconstructions,
)
from tfvae.plotting.latent_map import draw_latent_map, save_latent_map
from tfvae.plotting.manifold import save_manifold_grid
from tfvae.plotting.plane import save_densities, save_point_panels
from tfvae.plotting.points import draw_points, save_points
from tfvae.plotting.rate_distortion import save_rate_distortion
from tfvae.plotting.rows import save_rows
from tfvae.plotting.tables import save_marginals, save_pairs

__all__ = [
    "MAX_IMAGES",
    "draw_image_grid",
    "draw_latent_map",
    "draw_loss_curves",
    "draw_points",
    "save_canvases",
    "save_columns",
    "save_densities",
    "save_effective_sizes",
    "save_game_curves",
    "save_image_grid",
    "save_latent_map",
    "save_loss_curves",
    "save_manifold_grid",
    "save_marginals",
    "save_outputs",
    "save_pairs",
    "save_point_panels",
    "save_points",
    "save_rate_distortion",
    "save_reconstructions",
    "save_rows",
    "save_unit_variances",
]


def __dir__() -> list[str]:
    return sorted(__all__)
