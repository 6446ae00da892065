"""The distribution that a head stands for, whatever its role."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from tensorflow_probability import distributions as tfd

from tfvae.checks import shape_of
from tfvae.layers import Composite
from tfvae.random import Noise

Parameters = tuple[tf.Tensor, ...]
Shape = tuple[int | None, ...]  # of features, the batch first
LOG_2_PI = math.log(2.0 * math.pi)
LARGEST = float(np.finfo(np.float32).max)


class Head(Composite, keras.layers.Layer, abc.ABC):
    """A Keras layer that holds a distribution as a tuple of float32 tensors, its parameters.

    Three roles say where the parameters come from: `PosteriorHead` and `LikelihoodHead` compute them from features
    [N, ...] when called, `PriorHead` has weights of its own. Keras can trace a tuple of tensors, which is why a call
    returns no TFP object; `distribution` makes that object. Parameters may gain leading axes ([K, B, ...]) in between.

    Attributes:
        event_shape: shape of one value.
        value_kind: "continuous", "binary", "one-hot", "levels" (equally spaced numbers of [0, 1]), "counts" or
            "mixed" (columns of several kinds).
        support: lowest and highest number in a value.
        noise_kind: kind of the noise that feeds `sample`, "normal" or "uniform", where `noise_from` draws one kind.
        needs_features: whether the parameters come from features.
        relaxation: class in `tfvae.distributions.relaxation` for a continuous relaxation of discrete values, or None.

    Example:
        >>> from tfvae.distributions import DiagonalNormal
        >>> head = DiagonalNormal(2)
        >>> q = head(tf.ones((4, 3)))  # loc and scale, [4, 2] each
        >>> z = head.sample(q, tf.random.normal((5, 4, 2)))
        >>> head.log_prob(q, z).shape.as_list()
        [5, 4]
    """

    value_kind: str = "continuous"
    support: tuple[float, float] = (-math.inf, math.inf)
    noise_kind: ClassVar[str] = "normal"
    needs_features: ClassVar[bool] = True
    relaxation: ClassVar[Any] = None

    def __init__(self, event_shape: int | Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.event_shape: tuple[int, ...] = shape_of("event_shape", event_shape)

    def __repr__(self) -> str:
        """The class and the shape of a value."""
        return f"{type(self).__name__}({', '.join(map(str, self.event_shape))})"

    @abc.abstractmethod
    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns the TFP distribution with these parameters."""

    @abc.abstractmethod
    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Maps noise [..., noise_size] to values [..., *event_shape]."""

    @abc.abstractmethod
    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log p(value), nats, summed over the event."""

    @abc.abstractmethod
    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns the mean, in the shape of a value."""

    def factors(self, parameters: Parameters) -> tfd.Distribution | None:
        """Returns the distribution of each unit where the units are independent, otherwise None."""
        return None

    @property
    def noise_size(self) -> int:
        """Numbers of noise that one value takes."""
        return math.prod(self.event_shape)

    def noise_from(self, source: Noise, stream: str, num_samples: int = 1) -> tf.Tensor:
        """Returns the noise for `sample`: [num_samples, rows, noise_size]."""
        return source.draw(self.noise_kind, stream, num_samples, self.noise_size)

    def same_values(self, other: Head) -> bool:
        """Returns whether `other` is a distribution over values of the same kind, shape and range."""
        mine, others = ((head.event_shape, head.value_kind, head.support) for head in (self, other))
        return mine == others

    def describe_values(self) -> str:
        """Returns the kind, shape and range of the values, for messages."""
        low, high = self.support
        bounded = self.value_kind == "continuous" and math.isfinite(high - low)
        return f"{self.value_kind} values of shape {self.event_shape}" + f" in [{low:g}, {high:g}]" * bounded

    def shape_noise(self, noise: tf.Tensor) -> tf.Tensor:
        """Reshapes noise [..., noise_size] to [..., *event_shape]."""
        return tf.reshape(noise, tf.concat([tf.shape(noise)[:-1], self.event_shape], axis=0))

    def flatten_event(self, values: tf.Tensor) -> tf.Tensor:
        """Reshapes [..., *event_shape] to [..., size of the event]."""
        values = tf.convert_to_tensor(values)
        if len(self.event_shape) == 1:
            return values
        lead = values.shape.rank - len(self.event_shape)
        size = math.prod(self.event_shape)
        flat = tf.reshape(values, tf.concat([tf.shape(values)[:lead], [size]], axis=0))
        flat.set_shape([*values.shape[:lead], size])
        return flat

    def sum_event(self, values: tf.Tensor) -> tf.Tensor:
        """Sums over the axes of one value."""
        return tf.reduce_sum(values, axis=list(range(-len(self.event_shape), 0)))
