"""Heads: Keras layers that turn features into a TFP distribution (posterior, prior, likelihood)."""

import keras  # noqa: F401  before all else: see tfvae/registration.py

from tfvae.distributions.bernoulli import Bernoulli, BernoulliPrior
from tfvae.distributions.categorical import OneHotCategorical, OneHotCategoricalPrior
from tfvae.distributions.categorical_pixels import CategoricalPixels
from tfvae.distributions.columns import Columns
from tfvae.distributions.continuous_bernoulli import ContinuousBernoulli
from tfvae.distributions.counts import NegativeBinomial, Poisson, ZeroInflatedPoisson
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.discretized_logistic import DiscretizedLogistic, DiscretizedLogisticMixture
from tfvae.distributions.from_tfp import FromTFP
from tfvae.distributions.full_covariance_normal import FullCovarianceNormal
from tfvae.distributions.head import Head
from tfvae.distributions.heavy_tails import Laplace, StudentT
from tfvae.distributions.householder_normal import HouseholderNormal
from tfvae.distributions.inverse_autoregressive_flow import InverseAutoregressiveFlow
from tfvae.distributions.kl_divergence import kl_divergence
from tfvae.distributions.likelihood_head import LikelihoodHead
from tfvae.distributions.mixture import MixturePrior
from tfvae.distributions.normal import Normal
from tfvae.distributions.positive import Gamma, LogNormal
from tfvae.distributions.posterior_head import PosteriorHead
from tfvae.distributions.prior_head import PriorHead
from tfvae.distributions.real_nvp import RealNVP, RealNVPPrior
from tfvae.distributions.relaxation import view
from tfvae.distributions.standard_normal import StandardNormal
from tfvae.distributions.uniform import Uniform
from tfvae.distributions.vamp_prior import VampPrior

__all__ = [
    "Bernoulli",
    "BernoulliPrior",
    "CategoricalPixels",
    "Columns",
    "ContinuousBernoulli",
    "DiagonalNormal",
    "DiscretizedLogistic",
    "DiscretizedLogisticMixture",
    "FromTFP",
    "FullCovarianceNormal",
    "Gamma",
    "Head",
    "HouseholderNormal",
    "InverseAutoregressiveFlow",
    "Laplace",
    "LikelihoodHead",
    "LogNormal",
    "MixturePrior",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalPrior",
    "Poisson",
    "PosteriorHead",
    "PriorHead",
    "RealNVP",
    "RealNVPPrior",
    "StandardNormal",
    "StudentT",
    "Uniform",
    "VampPrior",
    "ZeroInflatedPoisson",
    "kl_divergence",
    "view",
]


def __dir__() -> list[str]:
    return sorted(__all__)
