"""Mixtures of distributions of one kind, as priors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from tfvae import memory
from tfvae.checks import number_in, positive_int
from tfvae.distributions.diagonal_normal import DiagonalNormal
from tfvae.distributions.head import Head, Parameters, Shape, tfd
from tfvae.distributions.prior_head import PriorHead
from tfvae.layers import bounded
from tfvae.random import Noise


@dataclass(frozen=True)
class Kind:
    """The head whose distributions are mixed, used for its formulas alone.

    Inside this record Keras does not find the head, so that its weights stay those of the layer that owns it.
    """

    head: Head


class MixtureHead(PriorHead):
    """p(z) = sum_c w_c p_c(z). Parameters are log w, [C], and those of the C components, [C, ...] each.

    A subclass has the `kind` of its components. The first number of noise, uniform, chooses the component, the others
    are the component's own.
    """

    kind: Kind

    @property
    def noise_size(self) -> int:
        """Numbers of noise that one value takes."""
        return 1 + self.kind.head.noise_size

    def noise_from(self, source: Noise, stream: str, num_samples: int = 1) -> tf.Tensor:
        """Returns what `sample` takes: [num_samples, rows, noise_size]."""
        choice = source.uniform(f"{stream} component", num_samples, 1)
        return tf.concat([choice, self.kind.head.noise_from(source, stream, num_samples)], axis=-1)

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.MixtureSameFamily`."""
        components = self.kind.head.distribution(parameters[1:])
        return tfd.MixtureSameFamily(tfd.Categorical(logits=parameters[0]), components)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns a value of the component in whose share of [0, 1) the first number lies."""
        log_weights, *components = parameters
        ends = tf.cumsum(tf.exp(log_weights))[:-1]
        index = tf.reduce_sum(tf.cast(noise[..., :1] >= ends, tf.int32), axis=-1)
        return self.kind.head.sample(tuple(tf.gather(p, index) for p in components), noise[..., 1:])

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log sum_c w_c p_c(value)."""
        log_weights, *components = parameters
        each = self.kind.head.log_prob(tuple(components), value[..., tf.newaxis, :])
        return tf.reduce_logsumexp(log_weights + each, axis=-1)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the sum of the components' means by their weights."""
        log_weights, *components = parameters
        means = self.kind.head.mean(tuple(components))
        return tf.reduce_sum(tf.exp(log_weights)[:, tf.newaxis] * means, axis=0)


@keras.saving.register_keras_serializable(package="tfvae")
class MixturePrior(MixtureHead):
    """A mixture of diagonal Normals with trainable weights, locations and scales.

    It starts with equal weights, scales of 1 and locations drawn from N(0, spread^2).

    Args:
        latent_size: units of the latent vector.
        components: number C of components.
        spread: standard deviation of the locations at the start.

    Raises:
        UserError: if a number is out of range.

    References:
        Dilokthanakul et al.: Deep unsupervised clustering with Gaussian mixture VAEs (2016).
        Tomczak, Welling: VAE with a VampPrior (2018), which compares with it (MoG).

    Example:
        >>> prior = MixturePrior(2, components=10)
        >>> prior.build()
        >>> prior.log_prob(prior.parameters(), tf.zeros((5, 4, 2))).shape.as_list()
        [5, 4]
    """

    def __init__(self, latent_size: int, components: int = 100, spread: float = 1.0, **kwargs: Any):
        super().__init__(positive_int("latent_size", latent_size), **kwargs)
        self.components = positive_int("components", components)
        self.spread = number_in("spread", spread, 0.0)
        self.kind = Kind(DiagonalNormal(latent_size))

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the weights."""
        shape = (self.components, *self.event_shape)
        memory.check_weights(self.path or self.name, *shape)
        options = {"dtype": "float32", "autocast": False}
        draw = keras.initializers.RandomNormal(stddev=self.spread)
        self.logits = self.add_weight(shape=(self.components,), initializer="zeros", name="logits", **options)
        self.locs = self.add_weight(shape=shape, initializer=draw, name="locs", **options)
        self.log_scales = self.add_weight(shape=shape, initializer="zeros", name="log_scales", **options)
        super().build(input_shape)

    def parameters(self) -> Parameters:
        """Returns (log w, loc, scale): [C], [C, latent_size] and [C, latent_size]."""
        return (
            tf.nn.log_softmax(tf.convert_to_tensor(self.logits)),
            tf.convert_to_tensor(self.locs),
            tf.exp(bounded(tf.convert_to_tensor(self.log_scales))),
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "latent_size": self.event_shape[0],
            "components": self.components,
            "spread": self.spread,
        }
