"""Discrete latent variables."""

from __future__ import annotations

from typing import Any

import keras

from tfvae.distributions import Bernoulli, BernoulliPrior, Head, OneHotCategorical, OneHotCategoricalPrior
from tfvae.models.hierarchical import HierarchicalVAE
from tfvae.models.layered import check_lists


@keras.saving.register_keras_serializable(package="tfvae")
class DiscreteVAE(HierarchicalVAE):
    """One or more layers of Bernoulli or one-hot latent variables, trained by a score-function estimator.

    With `Identity` for every encoder and decoder it is a sigmoid belief network.

    Args:
        encoders, decoders, posteriors, likelihood: see `HierarchicalVAE`; posteriors are `Bernoulli` or
            `OneHotCategorical` heads.
        conditionals: see `HierarchicalVAE`; heads like the posteriors for None.
        prior: `BernoulliPrior` or `OneHotCategoricalPrior`, like the top posterior, for None.
        estimator: "vimco", "nvil", "reinforce", "relaxed" or "rws".
        num_samples: particles K.
        **kwargs: see `LatentVariableModel`.

    Example:
        >>> from tfvae import distributions, networks
        >>> model = DiscreteVAE(
        ...     [networks.MLP([16])],
        ...     [networks.MLP([16])],
        ...     posteriors=[distributions.Bernoulli(4)],
        ...     likelihood=distributions.Bernoulli(6),
        ... )
        >>> model.estimator.name, model.num_samples, model.latent_kinds
        ('vimco', 5, ('discrete',))

    References:
        Mnih, Gregor: Neural variational inference and learning in belief networks (2014).
        Mnih, Rezende: Variational inference for Monte Carlo objectives (2016).
    """

    latents = "discrete"

    def __init__(
        self,
        encoders: list[Any],
        decoders: list[Any],
        *,
        posteriors: list[Head],
        likelihood: Head,
        conditionals: list[Head] | None = None,
        prior: Head | None = None,
        estimator: Any = "vimco",
        num_samples: int = 5,
        **kwargs: Any,
    ) -> None:
        check_lists({"posteriors": posteriors})
        if conditionals is None:
            conditionals = [_like(head, Bernoulli, OneHotCategorical) for head in posteriors[:-1]]
        if prior is None and posteriors:
            prior = _like(posteriors[-1], BernoulliPrior, OneHotCategoricalPrior)
        super().__init__(
            encoders,
            decoders,
            posteriors=posteriors,
            conditionals=conditionals,
            likelihood=likelihood,
            prior=prior,
            estimator=estimator,
            num_samples=num_samples,
            **kwargs,
        )


def _like(head: Head, bernoulli: type[Head], categorical: type[Head]) -> Head:
    return (categorical if isinstance(head, OneHotCategorical) else bernoulli)(head.event_shape)
