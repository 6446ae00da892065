"""Heads: Keras layers that turn features into a TFP distribution (posterior, prior, likelihood)."""

from tfvae.distributions.bernoulli import Bernoulli
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.full_covariance_normal import FullCovarianceNormal
from tfvae.distributions.head import Head, kl_divergence
from tfvae.distributions.normal import Normal
from tfvae.distributions.standard_normal import StandardNormal

__all__ = [
    "Bernoulli",
    "DiagonalNormal",
    "FullCovarianceNormal",
    "Head",
    "Normal",
    "StandardNormal",
    "kl_divergence",
]
