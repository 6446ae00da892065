"""Several layers of latent variables, inferred from the top down along the generative path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Head
from tfvae.distributions.head import Parameters
from tfvae.models.contract import Latents
from tfvae.models.layered import LayeredVAE
from tfvae.models.particles import PLAIN, Particles, ScoreOptions, detach
from tfvae.models.parts import flat_units, training_option
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class LadderVAE(LayeredVAE):
    """The generative model of `HierarchicalVAE`, inferred from the top down:

        p(x, z) = p(z_L) p(z_{L-1} | z_L) ... p(z_1 | z_2) p(x | z_1)
        q(z | x) = q(z_L | x) q(z_{L-1} | z_L, x) ... q(z_1 | z_2, x)

    A deterministic pass upwards, d_l = encoder_l(d_{l-1}) with d_0 = x, gives a mean m_l and a scale s_l for each
    layer. q(z_L|x) = N(m_L, s_L^2). Below, q(z_l | z_{l+1}, x) weighs them by their precision with the mean m and
    the scale s of the generative model's own p(z_l | z_{l+1}):

        N((m_l / s_l^2 + m / s^2) / (1 / s_l^2 + 1 / s^2),  1 / (1 / s_l^2 + 1 / s^2))

    Inference so shares the parameters of p, and estimators that train q apart from p are refused. `posterior`,
    `encode` and `reconstruct` speak of q(z_1 | z_2, x) at the means of the layers above.

    Args:
        encoders: L >= 2 layers: of x, d_1 .. d_{L-1}; unlike those of `HierarchicalVAE` they see no samples.
        decoders, posteriors, conditionals, likelihood, **kwargs: see `HierarchicalVAE`; posteriors and conditionals
            are `DiagonalNormal` heads.

    Raises:
        UserError: if the lists do not fit each other, or an argument is out of range.

    Example:
        >>> from tfvae import distributions, networks
        >>> model = LadderVAE(
        ...     [networks.MLP([16]), networks.MLP([16])],
        ...     [networks.MLP([16]), networks.MLP([16])],
        ...     posteriors=[distributions.DiagonalNormal(4), distributions.DiagonalNormal(2)],
        ...     conditionals=[distributions.DiagonalNormal(4)],
        ...     likelihood=distributions.Bernoulli(6),
        ... )
        >>> model.elbo([[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]]).shape.as_list()
        [1]

    References:
        Sonderby, Raiko, Maaloe, Sonderby, Winther: Ladder variational autoencoders (2016), section 2: the
        deterministic upward pass and the precision-weighted combination.
    """

    shares_parameters = True

    def __init__(
        self,
        encoders: list[Any],
        decoders: list[Any],
        *,
        posteriors: list[Head],
        conditionals: list[Head],
        likelihood: Head,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoders,
            decoders,
            posteriors=posteriors,
            conditionals=conditionals,
            likelihood=likelihood,
            **kwargs,
        )
        if len(posteriors) < 2:
            raise UserError("a ladder has several layers", expected="L >= 2 posteriors", received="1")
        for name, heads in (("posterior", posteriors), ("conditional", conditionals)):
            for index, head in enumerate(heads):
                if not isinstance(head, DiagonalNormal):
                    raise UserError(
                        f"{name} {index + 1} has no precision for each unit",
                        expected="DiagonalNormal",
                        received=type(head).__name__,
                    )

    def encoding(self, x: Any, training: bool = False) -> tuple[Parameters, ...]:
        """See `Inferential.encoding`: the upward pass, (m_l, s_l) of each layer from the bottom up, [B, units]."""
        found, features = [], x
        for encoder, head in zip(self.encoders, self.posterior_heads, strict=True):
            features = encoder(features, **training_option(encoder, training))
            found.append(head(features))
        return tuple(found)

    def unconstrain(self, encoding: Any) -> tuple[Parameters, ...]:
        """Returns (m_l, log s_l) of each layer."""
        return tuple(head.unconstrain(q) for head, q in zip(self.posterior_heads, encoding, strict=True))

    def constrain(self, free: Any) -> tuple[Parameters, ...]:
        """Returns (m_l, s_l) of each layer."""
        return tuple(head.constrain(q) for head, q in zip(self.posterior_heads, free, strict=True))

    def posterior_parameters(self, x: Any, training: bool = False) -> Parameters:
        """Returns the parameters of q(z_1 | z_2, x) at the means of z_2 .. z_L: tensors [B, ...]."""
        return self._downwards(self.encoding(x, training), lambda level, q: q[0], training)[0].q

    def score(
        self, x: Any, encoding: Any, num_samples: int, noise: Noise, options: ScoreOptions = PLAIN
    ) -> Particles:
        """See `Inferential.score`."""
        latents, fixed = [], []

        def choose(level: int, q: Parameters) -> tf.Tensor:
            latents.append(self._draw(level, q, num_samples, noise))
            fixed.append(detach(latents[-1], options.tape))
            return fixed[-1]

        steps = self._downwards(encoding, choose, options.training)
        parameters = self.likelihood_parameters(steps[0].z, options.training)
        drawn = steps[::-1]
        return Particles(
            latents=tuple(latents),
            fixed=tuple(fixed),
            log_likelihood=self.score_likelihood(x, parameters, options.mean),
            log_priors=tuple(step.p_head.log_prob(step.p, step.z) for step in drawn),
            log_posteriors=tuple(step.q_head.log_prob(step.q, step.z) for step in drawn),
        )

    def posterior_latents(self, x: Any, encoding: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.posterior_latents`."""
        return tuple(reversed(super().posterior_latents(x, encoding, num_samples, noise)))

    def log_posterior(self, x: Any, encoding: Any, latents: Latents) -> tf.Tensor:
        """See `Inferential.log_posterior`."""
        steps = self._downwards(encoding, lambda level, q: latents[level], training=False)
        return tf.add_n([step.q_head.log_prob(step.q, step.z) for step in steps])

    def layer_means(self, x: Any, num_samples: int, noise: Noise) -> Latents:
        """See `Inferential.layer_means`: E[z_l | z_{l+1}, x], z_{l+1} drawn from q."""
        steps = self._downwards(
            self.encoding(x), lambda level, q: self._draw(level, q, num_samples, noise), training=False
        )
        means = [step.q_head.mean(step.q) for step in steps]
        means[-1] = means[-1][tf.newaxis]
        return tuple(map(flat_units, means))

    def _draw(self, level: int, q: Parameters, num_samples: int, noise: Noise) -> tf.Tensor:
        head = self.posterior_heads[level]
        return head.sample(q, head.noise_from(noise, f"posterior{level or ''}", num_samples))

    def _downwards(
        self, encoding: Any, choose: Callable[[int, Parameters], tf.Tensor], training: bool
    ) -> list[Step]:
        """Goes from the top layer to the bottom one, the latents being choose(level, q).

        Returns:
            steps: a `Step` for each layer, from the bottom up.
        """
        top = len(self.posterior_heads) - 1
        q, p, p_head = encoding[top], self.prior_head.parameters(), self.prior_head
        steps = [Step(choose(top, q), self.posterior_heads[top], q, p_head, p)]
        for level in reversed(range(top)):
            p_head = self.conditional_heads[level]
            p = self.through(self.decoders[level + 1], p_head, steps[0].z, level + 1, training)
            q = combine(encoding[level], p)
            steps.insert(0, Step(choose(level, q), self.posterior_heads[level], q, p_head, p))
        return steps


