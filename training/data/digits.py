"""The digits that scikit-learn brings along."""

from __future__ import annotations

import numpy as np

from tfvae.training.data.found import Found
from tfvae.training.data.splitting import permutation

_TEST = 0.2  # fraction in the test set


def read() -> Found:
    """Returns the splits, images [N, 8, 8, 1] in [0, 1] of 17 levels. They are the same at every call."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images, labels = (bunch.images[..., np.newaxis] / 16).astype(np.float32), bunch.target.astype(np.int64)
    order = permutation("digits", 0, len(images))
    cut = round(_TEST * len(images))
    parts = {"train": np.sort(order[cut:]), "test": order[:cut]}
    return Found({split: (images[rows], labels[rows], None) for split, rows in parts.items()})
