"""How one layer of latents is sampled and scored: what training, evaluation and annealing ask of a model."""

from __future__ import annotations

import functools

import tensorflow as tf

from tfvae.distributions import kl_divergence, view
from tfvae.models.base import LatentVariableModel
from tfvae.models.particles import Particles, sample_and_score
from tfvae.models.parts import training_option, unit_means, with_lead


class Scoring(LatentVariableModel):
    """Draws latents from q(z|x) and from the prior, and scores latents from anywhere.

    A subclass has an `encoder`, a `decoder`, a `posterior_head`, a `prior_head` and a `likelihood_head`.
    """

    encodes_posterior = (
        True  # whether `encoding` gives all of q(z|x), none of which depends on sampled latents
    )

    def prior_latents(self, p, draw):
        """Returns latents from the prior, a tensor [..., *event] for each stochastic layer from the bottom up.

        Args:
            p: parameters of the prior, as `generator` gives them.
            draw: maps a head and the name of a stream to the head's noise, [..., noise_size].
        """
        return (self.prior_head.sample(p, draw(self.prior_head, "prior")),)

    def particles(self, x, num_samples, noise, **options) -> Particles:
        """Samples and scores; see `LatentVariableModel.particles`."""
        encoding = self.encoding(x, options.get("training", False))
        return self.score(x, encoding, num_samples, noise, **options)

    def encoding(self, x, training=False):
        """Returns what `score` needs of examples once, however many particles follow: tensors [B, ...]."""
        return self.posterior_parameters(x, training)

    def unconstrain(self, encoding):
        """Returns an `encoding` as tensors [B, ...] in which every value is allowed; see `Head.unconstrain`."""
        return self.posterior_head.unconstrain(encoding)

    def constrain(self, free):
        """Returns the encoding that `unconstrain` gives `free` for."""
        return self.posterior_head.constrain(free)

    def layer_means(self, x, num_samples, noise):
        """Returns E[z_l | x, the layers sampled before it] for each stochastic layer l, from the bottom up.

        Args:
            x: [B, *event_shape].
            num_samples: draws S of the layers sampled before, and means S where a mean is one of draws.
            noise: a `tfvae.random.Noise` with a row for each example.

        Returns:
            means: tensors [S, B, units] whose mean over S estimates E[z_l|x]; [1, B, units] where that is exact.
        """
        return (unit_means(self.posterior_head, self.posterior_parameters(x), noise, "means", num_samples),)

    def score(self, x, q, num_samples, noise, training=False, analytic_kl=False, tape=None) -> Particles:
        """`particles` for what `encoding` gave for `x`, the parameters `q` of the posterior."""
        head = self.posterior_head
        generator = self.generator(x, training)
        draw = head.noise_from(noise, "posterior", num_samples)
        z, fixed, log_posterior = sample_and_score(view(head, None), q, draw, tape)
        log_prior, log_likelihood = self.log_joint(x, generator, (fixed,), training)
        return Particles(
            latents=(z,),
            fixed=(fixed,),
            log_likelihood=log_likelihood,
            log_prior=log_prior,
            log_posterior=log_posterior,
            kl=kl_divergence(head, q, self.prior_head, generator[0]) if analytic_kl else None,
        )

    def log_joint(self, x, generator, latents, training=False):
        """Scores latents that come from anywhere.

        Args:
            x: checked examples, B rows.
            generator: what `generator` gave for them.
            latents: a tensor [K, B, *event] for each stochastic layer, from the bottom up.
            training: whether layers such as batch normalisation train.

        Returns:
            log_prior: log p(z), [K, B], nats.
            log_likelihood: log p(x|z), [K, B], nats.
        """
        p, likelihood_parameters = generator
        parameters = likelihood_parameters(latents[0])
        return self.prior_head.log_prob(p, latents[-1]), self.score_likelihood(x, parameters, training)

    def posterior_latents(self, x, encoding, num_samples, noise):
        """Returns latents drawn from q(z|x) as `log_joint` takes them, `encoding` being that of `x`."""
        return self.score(x, encoding, num_samples, noise).latents

    def log_posterior(self, x, encoding, latents):
        """Returns log q(z|x) at latents as `log_joint` takes them, `encoding` being that of `x`: [K, B], nats."""
        return self.posterior_head.log_prob(encoding, latents[0])

    def generator(self, x, training=False):
        """Returns the parameters of the prior for checked examples, and the function from z to the likelihood's."""
        return self.prior_head.parameters(), functools.partial(self.likelihood_parameters, training=training)

    def posterior_parameters(self, x, training=False):
        """Returns the parameters of q(z|x): tensors [B, ...]."""
        return self.posterior_head(self.encoder(x, **training_option(self.encoder, training)))

    def likelihood_parameters(self, z, training=False):
        """Returns the parameters of p(x|z) for z [..., latent_size]: tensors [..., *event_shape]."""
        shape = self.posterior_head.event_shape
        return self.parameters_of(self.decoder, self.likelihood_head, z, shape, training)

    @staticmethod
    def parameters_of(layer, head, z, event_shape, training=False):
        """Sends values z [..., *event_shape] through a layer and a head: the head's parameters, [..., ...]."""
        lead = tf.shape(z)[: -len(event_shape)]
        flat = tf.reshape(z, [-1, *event_shape])
        return with_lead(lead, head(layer(flat, **training_option(layer, training))))
