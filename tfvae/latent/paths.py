"""Paths between codes, and what is decoded along them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, one_of, positive_int
from tfvae.latent.codes import check, code_of, decode

if TYPE_CHECKING:
    from tfvae.models import LatentVariableModel

METHODS = ("linear", "spherical")
PARALLEL = 1e-4  # radians: directions closer than this count as equal, or as opposite


def path(start: ArrayLike, end: ArrayLike, steps: int, method: str = "linear") -> np.ndarray:
    """Returns codes from `start` to `end` in equal steps t = 0 .. 1.

        linear:     (1 - t) start + t end
        spherical:  directions along the great circle, (sin((1 - t) a) u + sin(t a) v) / sin(a) for unit vectors u, v
                    and the angle a between them; lengths (1 - t) |start| + t |end|

    Args:
        start, end: codes, [..., latent_size].
        steps: number of codes, both ends included, at least 2.
        method: "linear" or "spherical".

    Returns:
        codes: [steps, ..., latent_size], float32.

    Raises:
        UserError: if the codes differ in size, `steps` < 2 or the method is unknown. Also if an end of a spherical path
            has length 0, or its ends are opposite, so that no arc is the shortest.

    Example:
        >>> path([0.0, 0.0], [1.0, 2.0], steps=3).tolist()
        [[0.0, 0.0], [0.5, 1.0], [1.0, 2.0]]

    References:
        Shoemake: Animating rotation with quaternion curves (1985), equation for Slerp.
        White: Sampling generative networks (2016), section 2.1 (for latent codes).
    """
    start, end = np.asarray(start, np.float64), np.asarray(end, np.float64)
    if start.shape != end.shape or not start.ndim:
        raise UserError("the codes differ in size", expected=start.shape, received=end.shape)
    if positive_int("steps", steps) < 2:
        raise UserError("a path has two ends", expected="steps >= 2", received=steps)
    t = np.linspace(0.0, 1.0, steps).reshape(-1, *[1] * start.ndim)
    if one_of("method", method, METHODS) == "linear":
        return ((1.0 - t) * start + t * end).astype(np.float32)
    lengths = [np.linalg.norm(code, axis=-1, keepdims=True) for code in (start, end)]
    if min(length.min() for length in lengths) == 0.0:
        raise UserError("a code of length 0 has no direction", expected="the linear method or other codes")
    u, v = start / lengths[0], end / lengths[1]
    angle = 2.0 * np.arctan2(
        np.linalg.norm(u - v, axis=-1, keepdims=True), np.linalg.norm(u + v, axis=-1, keepdims=True)
    )
    if (np.pi - angle).min() < PARALLEL:
        raise UserError("opposite codes have no shortest arc", expected="the linear method or other codes")
    with np.errstate(divide="ignore", invalid="ignore"):
        arc = (np.sin((1.0 - t) * angle) * u + np.sin(t * angle) * v) / np.sin(angle)
    direction = np.where(angle < PARALLEL, (1.0 - t) * u + t * v, arc)
    return (((1.0 - t) * lengths[0] + t * lengths[1]) * direction).astype(np.float32)


def interpolate(
    model: LatentVariableModel, start: ArrayLike, end: ArrayLike, steps: int, method: str = "linear"
) -> np.ndarray:
    """Decodes the path from the code of one example to that of another. For a path between codes see `path`.

    Args:
        model: model with continuous latents.
        start, end: examples, [N, *event_shape], or one example each, [*event_shape].
        steps: number of codes, both ends included, at least 2.
        method: "linear" or "spherical", see `path`.

    Returns:
        x: means of p(x|z) along the paths, [steps, N, *event_shape]; [steps, *event_shape] for one example.

    Raises:
        UserError: as `path`, or if the model has no continuous latents.
    """
    check(model)
    return decode(model, path(code_of(model, start), code_of(model, end), steps, method))
