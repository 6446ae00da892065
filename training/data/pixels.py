"""What the numbers of images mean: bytes, or shares of full brightness."""

from __future__ import annotations

import numpy as np

from tfvae.checks import UserError


def in_range(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns all splits as uint8 in 0..255 or float32 in [0, 1], with one scale for all.

    Args:
        name: name of the data set in messages.
        arrays: split to images [N, H, W, C].

    Raises:
        UserError: if pixels are outside both ranges, or splits are scaled differently.
    """
    lowest = min(images.min() for images in arrays.values())
    highest = {split: images.max() for split, images in arrays.items()}
    high = max(highest.values())
    overshoot = 1 < high < 2 and any(images.dtype.kind == "f" for images in arrays.values())
    if not (lowest >= 0 and high <= 255) or overshoot:
        raise UserError(
            f"pixels of {name} are out of range",
            expected="all in [0, 1] or all in [0, 255]",
            received=f"minimum {lowest:g}, maximum {high:g}",
        )
    if high <= 1:
        return {split: images.astype(np.float32) for split, images in arrays.items()}
    if any(0 < top <= 1 for top in highest.values()):
        raise UserError(
            f"the splits of {name} are scaled differently",
            expected="all in [0, 1] or all in [0, 255]",
            received=", ".join(f"{split} up to {top:g}" for split, top in highest.items()),
        )
    return {
        split: images.astype(np.float32) / 255 if images.dtype.kind == "f" else images.astype(np.uint8)
        for split, images in arrays.items()
    }
