"""Images or vectors from an .npy file, which holds one array."""

from __future__ import annotations

from tfvae.training.data import arrays, values
from tfvae.training.data.columns import Columns
from tfvae.training.data.found import WHOLE, Found


def read(path: str) -> Found:
    """Reads an .npy file, without a split and without labels.

    Args:
        path: file with images [N, H, W] or [N, H, W, C], or vectors [N, D].

    Raises:
        UserError: if the file is missing or damaged, or its array has a wrong dtype or rank, is empty, or has values
            that are not finite.
    """
    examples = values.examples(f"the array of {path}", arrays.read_array(path))
    columns = Columns.numbered(examples.shape[1]) if examples.ndim == 2 else None
    return Found({WHOLE: (examples, None, None)}, columns)
