"""Tiny models with discrete latents at a point that no symmetry makes easy."""

from __future__ import annotations

import keras
import numpy as np

import tfvae
from tfvae.distributions import Bernoulli, OneHotCategorical

X = np.array([[1, 0, 1], [0, 1, 1]], np.float32)
SHAPES = {"bernoulli": [4], "two-layers": [3, 2], "one-hot": [(2, 3)], "one-hot-two-layers": [(1, 3), 2]}


def head(shape):
    return Bernoulli(shape) if isinstance(shape, int) else OneHotCategorical(shape)


def build(kind="bernoulli", *, pixels=3, scale=1.0, **options) -> tfvae.DiscreteVAE:
    """Returns a sigmoid belief network of `SHAPES[kind]` latents, its weights N(0, scale^2)."""
    keras.utils.set_random_seed(8)
    shapes = SHAPES[kind] if isinstance(kind, str) else kind
    model = tfvae.DiscreteVAE(
        [keras.layers.Identity() for _ in shapes],
        [keras.layers.Identity() for _ in shapes],
        posteriors=[head(shape) for shape in shapes],
        likelihood=Bernoulli(pixels),
        **options,
    )
    model.build()
    rng = np.random.default_rng(8)
    for part in groups(model).values():
        for variable in part.values():
            variable.assign(scale * rng.standard_normal(variable.shape))
    return model


def groups(model) -> dict[str, dict[str, keras.Variable]]:
    """Returns the variables of the encoder, decoder and prior by name."""
    parts = {
        "encoder": [*model.encoders, *model.posterior_heads],
        "decoder": [*model.decoders, *model.conditional_heads, model.likelihood_head],
        "prior": [model.prior_head],
    }
    return {
        group: {
            f"{group} {index} {variable.name}": variable
            for index, layer in enumerate(layers)
            for variable in layer.trainable_variables
        }
        for group, layers in parts.items()
    }


def variables(model) -> dict[str, keras.Variable]:
    """Returns the variables of all groups by name."""
    return {name: variable for part in groups(model).values() for name, variable in part.items()}
