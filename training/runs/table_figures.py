"""The figures of a run on the columns of a table: data beside samples, in the units of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tfvae import plotting
from tfvae.training.data import Columns

ROWS = 5000  # at most, of data and of samples


def draw(folder: Path, model: Any, columns: Columns, x: np.ndarray, when: str) -> None:
    """Draws marginals.png, and pairs.png where there are two columns of numbers or more.

    Args:
        folder: where the figures go.
        model: model that is trained, as far as it is.
        columns: columns of the data.
        x: training examples, [N, D], as the model sees them.
        when: the present moment in words.
    """
    x = x[:ROWS]
    drawn = np.asarray(model.sample(len(x), seed=0, mean=False))
    tables = {"training rows": columns.table(x), "samples": columns.table(drawn)}
    title = f"Each column in {len(x):,} training rows and as many samples, {when}"
    plotting.save_marginals(folder / "marginals.png", tables, title=title)
    if sum(not column.categories for column in columns.each) > 1 and len(x) > 1:
        title = f"Pairs of columns and their correlations, in training rows and samples, {when}"
        plotting.save_pairs(folder / "pairs.png", tables, title=title)
