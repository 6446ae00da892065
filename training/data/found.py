"""What the reader of a source finds there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfvae.training.data.columns import Columns

WHOLE = "whole"
Arrays = tuple[np.ndarray, np.ndarray | None, np.ndarray | None]


@dataclass(frozen=True)
class Found:
    """Examples as a source holds them.

    Attributes:
        splits: images [N, H, W, C] as stored, or vectors [N, D]; labels, int64 [N] or None; conditions, float32
            [N, ...] or None. Under "train", "test" and, if the source has one, "validation"; or all of them under
            `WHOLE` if the source does not say which are for the test.
        columns: columns of vectors that may be standardised; None for images, and for vectors that stay as they are.
        label_names: name of each class; empty where classes have none.
    """

    splits: Mapping[str, Arrays]
    columns: Columns | None = None
    label_names: tuple[str, ...] = ()
