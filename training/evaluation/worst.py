"""The step of an evaluation that shows what a generator cannot make: least likely images and its closest samples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tfvae.training.evaluation.annealing import AnnealingSettings
from tfvae.training.evaluation.task import Task
from tfvae.training.runs.directory import RunDirectory, writing

if TYPE_CHECKING:
    from tfvae.evaluation import AnnealedImportance

SHOWN = 12  # images


def figure_file(run: RunDirectory, plain_weights: bool) -> Path:
    """Returns the file of the figure, for the weights that were evaluated."""
    return run.figures / f"closest{'-plain' * plain_weights}.png"


def draw(task: Task, settings: AnnealingSettings, estimate: AnnealedImportance) -> Path:
    """Draws the images of the lowest log p(x), and below each the sample of a chain that was annealed to it.

    Args:
        task: an implicit model, and examples that are images.
        settings: how to anneal.
        estimate: log p(x) of the examples.

    Returns:
        path: the figure, in the run's folder of figures.

    Raises:
        UserError: if it cannot be written.
    """
    from tfvae import evaluation, plotting

    worst = np.argsort(estimate.log_prob)[:SHOWN]
    some = task.examples[worst]
    chains = settings.num_temperatures, settings.num_chains
    found = evaluation.closest_samples(task.model, some, *chains, seed=task.seed)
    path = figure_file(task.run, task.plain_weights)
    task.run.make_folders()
    with writing(path):
        return plotting.save_rows(
            path,
            np.clip(np.stack([some.x, found.samples]), 0.0, 1.0),
            [f"{task.split} image", "closest sample"],
            title=f"The {len(some)} least likely of {len(task.examples)} {task.split} images, "
            "and what the generator makes in their place",
        )