class Step(NamedTuple):
    """One layer of the pass downwards.

    Attributes:
        z: its latents.
        q_head, q: its distribution under the inference model, head and parameters.
        p_head, p: the same under the generative model.
    """

    z: tf.Tensor
    q_head: Head
    q: tuple[tf.Tensor, ...]
    p_head: Head
    p: tuple[tf.Tensor, ...]


def combine(
    first: tuple[tf.Tensor, tf.Tensor], second: tuple[tf.Tensor, tf.Tensor]
) -> tuple[tf.Tensor, tf.Tensor]:
    """The product of two Normal densities, normalised: (loc, scale), each given as such a pair.

        1 / scale^2 = 1 / s_1^2 + 1 / s_2^2,  loc = scale^2 (m_1 / s_1^2 + m_2 / s_2^2)

    written with the logarithm of the scales' ratio, so that no square of theirs leaves the range of float32: the
    second's share of the precision is s_1^2 / (s_1^2 + s_2^2) = sigmoid(2 log(s_1 / s_2)).
    """
    (loc, scale), (other_loc, other_scale) = first, second
    log_ratio = 2.0 * (tf.math.log(scale) - tf.math.log(other_scale))
    by_other = other_scale * tf.sqrt(
        tf.sigmoid(tf.maximum(log_ratio, 0.0))
    )  # where its share is above one half
    by_first = scale * tf.sqrt(tf.sigmoid(tf.maximum(-log_ratio, 0.0)))
    both = tf.where(log_ratio >= 0.0, by_other, by_first)
    return loc + tf.sigmoid(log_ratio) * (other_loc - loc), both
