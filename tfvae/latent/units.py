"""Latent units one by one, or two of them as a plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, number_in, positive_int
from tfvae.distributions import StandardNormal
from tfvae.evaluation.activity import active_units
from tfvae.latent.codes import check, decode, encode, is_continuous

if TYPE_CHECKING:
    from tfvae.models import LatentVariableModel


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
    return decode(model, codes), (float(across[0]), float(across[-1]))


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
    return decode(model, codes)
