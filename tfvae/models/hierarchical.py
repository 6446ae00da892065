"""Several layers of latent variables, inferred from the bottom up."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae.distributions import kl_divergence, view
from tfvae.models.contract import Latents
from tfvae.models.layered import LayeredVAE
from tfvae.models.particles import PLAIN, Particles, ScoreOptions, sample_and_score, total
from tfvae.models.parts import unit_means
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class HierarchicalVAE(LayeredVAE):
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

    Example:
        >>> from tfvae import distributions, networks
        >>> model = HierarchicalVAE(
        ...     [networks.MLP([16]), networks.MLP([16])],
        ...     [networks.MLP([16]), networks.MLP([16])],
        ...     posteriors=[distributions.DiagonalNormal(4), distributions.DiagonalNormal(2)],
        ...     conditionals=[distributions.DiagonalNormal(4)],
        ...     likelihood=distributions.Bernoulli(6),
        ... )
        >>> model.latent_shapes
        ((4,), (2,))

    References:
        Burda, Grosse, Salakhutdinov: Importance weighted autoencoders (2016), the generative and the
        recognition model of several layers.
    """

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`; the upper layers see one value each way."""
        z = tf.zeros((1, *self.posterior_heads[0].event_shape))
        for level in range(1, len(self.posterior_heads)):
            self.through(self.encoders[level], self.posterior_heads[level], z, level - 1)
            z = tf.zeros((1, *self.posterior_heads[level].event_shape))
            self.through(self.decoders[level], self.conditional_heads[level - 1], z, level)
        super().make_parts()

    @property
    def encodes_posterior(self) -> bool:
        """Whether there is one layer: the others' q depend on the sample below."""
        return len(self.posterior_heads) == 1

    def score(
        self, x: Any, encoding: Any, num_samples: int, noise: Noise, options: ScoreOptions = PLAIN
    ) -> Particles:
        """See `Inferential.score`."""
        latents, fixed, log_posteriors = [], [], []
        q, seen_below = encoding, None
        for level, head in enumerate(self.posterior_heads):
            seen = view(head, options.temperature)
            if level:
                q = self.through(self.encoders[level], head, seen_below, level - 1, options.training)
            draw = head.noise_from(noise, f"posterior{level or ''}", num_samples)
            latent, detached, log_q = sample_and_score(seen, q, draw, options.tape)
            latents.append(latent)
            fixed.append(detached)
            seen_below = seen.value(detached)
            log_posteriors.append(log_q)
        generator = self.generator(x, options.training)
        log_priors, log_likelihood = self.log_joint_terms(x, generator, tuple(fixed), options)
        return Particles(
            latents=tuple(latents),
            fixed=tuple(fixed),
            log_likelihood=log_likelihood,
            log_priors=log_priors,
            log_posteriors=tuple(log_posteriors),
            kl=kl_divergence(self.posterior_head, q, self.prior_head, generator.prior)
            if options.analytic_kl
            else None,
        )

    def log_posterior(self, x: Any, encoding: Any, latents: Latents) -> tf.Tensor:
        """See `Inferential.log_posterior`."""
        q, scores = encoding, [self.posterior_head.log_prob(encoding, latents[0])]
        for level in range(1, len(self.posterior_heads)):
            head = self.posterior_heads[level]
            q = self.through(self.encoders[level], head, latents[level - 1], level - 1)
            scores.append(head.log_prob(q, latents[level]))
        return total(tuple(scores))

    def layer_means(self, x: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.layer_means`: E[z_l|z_{l-1}], z_{l-1} drawn from q."""
        q = self.posterior_parameters(x)
        means = [unit_means(self.posterior_head, q, noise, "means", num_samples)]
        for level in range(1, len(self.posterior_heads)):
            below, head = self.posterior_heads[level - 1], self.posterior_heads[level]
            z = below.sample(q, below.noise_from(noise, f"means{level}", num_samples))
            q = self.through(self.encoders[level], head, z, level - 1)
            means.append(unit_means(head, q, noise, f"means of {level}", num_samples))
        return tuple(means)
