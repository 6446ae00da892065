"""Codes of examples, and the models that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError
from tfvae.evaluation.examples import as_examples
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Generative

if TYPE_CHECKING:
    from tfvae.models import LatentVariableModel

BLOCK = 500  # examples encoded at a time


def encode(model: LatentVariableModel, x: ArrayLike) -> np.ndarray:
    """Returns the posterior means of examples [N, *event_shape]: [N, latent_size]. They are encoded in blocks."""
    x = as_examples(model, x).x
    return np.concatenate([np.asarray(model.encode(x[i : i + BLOCK])) for i in range(0, len(x), BLOCK)])


def code_of(model: LatentVariableModel, x: ArrayLike) -> np.ndarray:
    """Returns the codes of examples [N, *event_shape], or that of one example [*event_shape]."""
    x = np.asarray(x)
    return encode(model, x[np.newaxis])[0] if x.ndim == len(model.event_shape) else encode(model, x)


def decode(model: LatentVariableModel, codes: np.ndarray) -> np.ndarray:
    """Returns the means of p(x|z) of codes [..., latent_size]: [..., *event_shape]. They are decoded in blocks."""
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
