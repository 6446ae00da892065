"""What a model says of latents that come from anywhere, such as a Markov chain."""

from __future__ import annotations


class GivenLatents:
    """Draws and log-densities of the latents of all layers, for a `VAE` and what derives from it."""

    def prior_latents(self, p, draw):
        """Returns latents from the prior, a tensor [..., *event] for each stochastic layer from the bottom up.

        Args:
            p: parameters of the prior, as `generator` gives them.
            draw: maps a head and the name of a stream to the head's noise, [..., noise_size].
        """
        return (self.prior_head.sample(p, draw(self.prior_head, "prior")),)

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
