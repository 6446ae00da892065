"""The generative half of a variational autoencoder."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import Head, PosteriorHead, PriorHead
from tfvae.distributions.head import Parameters
from tfvae.models import checking
from tfvae.models.base import LatentVariableModel
from tfvae.models.contract import Generator, Latents
from tfvae.models.particles import PLAIN, ScoreOptions
from tfvae.models.parts import batch_of, training_option, with_lead
from tfvae.models.sampling import in_blocks
from tfvae.models.symbolic import takes_keras_tensors
from tfvae.random import Noise

Draw = Callable[[Head, str], tf.Tensor]  # from a head and the name of a stream to the head's noise


class DecodingModel(LatentVariableModel):
    """A latent-variable model whose p(x, z) is made of a prior head, a decoder and a likelihood head.

    A subclass with several layers says how they are drawn and scored: `draw_layers`, `log_joint_terms`.

    Attributes:
        decoder: Keras layer or model that sees a batch of latents of the layer next to the data.
        prior_head: head of p(z) of the top layer.
    """

    decoder: Any
    prior_head: PriorHead | PosteriorHead

    def likelihood_parameters(self, z: tf.Tensor, training: bool = False) -> Parameters:
        """Returns the parameters of p(x|z) for z [..., latent_size]: tensors [..., *event_shape]."""
        return self.parameters_of(self.decoder, self.likelihood_head, z, self.latent_shapes[0], training)

    def generator(self, x: Any, training: bool = False) -> Generator:
        """See `Generative.generator`."""

        def likelihood(z: tf.Tensor) -> Parameters:
            return self.likelihood_parameters(z, training)

        return Generator(self.prior_head.parameters(), likelihood)

    def prior_latents(self, generator: Generator, noise: Noise, num_samples: int) -> Latents:
        """See `Generative.prior_latents`."""
        return self.draw_layers(
            generator.prior, lambda head, stream: head.noise_from(noise, stream, num_samples)
        )

    def draw_layers(self, p: Parameters, draw: Draw) -> Latents:
        """Draws latents of every layer from the top down.

        Args:
            p: parameters of the prior.
            draw: gives the noise of a head, [..., noise_size].

        Returns:
            latents: [..., *event_shape] for each layer, from the bottom up.
        """
        return (self.prior_head.sample(p, draw(self.prior_head, "prior")),)

    def log_joint_terms(
        self, x: Any, generator: Generator, latents: Latents, options: ScoreOptions = PLAIN
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        """See `Generative.log_joint_terms`; of one layer."""
        (z,) = latents
        parameters = generator.likelihood(z)
        log_prior = self.prior_head.log_prob(generator.prior, z)
        return (log_prior,), self.score_likelihood(x, parameters, options.mean)

    def simulate(self, x: Any, generator: Generator, latents: Latents, noise: Noise) -> tf.Tensor:
        """See `Generative.simulate`."""
        head = self.likelihood_head
        return head.sample(generator.likelihood(latents[0]), head.noise_from(noise, "x")[0])

    def prior(self) -> tfp.distributions.Distribution:
        """Returns p(z), a TFP distribution with event shape [latent_size]."""
        return self.prior_head.distribution(self.prior_head.parameters())

    def likelihood(self, z: Any) -> tfp.distributions.Distribution:
        """Returns p(x|z), a TFP distribution with the batch shape of z [..., latent_size] and event shape of x."""
        return self.likelihood_head.distribution(self.likelihood_parameters(self._check_latents(z)))

    @takes_keras_tensors
    def decode(self, z: Any) -> tf.Tensor:
        """Returns the likelihood mean E[x|z] of z [..., latent_size]: [..., *event_shape]."""
        return self._likelihood_mean(self._check_latents(z))

    def sample(self, n: int, seed: int | None = None, *, mean: bool = True) -> tf.Tensor:
        """Draws z from the prior and decodes it.

        Args:
            n: number of samples.
            seed: 32-bit integer, or None for a fresh one. Sample i depends on (seed, i) alone and is the same in
                process, in a SavedModel and on a device.
            mean: whether to return the likelihood's mean rather than a draw from the likelihood.

        Returns:
            x: [n, *event_shape].
        """
        return in_blocks(n, seed, self.event_shape, functools.partial(self._draw_examples, mean=mean))

    def _draw_examples(self, noise: Noise, mean: bool) -> tf.Tensor:
        z = self.sample_latents(noise)
        if mean:
            return self._likelihood_mean(z)
        head = self.likelihood_head
        return head.sample(self.likelihood_parameters(z), head.noise_from(noise, "x")[0])

    def sample_latents(self, noise: Noise) -> tf.Tensor:
        """Returns one draw from the prior for each row of the noise, of the layer next to the data: [rows, *shape]."""
        p = self.prior_head.parameters()
        return self.draw_layers(p, lambda head, stream: head.noise_from(noise, stream)[0])[0]

    def _likelihood_mean(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.likelihood_head.mean(self.likelihood_parameters(z, training))

    def _check_latents(self, z: Any) -> tf.Tensor:
        z = batch_of("z", z, self.latent_shapes[0])
        return checking.gated(z, checking.numbers("z", z))

    @staticmethod
    def parameters_of(
        layer: Any, head: Head, z: tf.Tensor, event_shape: tuple[int, ...], training: bool = False
    ) -> Parameters:
        """Sends values z [..., *event_shape] through a layer and a head: the head's parameters, [..., ...]."""
        lead = tf.shape(z)[: -len(event_shape)]
        flat = tf.reshape(z, [-1, *event_shape])
        return with_lead(lead, head(layer(flat, **training_option(layer, training))))
