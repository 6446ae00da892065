"""Directions of an attribute in the latent space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, number_in
from tfvae.latent.codes import check, decode, encode

if TYPE_CHECKING:
    from tfvae.models import LatentVariableModel


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
    return decode(model, encode(model, x) + strength * attribute)
