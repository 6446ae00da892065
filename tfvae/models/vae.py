"""The variational autoencoder."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

from tfvae import memory, random
from tfvae.checks import UserError, positive_int
from tfvae.distributions import Head, StandardNormal, kl_divergence
from tfvae.estimators.catalog import check_path
from tfvae.models import checking
from tfvae.models.parts import batch_of, check_parts, deserialize
from tfvae.models.scoring import Scoring
from tfvae.models.symbolic import takes_keras_tensors

SAMPLES_PER_BLOCK = 10_000  # drawn at a time, so that the networks' layers need no more memory for many
HEADS = {
    "continuous": "a head such as DiagonalNormal or RealNVP",
    "discrete": "Bernoulli or OneHotCategorical",
}


@keras.saving.register_keras_serializable(package="tfvae")
class VAE(Scoring):
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
        estimator, num_samples, **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if a part is no layer or no head, prior and posterior have different sizes, an argument is out of
            range, or the estimator trains q apart from p and a `VampPrior` makes them share parameters.

    References:
        Kingma, Welling: Auto-encoding variational Bayes (2014).
        Rezende, Mohamed, Wierstra: Stochastic backpropagation (2014).
    """

    def __init__(
        self,
        encoder,
        decoder,
        *,
        posterior,
        likelihood,
        prior=None,
        estimator="elbo",
        num_samples=1,
        **kwargs,
    ):
        self.shares_parameters = self.shares_parameters or getattr(prior, "mixes_posterior", False)
        super().__init__(estimator=estimator, num_samples=num_samples, **kwargs)
        posteriors = posterior if isinstance(posterior, list) else [posterior]
        names = (
            ["posterior"] if len(posteriors) == 1 else [f"posterior {i + 1}" for i in range(len(posteriors))]
        )
        heads = dict(zip(names, posteriors, strict=True))
        check_parts(keras.layers.Layer, "a Keras layer or model", {"encoder": encoder, "decoder": decoder})
        check_parts(Head, "a head from tfvae.distributions", heads | {"likelihood": likelihood})
        check_parts((Head, type(None)), "a head from tfvae.distributions", {"prior": prior})
        for name, head in heads.items():
            if head.latents != self.latents:
                raise UserError(
                    f"{name} does not fit a {type(self).__name__}, whose latents are {self.latents}",
                    expected=HEADS[self.latents],
                    received=type(head).__name__,
                )
            if not head.scores_anywhere:
                check_path(self.estimator.name, type(head).__name__)
        self.encoder = encoder
        self.decoder = decoder
        self.posterior_heads = posteriors
        self.posterior_head = posteriors[0]
        self.likelihood_head = likelihood
        self.prior_head = StandardNormal(self.top_event_shape[0]) if prior is None else prior
        if not self.prior_head.same_values(posteriors[-1]):
            raise UserError(
                "prior and posterior differ in size or kind",
                expected=f"a prior over {posteriors[-1].describe_values()}",
                received=f"one over {self.prior_head.describe_values()}",
            )
        if self.prior_head.needs_features and not self.takes_condition:
            raise UserError(
                "prior needs features",
                expected="a head without features such as StandardNormal",
                received=type(prior).__name__,
            )
        self.prior_head.bind(self)
        if not self.prior_head.needs_features and not self.prior_head.built:
            self.prior_head.build(None)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.likelihood_head.event_shape

    @property
    def latent_size(self) -> int:
        """Units of the latent vector that `encode` returns."""
        return math.prod(self.posterior_head.event_shape)

    @property
    def top_event_shape(self) -> tuple[int, ...]:
        """Shape of the latents that the prior speaks of."""
        return self.posterior_heads[-1].event_shape

    def build(self, input_shape=None):
        """Makes every layer by sending one example through."""
        with tf.init_scope():
            example = tf.zeros((1, *self.event_shape))
            self.call(example)
            if self.baseline is not None:
                self.baseline(example)
            if self.estimator.analytic_kl:
                self._check_closed_form(example)
        super().build((None, *self.event_shape))

    def _check_closed_form(self, example):
        """Raises a `UserError` unless KL(q(z|x) || p(z)) has a closed form."""
        heads = self.posterior_heads[-1], self.prior_head
        try:
            q, p = self.posterior_parameters(example), self.generator(example)[0]
            kl_divergence(heads[0], q, heads[1], p)
        except NotImplementedError as error:
            raise UserError(
                "the KL divergence of this posterior from this prior has no closed form",
                expected='estimator "elbo", "stl" or a multi-sample one',
                received=f"{self.estimator.name} with {' and '.join(type(head).__name__ for head in heads)}",
            ) from error

    def call(self, x, training=False):
        """Returns the mean reconstruction E[x | z = E[z|x]]: [B, *event_shape]."""
        q = self.posterior_parameters(x, training)
        return self._likelihood_mean(self.posterior_head.mean(q), training)

    def posterior(self, x, **given):
        """Returns q(z|x), a TFP distribution with batch shape [B] and event shape [latent_size].

        Here and below `given` is the `condition` of a model that has one.
        """
        return self.posterior_head.distribution(self.posterior_parameters(self.check_examples(x, **given)))

    def prior(self):
        """Returns p(z), a TFP distribution with event shape [latent_size]."""
        return self.prior_head.distribution(self.prior_head.parameters())

    def likelihood(self, z):
        """Returns p(x|z), a TFP distribution with the batch shape of z [..., latent_size] and event shape of x."""
        return self.likelihood_head.distribution(self.likelihood_parameters(self._check_latents(z)))

    @takes_keras_tensors
    def encode(self, x, **given):
        """Returns the posterior mean E[z|x], or what the head gives for it (`Head.mean`): [B, latent_size]."""
        return self.posterior_head.mean(self.posterior_parameters(self.check_examples(x, **given)))

    @takes_keras_tensors
    def decode(self, z):
        """Returns the likelihood mean E[x|z] of z [..., latent_size]: [..., *event_shape]."""
        return self._likelihood_mean(self._check_latents(z))

    @takes_keras_tensors
    def reconstruct(self, x, **given):
        """Returns decode(encode(x)): [B, *event_shape]."""
        return self.decode(self.encode(x, **given), **given)

    def sample(self, n, seed=None, *, mean=True):
        """Draws z from the prior and decodes it.

        Args:
            n: number of samples.
            seed: 32-bit integer, or None for a fresh one. Sample i depends on (seed, i) alone and is the same in
                process, in a SavedModel and on a device.
            mean: whether to return the likelihood's mean rather than a draw from the likelihood.

        Returns:
            x: [n, *event_shape].
        """
        needed = positive_int("n", n) * (2.0 + math.prod(self.event_shape)) * 4.0
        memory.check(f"{n} samples", needed, fix="draw fewer at a time")
        seeds = random.row_seeds(seed, n)
        if n <= SAMPLES_PER_BLOCK:
            return self._sample_rows(seeds, mean)
        starts = range(0, n, SAMPLES_PER_BLOCK)
        return tf.concat([self._sample_rows(seeds[i : i + SAMPLES_PER_BLOCK], mean) for i in starts], axis=0)

    def _sample_rows(self, seeds, mean):
        noise = random.ThreefryNoise(seeds)
        z = self.sample_latents(noise)
        if mean:
            return self._likelihood_mean(z)
        head = self.likelihood_head
        return head.sample(self.likelihood_parameters(z), head.noise_from(noise, "x")[0])

    def sample_latents(self, noise):
        """Returns one draw from the prior for each row of a `tfvae.random.Noise`: [rows, latent_size]."""
        drawn = self.prior_latents(
            self.prior_head.parameters(), lambda head, stream: head.noise_from(noise, stream)[0]
        )
        return drawn[0]

    def _likelihood_mean(self, z, training=False):
        return self.likelihood_head.mean(self.likelihood_parameters(z, training))

    def cast_examples(self, x):
        """See `Trainer.cast_examples`."""
        return batch_of("x", x, self.event_shape, rank=1 + len(self.event_shape))

    def _check_latents(self, z):
        z = batch_of("z", z, self.posterior_head.event_shape)
        return checking.gated(z, checking.numbers("z", z))

    def get_config(self):
        """Returns the arguments."""
        parts = {
            "encoder": self.encoder,
            "decoder": self.decoder,
            "posterior": self.posterior_head,
            "likelihood": self.likelihood_head,
            "prior": self.prior_head,
        }
        return super().get_config() | {
            name: keras.saving.serialize_keras_object(part) for name, part in parts.items()
        }

    @classmethod
    def from_config(cls, config):
        """Returns the model that `get_config` described."""
        return cls(**{name: deserialize(value) for name, value in config.items()})
