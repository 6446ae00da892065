"""Tools for the latent space of a model: interpolation, attribute vectors, manifold grids and traversals.

All functions take a model with continuous latents and no condition, such as `VAE` or `IWAE`. A code is a row of
`model.encode(x)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, number_in, one_of, positive_int
from tfvae.distributions import StandardNormal
from tfvae.evaluation.activity import active_units
from tfvae.evaluation.examples import as_examples
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Generative

if TYPE_CHECKING:
    from tfvae.models import LatentVariableModel

__all__ = [
    "METHODS",
    "attribute_vector",
    "by_activity",
    "check",
    "edit",
    "encode",
    "has_manifold",
    "interpolate",
    "is_continuous",
    "manifold",
    "path",
    "traverse",
]

METHODS = ("linear", "spherical")
BLOCK = 500  # examples encoded at a time
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
    return _decode(model, path(_code(model, start), _code(model, end), steps, method))


def attribute_vector(model: LatentVariableModel, x: np.ndarray, has: ArrayLike) -> np.ndarray:
    """Returns the direction of an attribute: the mean code of examples with it minus that of examples without it.

    Args:
        model: model with continuous latents.
        x: examples, [N, *event_shape].
        has: True for examples with the attribute, [N] booleans.

    Returns:
        attribute: [latent_size], float32.

    Raises:
        UserError: if `has` does not fit the examples, or all or none of them have the attribute.

    References:
        Larsen, Sonderby, Larochelle, Winther: Autoencoding beyond pixels using a learned similarity metric (2016),
        section 4.1.
    """
    check(model)
    has = np.asarray(has)
    if has.shape != (len(x),) or has.dtype != bool:
        raise UserError(
            "the attribute does not fit the examples",
            expected=f"{len(x)} booleans",
            received=f"shape {has.shape}, {has.dtype}",
        )
    if has.all() or not has.any():
        raise UserError(
            "an attribute needs examples with it and examples without",
            expected="at least one of each",
            received=f"{has.sum()} with and {(~has).sum()} without",
        )
    codes = encode(model, x).astype(np.float64)
    return (codes[has].mean(axis=0) - codes[~has].mean(axis=0)).astype(np.float32)


def edit(model: LatentVariableModel, x: ArrayLike, attribute: ArrayLike, strength: float) -> np.ndarray:
    """Reconstructs examples with an attribute added: decode(encode(x) + strength attribute).

    Args:
        model: model with continuous latents.
        x: examples, [N, *event_shape].
        attribute: direction from `attribute_vector`, [latent_size].
        strength: factor of the direction; a negative one takes the attribute away.

    Returns:
        x: edited examples, [N, *event_shape].

    Raises:
        UserError: if the attribute is not one code.
    """
    check(model)
    attribute = np.asarray(attribute, np.float32)
    if attribute.shape != (model.latent_size,):
        raise UserError(
            "the attribute is not a code of the model",
            expected=(model.latent_size,),
            received=attribute.shape,
        )
    strength = number_in("strength", strength, -np.inf)
    return _decode(model, encode(model, x) + strength * attribute)


def manifold(model: LatentVariableModel, side: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Decodes a grid over a two-dimensional latent space, equally spaced in probability under the prior.

    The coordinates are the prior's quantiles at (i + 1/2) / side, i = 0 .. side - 1.

    Args:
        model: model with one layer of two latent units and the prior `StandardNormal`.
        side: number of tiles along each axis, at least 2.

    Returns:
        x: means of p(x|z), [side, side, *event_shape]. z0 grows with the second index, z1 falls with the first.
        extent: lowest and highest coordinate, in latent units.

    Raises:
        UserError: if the model has other latents or another prior, or `side` < 2.

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014), appendix A.
    """
    check(model)
    if positive_int("side", side) < 2:
        raise UserError("a grid has two sides", expected="side >= 2", received=side)
    if not has_manifold(model):
        raise UserError(
            "the model has no two-dimensional latent space to draw",
            expected="one layer of two latent units with the prior StandardNormal",
            received=f"{len(model.posterior_heads)} layers, {model.latent_size} units in the first, "
            f"the prior {type(model.prior_head).__name__}",
        )
    head = model.prior_head
    probability = (np.arange(side, dtype=np.float32)[:, np.newaxis] + 0.5) / side
    across, up = np.asarray(head.factors(head.parameters()).quantile(probability)).T
    codes = np.stack(np.meshgrid(across, up[::-1]), axis=-1)
    return _decode(model, codes), (float(across[0]), float(across[-1]))


