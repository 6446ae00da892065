"""Small models with each flexible posterior and prior, 2 latents under 3 pixels, and log p(x) by quadrature."""

from __future__ import annotations

import functools

import keras
import numpy as np
import tensorflow as tf
from scipy import special

import tfvae
from tfvae import distributions

POSTERIORS = {
    "diagonal": distributions.DiagonalNormal,
    "full": distributions.FullCovarianceNormal,
    "householder": distributions.HouseholderNormal,
    "realnvp": functools.partial(distributions.RealNVP, couplings=2, hidden_size=6, context_size=2),
    "iaf": functools.partial(distributions.InverseAutoregressiveFlow, hidden_size=6, context_size=2),
}
PRIORS = {
    "standard": lambda: distributions.StandardNormal(2),
    "mixture": lambda: distributions.MixturePrior(2, components=3),
    "vamp": lambda: distributions.VampPrior(2, 3, components=3, value_range=(-1.0, 1.0)),
    "realnvp": lambda: distributions.RealNVPPrior(2, couplings=2, hidden_size=6),
}
X = np.random.default_rng(2).normal(size=(3, 3)).astype(np.float32)


def build(posterior="diagonal", prior="standard", *, spread=0.4, **options) -> tfvae.VAE:
    """Returns a model with random weights; its encoder and decoder are linear."""
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=POSTERIORS[posterior](2),
        prior=PRIORS[prior](),
        likelihood=distributions.Normal(3, scale=0.8),
        seed=4,
        **options,
    )
    model.build()
    rng = np.random.default_rng(6)
    for variable in model.trainable_variables:
        variable.assign(spread * rng.standard_normal(variable.shape))
    return model


def widen(model):
    """Makes q(z|x) wide, and nearly the same for each x, so that it covers the posterior whatever its shape."""
    head = model.posterior_head
    base = getattr(head, "base", head)
    loc, scale = base.loc_layer.linear, getattr(base, "scale_layer", getattr(base, "tril_layer", None)).linear
    loc.kernel.assign(0.3 * loc.kernel)
    scale.kernel.assign(0.1 * scale.kernel)
    narrowing = 1.2 if isinstance(head, distributions.InverseAutoregressiveFlow) else 0.0
    scale.bias.assign(0.1 * scale.bias + 0.3 + narrowing)
    return model


def log_marginal(model, x, width=14.0, points=901) -> np.ndarray:
    """Returns log p(x) = log int p(z) p(x|z) dz for each example by the rectangle rule on a square of latents: [B]."""
    axis = np.linspace(-width, width, points)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    z = tf.constant(grid, tf.float32)
    log_prior = model.prior_head.log_prob(model.prior_head.parameters(), z).numpy().astype(np.float64)
    total = special.logsumexp(log_prior) + 2 * np.log(axis[1] - axis[0])
    assert abs(total) < 2e-3, f"the square does not hold the prior: {total}"
    loc, scale = (t.numpy().astype(np.float64) for t in model.likelihood_parameters(z))
    columns = []
    for row in np.asarray(x, np.float64):
        errors = -0.5 * ((row - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2 * np.pi)
        columns.append(special.logsumexp(log_prior + errors.sum(axis=-1)))
    return np.array(columns) + 2 * np.log(axis[1] - axis[0])
