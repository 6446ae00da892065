"""What a model offers: the groups of methods that evaluation, export and pictures ask for.

A model has a group or has not, `isinstance(model, Generative)`; no one asks for its class or for a flag:

    Generative    draws latents and scores them with examples: log p(x, z)
    Inferential   infers latents from examples: q(z|x)
    Density       gives log p(x) itself
    Implicit      generates x = g(z), and is generative once it has an observation scale
    Stepwise      makes an example in steps that can be shown

A VAE is generative and inferential, a regressor is a density, a GAN is implicit. Stochastic layers are counted from the
one next to the data, "from the bottom up". A batch `x` below is what `check_examples` returns: a tensor
[B, *event_shape], with its condition where the model has one.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from tfvae import random
from tfvae.checks import positive_int
from tfvae.distributions import Head
from tfvae.distributions.head import Parameters
from tfvae.estimators.base import log_mean_exp
from tfvae.models.checked import Checked
from tfvae.models.particles import PLAIN, Particles, ScoreOptions, total
from tfvae.random import Noise

Latents = tuple[tf.Tensor, ...]


class Generator(NamedTuple):
    """What p(x, z) needs of a batch once, however many latents follow.

    Attributes:
        prior: parameters of the prior of the top layer.
        likelihood: function from the latents of the bottom layer, [..., *shape], to the likelihood's parameters.
    """

    prior: Parameters
    likelihood: Callable[[tf.Tensor], Parameters]


class Generative(Checked):
    """A model of p(x, z) = p(z) p(x|z), z in one or more layers: p(z) = p(z_L) p(z_{L-1}|z_L) ... p(z_1|z_2).

    It is enough for samples, annealed importance sampling and bidirectional Monte Carlo.
    """

    @property
    @abc.abstractmethod
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of one example's latents in each layer, from the bottom up."""

    @property
    @abc.abstractmethod
    def latent_kinds(self) -> tuple[str, ...]:
        """Kind of the values of each layer, "continuous" or "discrete", from the bottom up."""

    @property
    def density_settings(self) -> tuple[Any, ...]:
        """Numbers beside the weights that p(x, z) depends on: a graph that was traced with others is stale."""
        return ()

    @property
    def example_width(self) -> int:
        """Numbers that one example takes in the model, apart from its layers: more than its own if x is joined to
        something as large."""
        return math.prod(self.event_shape)

    @abc.abstractmethod
    def generator(self, x: Any, training: bool = False) -> Generator:
        """Returns what p(x, z) needs of a batch once; `training` tells layers such as batch normalisation."""

    @abc.abstractmethod
    def prior_latents(self, generator: Generator, noise: Noise, num_samples: int) -> Latents:
        """Draws latents from the prior.

        Args:
            generator: what `generator` gave for a batch of B rows.
            noise: noise with B rows.
            num_samples: draws K for each row.

        Returns:
            latents: a tensor [K, B, *shape] for each layer, from the bottom up.
        """

    @abc.abstractmethod
    def log_joint_terms(
        self, x: Any, generator: Generator, latents: Latents, options: ScoreOptions = PLAIN
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        """Scores latents that come from anywhere, each layer apart.

        Args:
            x: batch of B examples.
            generator: what `generator` gave for them.
            latents: a tensor [K, B, *shape] for each layer, from the bottom up.
            options: how to score.

        Returns:
            log_priors: log p(z_l | z_{l+1}) for each layer, from the bottom up, [K, B] each, nats.
            log_likelihood: log p(x|z), [K, B], nats.
        """

    def log_joint(self, x: Any, generator: Generator, latents: Latents) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns log p(z), all layers together, and log p(x|z): [K, B] each, nats; see `log_joint_terms`."""
        log_priors, log_likelihood = self.log_joint_terms(x, generator, latents)
        return total(log_priors, top_first=True), log_likelihood

    @abc.abstractmethod
    def simulate(self, x: Any, generator: Generator, latents: Latents, noise: Noise) -> tf.Tensor:
        """Draws examples from p(x|z).

        Args:
            x: batch of B rows; of it only the condition is read, where the model has one.
            generator: what `generator` gave for it.
            latents: a tensor [B, *shape] for each layer, from the bottom up.
            noise: noise with B rows.

        Returns:
            x: [B, *event_shape].
        """

    @abc.abstractmethod
    def decode(self, z: Any, **condition: Any) -> tf.Tensor:
        """Returns the mean of p(x|z), [..., *event_shape], for z [..., *shape] of the layer next to the data, given
        the `condition` where the model has one."""

    @abc.abstractmethod
    def sample(self, n: int, seed: int | None = None, *, mean: bool = True) -> tf.Tensor:
        """Draws latents from the prior and examples from them; a model with a condition takes it as `condition`.

        Args:
            n: number of samples.
            seed: 32-bit integer, or None for a fresh one. Sample i depends on (seed, i) alone.
            mean: whether to return the mean of p(x|z) rather than a draw from it.

        Returns:
            x: [n, *event_shape].
        """


class Implicit(Generative):
    """A generator x = g(z), z ~ p(z), which an observation scale s makes a density: p(x) = E_z N(x; g(z), s^2 I).

    Its `Generator.likelihood` gives (g(z), s). What needs a density raises a `UserError` where there is no scale. Its
    samples are g(z), with and without `mean`: the noise of the observation scale is none of the generator's.
    """

    @property
    @abc.abstractmethod
    def observation_scale(self) -> float | None:
        """Standard deviation s, which can be set; None until it is known."""

    @observation_scale.setter
    @abc.abstractmethod
    def observation_scale(self, value: float | None) -> None: ...

    @abc.abstractmethod
    def ceiling(self) -> float:
        """Returns the largest log-density that the scale allows: -D/2 log(2 pi s^2), nats, D numbers in an example."""


class Inferential(Checked):
    """A model with q(z|x), from which particles are drawn and scored: log w = log p(x, z) - log q(z|x).

    It is enough for importance sampling, inference gaps, active units and reconstruction.

    Attributes:
        latents: kind of the latents that are inferred, "continuous" or "discrete".
        posterior_heads: the head of q of each layer, from the bottom up.
    """

    latents: str
    posterior_heads: list[Head]

    @abc.abstractmethod
    def encoding(self, x: Any, training: bool = False) -> Any:
        """Returns what q(z|x) needs of a batch once, however many particles follow: a structure of tensors [B, ...]."""

    @abc.abstractmethod
    def score(
        self, x: Any, encoding: Any, num_samples: int, noise: Noise, options: ScoreOptions = PLAIN
    ) -> Particles:
        """Draws K = `num_samples` particles for each example from q(z|x) and scores them.

        Args:
            x: batch of B examples.
            encoding: what `encoding` gave for it.
            num_samples: K.
            noise: noise with B rows.
            options: how to score.
        """

    @abc.abstractmethod
    def posterior_latents(self, x: Any, encoding: Any, num_samples: int, noise: Noise) -> Latents:
        """Returns K latents for each example, drawn from q(z|x): [K, B, *shape] for each layer, from the bottom up."""

    @abc.abstractmethod
    def log_posterior(self, x: Any, encoding: Any, latents: Latents) -> tf.Tensor:
        """Returns log q(z|x) of latents [K, B, *shape] of each layer, from the bottom up: [K, B], nats."""

    @abc.abstractmethod
    def layer_means(self, x: Any, num_samples: int, noise: Noise) -> Latents:
        """Returns E[z_l | x, the layers drawn before it] for each layer l, from the bottom up.

        Args:
            x: batch of B examples.
            num_samples: draws S of the layers drawn before, and of a mean that has no closed form.
            noise: noise with B rows.

        Returns:
            means: tensors [S, B, units] whose mean over S estimates E[z_l|x]; [1, B, units] where that is exact.
        """

    @abc.abstractmethod
    def encode(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns a code of each example [B, *event_shape], given its `condition` where the model has one: the mean of
        q, of the layer next to the data, [B, *shape]."""

    @property
    @abc.abstractmethod
    def encodes_posterior(self) -> bool:
        """Whether the parameters of q depend on x alone, so that `unconstrain` gives all of them."""

    @abc.abstractmethod
    def unconstrain(self, encoding: Any) -> Any:
        """Returns the parameters of q as tensors [B, ...] in which every value is allowed, for an optimiser."""

    @abc.abstractmethod
    def constrain(self, free: Any) -> Any:
        """Returns the encoding that `unconstrain` gives `free` for."""

    def particles(self, x: Any, num_samples: int, noise: Noise, **options: Any) -> Particles:
        """Encodes a batch, draws particles and scores them: `score` of `encoding`.

        Args:
            x: batch of B examples.
            num_samples: particles K for each.
            noise: noise with B rows.
            **options: fields of `ScoreOptions`.
        """
        how = ScoreOptions(**options)
        return self.score(x, self.encoding(x, how.training), num_samples, noise, how)

    def log_weights(self, x: Any, num_samples: int, seed: int | None = None, **condition: Any) -> tf.Tensor:
        """Log importance weights log p(x|z_k) + log p(z_k) - log q(z_k|x), z_k drawn from q(z|x).

        Args:
            x: [B, *event_shape].
            num_samples: particles K for each example.
            seed: 32-bit integer, or None for a fresh one. Row b depends on (seed, b) alone.
            **condition: `condition`, for a model that has one.

        Returns:
            log_weights: [K, B], nats.
        """
        examples = self.check_scored(x, **condition)
        noise = random.ThreefryNoise(random.row_seeds(seed, tf.shape(tf.nest.flatten(examples)[0])[0]))
        return self.particles(examples, positive_int("num_samples", num_samples), noise).log_weights

    def elbo(self, x: Any, num_samples: int = 1, seed: int | None = None, **condition: Any) -> tf.Tensor:
        """Evidence lower bound mean_k log w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        return tf.reduce_mean(self.log_weights(x, num_samples, seed, **condition), axis=0)

    def iwelbo(self, x: Any, num_samples: int, seed: int | None = None, **condition: Any) -> tf.Tensor:
        """Importance-weighted bound log mean_k w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        return log_mean_exp(self.log_weights(x, num_samples, seed, **condition))


class Stepwise(abc.ABC):
    """A model that makes an example in steps, of which each can be shown."""

    @abc.abstractmethod
    def canvases(self, z: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Shows the steps from latents to an example.

        Args:
            z: latents, [N, *shape].

        Returns:
            images: mean of x after each step, [N, steps, *event_shape].
            windows: left, top, right and bottom edge of what each step wrote, in pixels from the left and top edge of
                the image, [N, steps, 4]; None for steps that write everywhere.
        """


class Density(Checked):
    """A model that gives log p(x), or log p(x|c), itself."""

    @abc.abstractmethod
    def log_prob(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns log p(x) of examples [B, *event_shape], given their `condition` where the model has one: [B], nats,
        exact."""
