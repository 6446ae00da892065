"""Costs of the adversarial game, of a critic's outputs alone.

A critic gives one number for each example: for the first three costs a logit, D(x) = sigmoid(a(x)) being its
probability that x is real. Every cost is a function of logits: no logarithm of a probability is taken, none is clipped.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.comparisons.base import Comparison, Cost
from tfvae.comparisons.codes import Codes


class Adversarial(Comparison, abc.ABC):
    """The two costs of one game.

    Attributes:
        probabilistic: whether the critic's output is the logit of a probability.
    """

    probabilistic: ClassVar[bool] = True

    @abc.abstractmethod
    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns the generator's cost for each of its samples.

        Args:
            fake: [B], the critic's outputs at samples.
        """

    @abc.abstractmethod
    def critic(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[Cost, Cost]:
        """Returns the critic's costs for examples and for samples; its cost is the sum of their means.

        Args:
            real: [B], the critic's outputs at examples.
            fake: [C], the critic's outputs at samples.
        """

    def reference(self, codes: Codes) -> tf.Tensor:
        """Returns what a critic of codes takes for real in latent space, draws from p(z): [B, D]."""
        return codes.prior()


@dataclass(frozen=True)
class Probabilistic(Adversarial):
    """A game whose critic classifies: J(D) = -1/2 E_data log D(x) - 1/2 E_z log(1 - D(g(z))).

    Its optimum for a fixed generator is the logit a(x) = log p_data(x) - log p_g(x).

    Attributes:
        label_smoothing: s in [0, 1), the target of real examples being 1 - s; samples keep the target 0.

    References:
        Goodfellow: NIPS 2016 tutorial, section 3.2.1; one-sided label smoothing: section 4.2.
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Raises a `UserError` for label smoothing that is out of range."""
        if not 0 <= self.label_smoothing < 1:
            raise UserError(
                "label_smoothing is out of range",
                expected="a number in [0, 1)",
                received=self.label_smoothing,
            )

    def critic(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[Cost, Cost]:
        """Returns 1/2 [softplus(-a) + s a] for examples and 1/2 softplus(a) for samples."""
        s = self.label_smoothing
        return (
            Cost(0.5 * (tf.nn.softplus(-real) + s * real), 0.5 * (s - tf.sigmoid(-real))),
            Cost(0.5 * tf.nn.softplus(fake), 0.5 * tf.sigmoid(fake)),
        )


@dataclass(frozen=True)
class Minimax(Probabilistic):
    """The zero-sum game: the generator's cost is 1/2 E_z log(1 - D(g(z))). It saturates as D(g(z)) -> 0.

    References:
        Goodfellow et al.: Generative adversarial nets (2014), equation 1.
        Goodfellow: NIPS 2016 tutorial, section 3.2.2.
    """

    name: ClassVar[str] = "minimax"

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns -1/2 softplus(a), with slope -1/2 sigmoid(a)."""
        return Cost(-0.5 * tf.nn.softplus(fake), -0.5 * tf.sigmoid(fake))


@dataclass(frozen=True)
class NonSaturating(Probabilistic):
    """The heuristic game: the generator's cost is -1/2 E_z log D(g(z)), steep where the critic wins.

    References:
        Goodfellow et al.: Generative adversarial nets (2014), section 3.
        Goodfellow: NIPS 2016 tutorial, section 3.2.3.
    """

    name: ClassVar[str] = "non-saturating"

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns 1/2 softplus(-a), with slope -1/2 sigmoid(-a)."""
        return Cost(0.5 * tf.nn.softplus(-fake), -0.5 * tf.sigmoid(-fake))


@dataclass(frozen=True)
class MaximumLikelihood(Probabilistic):
    """The game whose generator climbs the likelihood: its cost is -1/2 E_z exp(a), exp(a) = D / (1 - D).

    With the optimal critic held fixed its expected gradient is that of 1/2 KL(p_data || p_g). The samples that count
    are those with the largest exp(a): see `effective_sample_size`.

    References:
        Goodfellow: NIPS 2016 tutorial, section 3.2.4.
    """

    name: ClassVar[str] = "maximum-likelihood"

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns -1/2 exp(a), with the same slope."""
        cost = -0.5 * tf.exp(fake)
        return Cost(cost, cost)


@dataclass(frozen=True)
class Hinge(Adversarial):
    """The game with margins: the critic's cost is E_data max(0, 1 - a) + E_z max(0, 1 + a), the generator's -E_z a.

    References:
        Lim, Ye: Geometric GAN (2017).
        Miyato et al.: Spectral normalization for generative adversarial networks (2018), equations 16 and 17.
    """

    name: ClassVar[str] = "hinge"
    probabilistic: ClassVar[bool] = False

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns -a, with slope -1."""
        return Cost(-fake, -tf.ones_like(fake))

    def critic(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[Cost, Cost]:
        """Returns max(0, 1 - a) for examples and max(0, 1 + a) for samples."""
        return (
            Cost(tf.nn.relu(1 - real), -tf.cast(real < 1, real.dtype)),
            Cost(tf.nn.relu(1 + fake), tf.cast(fake > -1, fake.dtype)),
        )


@dataclass(frozen=True)
class Wasserstein(Adversarial):
    """The game of a Lipschitz critic: its cost is E_z a - E_data a, the generator's -E_z a.

    At the optimal 1-Lipschitz critic, minus its cost is the earth mover's distance. A penalty keeps the critic's slope
    near 1: `gradient_penalty`.

    References:
        Arjovsky, Chintala, Bottou: Wasserstein GAN (2017), equation 3.
    """

    name: ClassVar[str] = "wasserstein"
    probabilistic: ClassVar[bool] = False

    def generator(self, fake: tf.Tensor) -> Cost:
        """Returns -a, with slope -1."""
        return Cost(-fake, -tf.ones_like(fake))

    def critic(self, real: tf.Tensor, fake: tf.Tensor) -> tuple[Cost, Cost]:
        """Returns -a for examples and a for samples."""
        return Cost(-real, -tf.ones_like(real)), Cost(fake, tf.ones_like(fake))


def effective_sample_size(logits: tf.Tensor) -> tf.Tensor:
    """Returns how many samples count in a mean weighted by exp(a): (sum_b exp(a_b))^2 / sum_b exp(2 a_b).

    Args:
        logits: [B], the critic's logits at samples.

    Returns:
        count: scalar in [1, B].

    References:
        Kong, Liu, Wong: Sequential imputations and Bayesian missing data problems (1994), section 4.1.
    """
    weight = tf.exp(logits - tf.reduce_max(logits))
    return tf.square(tf.reduce_sum(weight)) / tf.reduce_sum(tf.square(weight))
