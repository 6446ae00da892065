"""The conditional variational autoencoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.checks import UserError
from tfvae.distributions import LikelihoodHead, PosteriorHead, PriorHead
from tfvae.distributions.head import Parameters
from tfvae.models.conditional import Conditional, Pair, flat, join
from tfvae.models.contract import Generator, Latents
from tfvae.models.parts import check_parts, serialized, training_option
from tfvae.models.symbolic import takes_keras_tensors
from tfvae.models.vae import VAE
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class CVAE(Conditional, VAE):
    """A conditional variational autoencoder: p(x, z | c) = p(z|c) p(x|z, c), q(z|x, c), c the condition, with

        log p(x|c) >= E_q(z|x,c)[log p(x|z, c)] - KL(q(z|x, c) || p(z|c)).

        condition_network:   c [B, *condition_shape] -> features [B, ...]
        prior:               features -> p(z|c), or p(z) for a head without features
        decoder, likelihood: z joined with the features, a vector -> features -> p(x|z, c)
        encoder, posterior:  x joined with c -> features -> q(z|x, c)

    x and c are joined along the channels where both are images of one size, otherwise as vectors. With `visible`
    the encoder sees x alone, which holds the condition.

    `fit(condition, x)` or `fit(dataset of (condition, x))` trains it; `predict(condition)` and the model called on
    conditions give the likelihood's mean at the prior's mean of z. Every other method takes `condition=`.

    Args:
        encoder: any Keras layer or model from x joined with the condition to a batch of features.
        decoder: any Keras layer or model from vectors of z and the condition's features to a batch of features.
        condition_shape: of one condition: an image, a vector, a one-hot label.
        condition_network: any Keras layer or model from a batch of conditions to their features; None for none.
        visible: mask [*event_shape] of the values of x that the condition shows, see `Conditional`; None if the
            condition is not a part of x.
        posterior: head of q(z|x, c), e.g. `DiagonalNormal(latent_size)`.
        likelihood: head of p(x|z, c), e.g. `Bernoulli(event_shape)`; with `visible`, over the vector of hidden values.
        prior: head of p(z|c): `DiagonalNormal(latent_size)` learns it from the condition; `StandardNormal`, or None,
            fixes it.
        estimator, num_samples, **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if parts do not fit each other or an argument is out of range.

    Example:
        >>> import tensorflow as tf
        >>> from tfvae import distributions, networks
        >>> model = CVAE(
        ...     networks.MLP([16]),
        ...     networks.MLP([16]),
        ...     condition_shape=10,
        ...     posterior=distributions.DiagonalNormal(2),
        ...     prior=distributions.DiagonalNormal(2),
        ...     likelihood=distributions.Bernoulli(6),
        ... )
        >>> model.elbo(tf.ones((3, 6)), condition=tf.one_hot([7, 7, 1], 10)).shape.as_list()
        [3]

    References:
        Sohn, Lee, Yan: Learning structured output representation using deep conditional generative models (2015).
        Doersch: Tutorial on variational autoencoders (2016), with the column of MNIST digits.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        *,
        condition_shape: Any,
        posterior: PosteriorHead,
        likelihood: LikelihoodHead,
        condition_network: Any = None,
        visible: Any = None,
        prior: PriorHead | PosteriorHead | None = None,
        estimator: Any = "elbo",
        num_samples: int = 1,
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
        self.condition_on(condition_shape, visible, likelihood)
        network = keras.layers.Identity() if condition_network is None else condition_network
        check_parts(keras.layers.Layer, "a Keras layer or model", {"condition_network": network})
        self.condition_network = network

    def check_latent_comparison(self) -> None:
        """Raises a `UserError`: each condition has a p(z|c) of its own."""
        raise UserError(
            "codes of examples with different conditions have no one prior to be compared with",
            expected="latent_comparison=None, or a model without a condition",
            received=type(self).__name__,
        )

    def check_prior(self, prior: PriorHead | PosteriorHead) -> None:
        """See `BaseVAE.check_prior`: the prior may take features, those of the condition."""
        if isinstance(prior, PriorHead) and prior.mixes_posterior:
            raise UserError(
                "a VampPrior mixes posteriors of examples alone",
                expected="a model without a condition",
                received=type(self).__name__,
                fix="choose DiagonalNormal, which learns p(z|condition), or MixturePrior",
            )

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        condition = tf.zeros((1, *self.condition_shape))
        example = Pair(condition, tf.zeros((1, *self.event_shape)))
        self.posterior_parameters(example)
        self.call(condition)
        if self.estimator.analytic_kl:
            self._check_closed_form(example)

    def call(self, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the mean prediction E[x | z = E[z|c], c]: [B, *event_shape]."""
        features = self._features(condition, training)
        mean = self.prior_head.mean(self._prior_parameters(features))
        z = tf.broadcast_to(mean, [tf.shape(features)[0], *self.prior_head.event_shape])
        return self._mean_of(self._parameters(z, features, training), condition)

    def prior(self, condition: Any = None) -> tfp.distributions.Distribution:
        """Returns p(z|c), a TFP distribution with batch shape [B], or [] for a fixed prior."""
        features = self._features(self.check_condition(condition))
        return self.prior_head.distribution(self._prior_parameters(features))

    def likelihood(self, z: Any, condition: Any = None) -> tfp.distributions.Distribution:
        """Returns p(x|z, c), with the batch shape of z [..., B, latent_size] and event shape of x; with `visible`,
        of the vector of hidden values."""
        features = self._features(self.check_condition(condition))
        return self.likelihood_head.distribution(self._parameters(self._check_latents(z), features))

    @takes_keras_tensors
    def decode(self, z: Any, condition: Any = None) -> tf.Tensor:
        """Returns the likelihood mean E[x|z, c] of z [..., B, latent_size]: [..., B, *event_shape]."""
        condition = self.check_condition(condition)
        return self._mean_of(self._parameters(self._check_latents(z), self._features(condition)), condition)

    def sample_latents(self, noise: Noise, condition: Any = None) -> tf.Tensor:
        """Returns one draw from p(z|c) for each row of a `tfvae.random.Noise` and of the conditions."""
        p = self._prior_parameters(self._features(self.check_condition(condition)))
        return self.draw_layers(p, lambda head, stream: head.noise_from(noise, stream)[0])[0]

    def draw_parameters(self, noise: Noise, condition: tf.Tensor) -> Parameters:
        """Returns the likelihood's parameters for one draw from p(z|c) for each checked condition."""
        return self._parameters(self.sample_latents(noise, condition), self._features(condition))

    def generator(self, x: Pair, training: bool = False) -> Generator:
        """See `Generative.generator`: p(z|c), and p(x|z, c) as a function of z."""
        features = self._features(x.condition, training)

        def likelihood(z: tf.Tensor) -> Parameters:
            return self._parameters(z, features, training)

        return Generator(self._prior_parameters(features), likelihood)

    def simulate(self, x: Pair, generator: Generator, latents: Latents, noise: Noise) -> tf.Tensor:
        """See `Generative.simulate`; visible values are those of the condition."""
        return self.complete(super().simulate(x, generator, latents, noise), x.condition)

    def posterior_parameters(self, x: Pair, training: bool = False) -> Parameters:
        """Returns the parameters of q(z|x, c) for a `Pair`: tensors [B, ...]."""
        seen = join(x.x, x.condition) if self.visible is None else x.x
        return super().posterior_parameters(seen, training)

    def _features(self, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the features of checked conditions, as vectors [B, size]."""
        return flat(self.condition_network(condition, **training_option(self.condition_network, training)))

    def _prior_parameters(self, features: tf.Tensor) -> Parameters:
        return self.prior_head(features) if self.prior_head.needs_features else self.prior_head.parameters()

    def _parameters(self, z: tf.Tensor, features: tf.Tensor, training: bool = False) -> Parameters:
        """Returns the parameters of p(x|z, c) for z [..., B, latent_size] and features [B, size]: [..., B, ...]."""
        size = self.latent_size + features.shape[-1]
        wide = tf.broadcast_to(features, tf.concat([tf.shape(z)[:-1], [features.shape[-1]]], axis=0))
        joined = tf.concat([z, wide], axis=-1)
        return self.parameters_of(self.decoder, self.likelihood_head, joined, (size,), training)

    def _mean_of(self, parameters: Parameters, condition: tf.Tensor) -> tf.Tensor:
        return self.complete(self.likelihood_head.mean(parameters), condition)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | serialized(condition_network=self.condition_network)
