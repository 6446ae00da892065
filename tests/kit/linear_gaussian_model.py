"""The oracle's linear-Gaussian model built from tfvae's parts, and its gradients as the training step gives them."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow_probability as tfp
from kit import step_gradients
from kit.linear_gaussian import LinearGaussian

import tfvae
from tfvae import distributions


def build(oracle: LinearGaussian, A, c, S, **options) -> tfvae.VAE:
    """Returns a VAE whose joint is the oracle's and whose q(z|x) is N(A x + c, S S^T)."""
    D, L = oracle.W.shape
    diagonal = np.ndim(S) == 1
    head = distributions.DiagonalNormal(L) if diagonal else distributions.FullCovarianceNormal(L)
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=head,
        likelihood=distributions.Normal((D,), scale="learned"),
        **options,
    )
    model.build()
    model.likelihood_head.loc_layer.linear.kernel.assign(oracle.W.T)
    model.likelihood_head.loc_layer.linear.bias.assign(oracle.b)
    model.likelihood_head.log_scale.assign(math.log(oracle.s))
    head.loc_layer.linear.kernel.assign(A.T)
    head.loc_layer.linear.bias.assign(c)
    raw = np.log(S) if diagonal else S - np.diag(np.diag(S)) + np.diag(np.log(np.diag(S)))
    scale_layer = head.scale_layer if diagonal else head.tril_layer
    scale_layer.linear.kernel.assign(np.zeros_like(scale_layer.linear.kernel))
    scale_layer.linear.bias.assign(raw if diagonal else tfp.math.fill_triangular_inverse(raw))
    return model


def parameters(model: tfvae.VAE) -> dict[str, keras.Variable]:
    """Returns the model's variables by the oracle's names of their gradients; kernels are transposed there."""
    head = model.posterior_head
    scale_layer = head.scale_layer if isinstance(head, distributions.DiagonalNormal) else head.tril_layer
    return {
        "W": model.likelihood_head.loc_layer.linear.kernel,
        "b": model.likelihood_head.loc_layer.linear.bias,
        "log_s": model.likelihood_head.log_scale,
        "A": head.loc_layer.linear.kernel,
        "c": head.loc_layer.linear.bias,
        "log_diag_S": scale_layer.linear.bias,
    }


def gradients(model: tfvae.VAE, x, steps: int) -> dict[str, np.ndarray]:
    """Gradients that `train_step` hands to the optimiser at independent steps, as ascent directions.

    Returns:
        samples: oracle's name to [steps, ...].
    """
    return sample(model, x, steps)[0]


def sample(model: tfvae.VAE, x, steps: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns `gradients`, and the metrics of each step by name, [steps]."""
    samples, figures = step_gradients.sample(model, x, parameters(model), steps)
    for name in ("W", "A"):
        samples[name] = samples[name].swapaxes(1, 2)
    return samples, figures
