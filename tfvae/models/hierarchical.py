"""Several layers of latent variables, inferred from the bottom up."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions import Head, kl_divergence, view
from tfvae.models.particles import Particles, sample_and_score
from tfvae.models.parts import check_parts, unit_means
from tfvae.models.vae import VAE


@keras.saving.register_keras_serializable(package="tfvae")
class HierarchicalVAE(VAE):
    """Layers z_1 .. z_L of latent variables, z_1 next to the data:

        p(x, z) = p(z_L) p(z_{L-1} | z_L) ... p(z_1 | z_2) p(x | z_1)
        q(z | x) = q(z_1 | x) q(z_2 | z_1) ... q(z_L | z_{L-1})

    Every list below runs from the bottom up. `posterior`, `encode`, `decode` and `reconstruct` speak of z_1;
    `prior` of z_L; `sample` draws from the top down.

    Args:
        encoders: L layers: of x, z_1 .. z_{L-1}.
        decoders: L layers: of z_1 .. z_L.
        posteriors: L heads: of z_1 .. z_L.
        conditionals: L - 1 heads: of z_1 .. z_{L-1} given the layer above.
        likelihood: head of p(x|z_1).
        prior: head of p(z_L); see `VAE`.
        **kwargs: see `LatentVariableModel`.

    Raises:
        UserError: if the lists do not fit each other, or an argument is out of range.

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), the generative and the
        recognition model of several layers.
    """

    def __init__(self, encoders, decoders, *, posteriors, conditionals, likelihood, prior=None, **kwargs):
        lists = {
            "encoders": encoders,
            "decoders": decoders,
            "posteriors": posteriors,
            "conditionals": conditionals,
        }
        check_lists(lists)
        counts = [len(encoders), len(decoders), len(posteriors), len(conditionals) + 1]
        if not posteriors or len(set(counts)) > 1:
            raise UserError(
                "the layers do not fit each other",
                expected="L >= 1 encoders, decoders and posteriors, and L - 1 conditionals",
                received=f"{counts[0]}, {counts[1]} and {counts[2]}, and {len(conditionals)}",
            )
        super().__init__(
            encoders[0], decoders[0], posterior=list(posteriors), likelihood=likelihood, prior=prior, **kwargs
        )
        self.encoders, self.decoders = list(encoders), list(decoders)
        self.conditional_heads = list(conditionals)
        if self.estimator.analytic_kl and len(posteriors) > 1:
            raise UserError(
                "the KL divergence of several layers has no closed form",
                expected='estimator "elbo", "stl" or a multi-sample one',
                received=self.estimator.name,
            )
        for below, (head, conditional) in enumerate(zip(posteriors, conditionals, strict=False)):
            if not conditional.same_values(head):
                raise UserError(
                    f"posterior and conditional of layer {below + 1} differ",
                    expected=f"a conditional over {head.describe_values()}",
                    received=f"one over {conditional.describe_values()}",
                )

    def build(self, input_shape=None):
        """Makes every layer by sending one example up and down."""
        with tf.init_scope():
            z = tf.zeros((1, *self.posterior_heads[0].event_shape))
            for level in range(1, len(self.posterior_heads)):
                self._through(self.encoders[level], self.posterior_heads[level], z, level - 1)
                z = tf.zeros((1, *self.posterior_heads[level].event_shape))
                self._through(self.decoders[level], self.conditional_heads[level - 1], z, level)
        super().build(input_shape)

    @property
    def encodes_posterior(self):
        """Whether there is one layer: the others' q depend on the sample below."""
        return len(self.posterior_heads) == 1

    def score(
        self, x, q, num_samples, noise, training=False, analytic_kl=False, tape=None, temperature=None
    ) -> Particles:
        """`particles` for what `encoding` gave for `x`, the parameters `q` of q(z_1|x)."""
        latents, fixed, seen_below = [], [], None
        log_posterior = 0.0
        for level, head in enumerate(self.posterior_heads):
            seen = view(head, temperature)
            if level:
                q = self._through(self.encoders[level], head, seen_below, level - 1, training)
            draw = head.noise_from(noise, f"posterior{level or ''}", num_samples)
            latent, detached, log_q = sample_and_score(seen, q, draw, tape)
            latents.append(latent)
            fixed.append(detached)
            seen_below = seen.value(detached)
            log_posterior += log_q
        generator = self.generator(x, training)
        log_prior, log_likelihood = self.log_joint(x, generator, fixed, training, temperature)
        return Particles(
            latents=tuple(latents),
            fixed=tuple(fixed),
            log_likelihood=log_likelihood,
            log_prior=log_prior,
            log_posterior=log_posterior,
            kl=kl_divergence(self.posterior_head, q, self.prior_head, generator[0]) if analytic_kl else None,
        )

    def log_joint(self, x, generator, latents, training=False, temperature=None):
        """Scores latents of every layer; see `VAE.log_joint`. With a `temperature` they are relaxed discrete ones."""
        p, likelihood_parameters = generator
        heads = [view(head, temperature) for head in (*self.conditional_heads, self.prior_head)]
        values = [head.value(latent) for head, latent in zip(heads, latents, strict=True)]
        log_prior = heads[-1].log_prob(p, latents[-1])
        for level, head in enumerate(self.conditional_heads):
            p = self._through(self.decoders[level + 1], head, values[level + 1], level + 1, training)
            log_prior += heads[level].log_prob(p, latents[level])
        return log_prior, self.score_likelihood(x, likelihood_parameters(values[0]), training)

    def log_posterior(self, x, encoding, latents):
        """Returns log q(z|x), summed over the layers; see `VAE.log_posterior`."""
        q, log_q = encoding, self.posterior_head.log_prob(encoding, latents[0])
        for level in range(1, len(self.posterior_heads)):
            head = self.posterior_heads[level]
            q = self._through(self.encoders[level], head, latents[level - 1], level - 1)
            log_q += head.log_prob(q, latents[level])
        return log_q

    def layer_means(self, x, num_samples, noise):
        """Returns E[z_l|z_{l-1}], z_{l-1} drawn from q: see `VAE.layer_means`."""
        q = self.posterior_parameters(x)
        means = [unit_means(self.posterior_head, q, noise, "means", num_samples)]
        for level in range(1, len(self.posterior_heads)):
            below, head = self.posterior_heads[level - 1], self.posterior_heads[level]
            z = below.sample(q, below.noise_from(noise, f"means{level}", num_samples))
            q = self._through(self.encoders[level], head, z, level - 1)
            means.append(unit_means(head, q, noise, f"means of {level}", num_samples))
        return tuple(means)

    def prior_latents(self, p, draw):
        """Returns latents of every layer, drawn from the top down; see `VAE.prior_latents`."""
        latents = super().prior_latents(p, draw)
        for level in reversed(range(len(self.conditional_heads))):
            head = self.conditional_heads[level]
            p = self._through(self.decoders[level + 1], head, latents[0], level + 1)
            latents = (head.sample(p, draw(head, f"prior{level + 1}")), *latents)
        return latents

    def _through(self, layer, head, z, level, training=False):
        """Returns a head's parameters [..., *event] for values z [..., *event] of layer `level`, counted from 0."""
        return self.parameters_of(layer, head, z, self.posterior_heads[level].event_shape, training)

    def get_config(self):
        """Returns the arguments."""
        config = super().get_config()
        for name in ("encoder", "decoder", "posterior"):
            del config[name]
        lists = {
            "encoders": self.encoders,
            "decoders": self.decoders,
            "posteriors": self.posterior_heads,
            "conditionals": self.conditional_heads,
        }
        return config | {
            name: [keras.saving.serialize_keras_object(part) for part in parts]
            for name, parts in lists.items()
        }


def check_lists(lists):
    """Raises a `UserError` for a list that is none, or that holds what is no layer or, but for networks, no head."""
    for name, parts in lists.items():
        if not isinstance(parts, list | tuple):
            raise UserError(f"{name} is no list", expected="a list of layers", received=repr(parts))
        networks = name in ("encoders", "decoders")
        kind = (
            (keras.layers.Layer, "a Keras layer or model")
            if networks
            else (Head, "a head from tfvae.distributions")
        )
        check_parts(*kind, {f"{name}[{index}]": part for index, part in enumerate(parts)})