def has_manifold(model: LatentVariableModel) -> bool:
    """Returns whether `manifold` can draw the model's latent space."""
    return (
        is_continuous(model)
        and len(model.posterior_heads) == 1
        and model.latent_size == 2
        and isinstance(model.prior_head, StandardNormal)
    )


def by_activity(model: LatentVariableModel, data: Any) -> np.ndarray:
    """Returns the numbers of the latent units, the most active first.

    The activity of unit j is Var_x(E[z_j|x]), see `tfvae.evaluation.active_units`.

    Args:
        model: model with continuous latents.
        data: examples, as `model.evaluate` takes them.

    Returns:
        units: [latent_size], integers.
    """
    check(model)
    return np.argsort(-active_units(model, data).variance[: model.latent_size], kind="stable")


def traverse(
    model: LatentVariableModel,
    x: ArrayLike,
    units: ArrayLike,
    low: float = -3.0,
    high: float = 3.0,
    steps: int = 9,
) -> np.ndarray:
    """Decodes the code of one example while one unit at a time moves from `low` to `high`.

    Args:
        model: model with continuous latents.
        x: one example, [*event_shape].
        units: numbers of the latent units to move, such as the first of `by_activity`.
        low, high: first and last value of the unit, in latent units.
        steps: number of values, at least 2.

    Returns:
        x: means of p(x|z), [len(units), steps, *event_shape].

    Raises:
        UserError: if the model has no such unit, the range does not ascend, or `steps` < 2.
    """
    check(model)
    units = np.atleast_1d(np.asarray(units))
    if not units.size or units.dtype.kind not in "iu" or units.min() < 0 or units.max() >= model.latent_size:
        raise UserError(
            "there is no such latent unit",
            expected=f"at least one of 0 to {model.latent_size - 1}",
            received=units.tolist(),
        )
    if positive_int("steps", steps) < 2:
        raise UserError("a traversal has two ends", expected="steps >= 2", received=steps)
    if not number_in("low", low, -np.inf) < number_in("high", high, -np.inf):
        raise UserError("the range does not ascend", expected="low < high", received=f"{low} to {high}")
    code = encode(model, np.asarray(x)[np.newaxis])[0]
    codes = np.tile(code, (len(units), steps, 1))
    for row, unit in enumerate(units):
        codes[row, :, unit] = np.linspace(low, high, steps)
    return _decode(model, codes)


def encode(model: LatentVariableModel, x: ArrayLike) -> np.ndarray:
    """Returns the posterior means of examples [N, *event_shape]: [N, latent_size]. They are encoded in blocks."""
    x = as_examples(model, x).x
    return np.concatenate([np.asarray(model.encode(x[i : i + BLOCK])) for i in range(0, len(x), BLOCK)])


def _code(model: LatentVariableModel, x: ArrayLike) -> np.ndarray:
    """Returns the codes of examples [N, *event_shape], or that of one example [*event_shape]."""
    x = np.asarray(x)
    return encode(model, x[np.newaxis])[0] if x.ndim == len(model.event_shape) else encode(model, x)


def _decode(model: LatentVariableModel, codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes, np.float32)
    flat = codes.reshape(-1, model.latent_size)
    blocks = [np.asarray(model.decode(flat[i : i + BLOCK])) for i in range(0, len(flat), BLOCK)]
    return np.concatenate(blocks).reshape(*codes.shape[:-1], *model.event_shape)


def check(model: Any) -> None:
    """Raises a `UserError` unless a model has continuous latents and no condition."""
    if isinstance(model, Conditional):
        raise UserError(
            "the latents of a conditional model mean something else for each condition",
            expected="a model without a condition, such as VAE or IWAE",
            received=type(model).__name__,
        )
    if not is_continuous(model):
        kinds = sorted(set(model.latent_kinds)) if isinstance(model, Generative) else ["none"]
        raise UserError(
            "the model has no continuous latents",
            expected="such as VAE or IWAE",
            received=f"{type(model).__name__}, whose latents are {' and '.join(kinds)}",
        )


def is_continuous(model: Any) -> bool:
    """Returns whether a model generates from continuous latents alone."""
    return isinstance(model, Generative) and set(model.latent_kinds) == {"continuous"}


def __dir__() -> list[str]:
    return sorted(__all__)
