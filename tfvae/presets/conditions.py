"""What a model of images may be conditioned on, by name.

none      nothing
column    the centre column of the image
quadrant  the lower left quadrant of the image
label     the class, as a one-hot vector
array     what FILE.npz holds for each image beside it: c_train, c_test and, with x_valid, c_valid
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tfvae.checks import one_of

if TYPE_CHECKING:
    import numpy as np

KINDS = ("none", "column", "quadrant", "label", "array")


def mask(kind: str, image_shape: tuple[int, ...]) -> np.ndarray | None:
    """Returns the mask of the pixels that a condition shows.

        column     the centre column, W // 2 counted from 0
        quadrant   the lower left quadrant: rows from H // 2 on, columns before W // 2

    Args:
        kind: one of `KINDS`.
        image_shape: shape of the images, (H, W, C).

    Returns:
        visible: [H, W, C], booleans, the same for every image; None for a condition that is not part of the image.

    Raises:
        UserError: if the kind is unknown.
    """
    one_of("condition", kind, KINDS)
    if kind not in ("column", "quadrant"):
        return None
    import numpy as np

    height, width, _ = image_shape
    visible = np.zeros(image_shape, bool)
    if kind == "column":
        visible[:, width // 2] = True
    else:
        visible[height // 2 :, : width // 2] = True
    return visible
