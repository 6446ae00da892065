"""The variational autoencoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.distributions import Head, kl_divergence, view
from tfvae.models.contract import Latents
from tfvae.models.matching_vae import MatchingVAE
from tfvae.models.particles import PLAIN, Particles, ScoreOptions, sample_and_score
from tfvae.models.parts import serialized, unit_means
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class VAE(MatchingVAE):
    """A variational autoencoder: p(x, z) = p(z) p(x|z), q(z|x), one layer of latent variables.

        encoder, posterior:  x [B, *event_shape] -> features -> q(z|x)
        prior:               p(z)
        decoder, likelihood: z [N, latent_size]  -> features -> p(x|z)

    `fit(x)`, `fit(x, sample_weight=...)` and `fit(dataset)` train it; targets, such as labels, are ignored.

    Args:
        encoder: any Keras layer or model from a batch of examples to a batch of features.
        decoder: any Keras layer or model from a batch of latent vectors to a batch of features.
        posterior: head of q(z|x), e.g. `DiagonalNormal(latent_size)`.
        likelihood: head of p(x|z), e.g. `Bernoulli(event_shape)`.
        prior: head of p(z); `StandardNormal(latent_size)` for None.
        latent_comparison: what codes, draws from q(z) = mean_x q(z|x), are compared with p(z) by in training:
            "mmd" with `kl_weight` below 1 is an InfoVAE, at 0 a WAE-MMD; "non-saturating" with `kl_weight` 0 an
            adversarial autoencoder; or {"name": ..., option: ...}. `fit` reports its value, and a discriminator's loss.
            None compares nothing.
        latent_weight: weight of the comparison in the loss; None for that of `tfvae.comparisons.latent`.
        latent_discriminator: any Keras layer or model from codes [B, latent_size] to one number each; None for a small
            dense network. `compile(discriminator_optimizer=)` sets its optimiser.
        estimator, num_samples, **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if a part is no layer or no head, prior and posterior have different sizes, an argument is out of
            range, the estimator trains q apart from p and a `VampPrior` makes them share parameters, or a comparison
            meets an estimator of another bound than the ELBO.

    Example:
        >>> from tfvae import distributions, networks
        >>> model = VAE(
        ...     networks.MLP([16]),
        ...     networks.MLP([16]),
        ...     posterior=distributions.DiagonalNormal(2),
        ...     likelihood=distributions.Bernoulli(6),
        ... )
        >>> model.compile("adam")
        >>> history = model.fit(tf.ones((8, 6)), epochs=1, verbose=0)
        >>> sorted(history.history)
        ['bound', 'distortion', 'loss', 'rate']
        >>> model.sample(5, seed=1).shape.as_list()
        [5, 6]

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014).
        Rezende, Mohamed, Wierstra: Stochastic backpropagation (2014).
        Zhao, Song, Ermon: InfoVAE: balancing learning and inference in variational autoencoders (2019).
        Tolstikhin et al.: Wasserstein auto-encoders (2018), algorithms 1 and 2.
        Makhzani et al.: Adversarial autoencoders (2016).
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        *,
        posterior: Head,
        likelihood: Head,
        prior: Head | None = None,
        estimator: Any = "elbo",
        num_samples: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder,
            decoder,
            posteriors=[posterior],
            likelihood=likelihood,
            prior=prior,
            estimator=estimator,
            num_samples=num_samples,
            **kwargs,
        )

    def score(
        self, x: Any, encoding: Any, num_samples: int, noise: Noise, options: ScoreOptions = PLAIN
    ) -> Particles:
        """See `Inferential.score`."""
        head = self.posterior_head
        generator = self.generator(x, options.training)
        draw = head.noise_from(noise, "posterior", num_samples)
        z, fixed, log_posterior = sample_and_score(view(head, None), encoding, draw, options.tape)
        log_priors, log_likelihood = self.log_joint_terms(x, generator, (fixed,), options)
        return Particles(
            latents=(z,),
            fixed=(fixed,),
            log_likelihood=log_likelihood,
            log_priors=log_priors,
            log_posteriors=(log_posterior,),
            kl=kl_divergence(head, encoding, self.prior_head, generator.prior)
            if options.analytic_kl
            else None,
            posterior=encoding,
        )

    def log_posterior(self, x: Any, encoding: Any, latents: Latents) -> tf.Tensor:
        """See `Inferential.log_posterior`."""
        return self.posterior_head.log_prob(encoding, latents[0])

    def layer_means(self, x: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.layer_means`."""
        return (unit_means(self.posterior_head, self.posterior_parameters(x), noise, "means", num_samples),)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | serialized(
            encoder=self.encoder,
            decoder=self.decoder,
            posterior=self.posterior_head,
            prior=self.prior_head,
        )
