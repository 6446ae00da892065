"""The importance weighted autoencoder."""

from __future__ import annotations

from typing import Any

import keras

from tfvae.distributions import Head
from tfvae.models.vae import VAE


@keras.saving.register_keras_serializable(package="tfvae")
class IWAE(VAE):
    """A variational autoencoder trained on the importance-weighted bound

        L_K = E[log (1/K) sum_k p(x, z_k) / q(z_k|x)],  z_1..z_K drawn from q(z|x).

    Args:
        encoder, decoder, posterior, likelihood, prior, **kwargs: see `VAE`.
        num_samples: particles K.
        estimator: "iwae", "dreg", ...; see `tfvae.estimators.names()`.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae import distributions, networks
        >>> model = IWAE(
        ...     networks.MLP([16]),
        ...     networks.MLP([16]),
        ...     posterior=distributions.DiagonalNormal(2),
        ...     likelihood=distributions.Bernoulli(6),
        ...     num_samples=5,
        ...     estimator="dreg",
        ... )
        >>> model.log_weights(tf.ones((8, 6)), num_samples=50, seed=1).shape.as_list()
        [50, 8]

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016).
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        *,
        posterior: Head,
        likelihood: Head,
        prior: Head | None = None,
        estimator: Any = "iwae",
        num_samples: int = 50,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder,
            decoder,
            posterior=posterior,
            likelihood=likelihood,
            prior=prior,
            estimator=estimator,
            num_samples=num_samples,
            **kwargs,
        )
