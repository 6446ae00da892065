"""Logistic variables rounded to the levels of stored pixels: one for each pixel, or a mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.head import Parameters, Shape
from tfvae.distributions.hyperbolic import log_sinh_ratio
from tfvae.distributions.levels_head import LevelsHead
from tfvae.distributions.projection import Projection
from tfvae.distributions.relaxation import SMALLEST_UNIFORM

NARROWEST = 0.05  # smallest scale in distances between levels: a level may then hold all but 5e-5 of the mass


@keras.saving.register_keras_serializable(package="tfvae")
class DiscretizedLogistic(LevelsHead):
    """Independent logistic variables rounded to the nearest level of [0, 1]:

        P(x) = sigmoid((x + d/2 - loc) / scale) - sigmoid((x - d/2 - loc) / scale),  d = 1 / (levels - 1),

    with -infinity for x - d/2 at 0 and +infinity for x + d/2 at 1. loc is linear in the features, scale is softplus of
    another linear output plus d/20.

    Args:
        event_shape: shape of one example; each entry, also of one pixel's channels, is independent given the features.
        levels: number of levels of a stored pixel.
        kernel_initializer: initialiser of the linear layers.

    Raises:
        UserError: if an argument is out of range.

    References:
        Salimans, Karpathy, Chen, Kingma: PixelCNN++ (2017), discretised logistic mixture likelihood, with
        one component.

    Example:
        >>> [parameter.shape.as_list() for parameter in DiscretizedLogistic((2, 2, 1))(tf.ones((4, 3)))]
        [[4, 2, 2, 1], [4, 2, 2, 1]]
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        levels: int = 256,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(event_shape, levels, **kwargs)
        self.loc_layer = self._projection("loc", kernel_initializer)
        self.scale_layer = self._projection("raw_scale", kernel_initializer)

    def _projection(self, name: str, kernel_initializer: Any, *components: int) -> Projection:
        shape = (*self.event_shape, *components)
        return Projection(shape, kernel_initializer, dtype=self.dtype_policy, name=name)

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layers."""
        self.loc_layer.build(input_shape)
        self.scale_layer.build(input_shape)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, scale): [N, *event_shape] each."""
        floor = NARROWEST / (self.levels - 1)
        return self.loc_layer(features), tf.nn.softplus(self.scale_layer(features)) + floor

    def log_mass(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log P(value) of each variable.

        sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)), so that nothing cancels at any scale.
        """
        loc, scale = parameters
        return _log_mass(value, loc, scale, self.levels)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns the level nearest to loc + scale log(u / (1 - u)) for noise u, uniform on [0, 1)."""
        loc, scale = parameters
        return _nearest_level(loc, scale, self.shape_noise(noise), self.levels)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns sum_k P(x >= k d) d over the levels above 0, exactly."""
        loc, scale = parameters
        return _mean(loc, scale, self.levels)

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean: array [*event_shape] in [0, 1]."""
        self.loc_layer.initialize_bias(np.asarray(mean, np.float32))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.loc_layer.kernel_initializer)
        return super().get_config() | {"kernel_initializer": initializer}


@keras.saving.register_keras_serializable(package="tfvae")
class DiscretizedLogisticMixture(DiscretizedLogistic):
    """Independent variables, each a mixture of `DiscretizedLogistic` ones: P(x) = sum_k weight_k P_k(x).

    Every channel of a pixel has a mixture of its own and is independent of the others given the features; the
    autoregressive channels of the paper are left out.

    Args:
        event_shape: shape of one example.
        components: number of components of each mixture.
        levels: number of levels of a stored pixel.
        kernel_initializer: initialiser of the linear layers.

    Raises:
        UserError: if an argument is out of range.

    References:
        Salimans, Karpathy, Chen, Kingma: PixelCNN++ (2017), discretised logistic mixture likelihood.

    Example:
        >>> [parameter.shape.as_list() for parameter in DiscretizedLogisticMixture(6, components=2)(tf.ones((4, 3)))]
        [[4, 6, 2], [4, 6, 2], [4, 6, 2]]
    """

    level_axis = -2

    def __init__(
        self,
        event_shape: int | Sequence[int],
        components: int = 5,
        levels: int = 256,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ):
        self.components = positive_int("components", components)
        super().__init__(event_shape, levels, kernel_initializer, **kwargs)
        self.logits_layer = self._projection("logits", kernel_initializer)

    def _projection(self, name: str, kernel_initializer: Any, *components: int) -> Projection:
        return super()._projection(name, kernel_initializer, self.components)

    @property
    def noise_size(self) -> int:
        """Numbers of noise that one value takes: one for the component and one for the variable."""
        return 2 * super().noise_size

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layers; the components start spread around 1/2."""
        self.logits_layer.build(input_shape)
        super().build(input_shape)
        self.initialize_bias(np.full(self.event_shape, 0.5))

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (logits, loc, scale): [N, *event_shape, components] each."""
        return self.logits_layer(features), *super().call(features)

    def log_mass(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns log sum_k weight_k P_k(value) of each variable."""
        logits, loc, scale = parameters
        each = _log_mass(value[..., tf.newaxis], loc, scale, self.levels)
        return tf.reduce_logsumexp(tf.nn.log_softmax(logits) + each, axis=-1)

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns draws from components chosen by inverse distribution function, for noise uniform on [0, 1)."""
        logits, loc, scale = parameters
        choice, noise = tf.split(noise, 2, axis=-1)
        component = choose(logits, self.shape_noise(choice))
        chosen = tf.one_hot(component, self.components)
        loc, scale = (tf.reduce_sum(chosen * item, axis=-1) for item in (loc, scale))
        return _nearest_level(loc, scale, self.shape_noise(noise), self.levels)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns sum_k weight_k mean_k, exactly."""
        logits, loc, scale = parameters
        return tf.reduce_sum(tf.nn.softmax(logits) * _mean(loc, scale, self.levels), axis=-1)

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Spreads the components over an interval of length 1 around the data's mean: array [*event_shape]."""
        spread = (np.arange(self.components) + 0.5) / self.components - 0.5
        self.loc_layer.initialize_bias((np.asarray(mean)[..., np.newaxis] + spread).astype(np.float32))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"components": self.components}


def choose(logits: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Returns the first class at which the cumulative softmax exceeds the noise.

    Args:
        logits: [..., classes].
        uniform: [...] in [0, 1).

    Returns:
        index: [...], int32.
    """
    below = tf.cumsum(tf.nn.softmax(logits), axis=-1)[..., :-1]
    return tf.reduce_sum(tf.cast(below <= uniform[..., tf.newaxis], tf.int32), axis=-1)


def _log_mass(value: tf.Tensor, loc: tf.Tensor, scale: tf.Tensor, levels: int) -> tf.Tensor:
    half = 0.5 / (levels - 1)
    h = half / scale
    centre = (value - loc) / scale
    above, below = tf.nn.softplus(-centre - h), tf.nn.softplus(centre - h)
    inside = tf.math.log(2.0 * h) - h + log_sinh_ratio(h)  # log(1 - exp(-2 h))
    bottom, top = value < half, value > 1.0 - half
    return tf.where(bottom, -above, tf.where(top, -below, inside - above - below))


def _nearest_level(loc: tf.Tensor, scale: tf.Tensor, uniform: tf.Tensor, levels: int) -> tf.Tensor:
    u = tf.clip_by_value(uniform, SMALLEST_UNIFORM, 1.0 - SMALLEST_UNIFORM)
    x = loc + scale * (tf.math.log(u) - tf.math.log1p(-u))
    return tf.round(tf.clip_by_value(x, 0.0, 1.0) * (levels - 1)) / (levels - 1)


def _mean(loc: tf.Tensor, scale: tf.Tensor, levels: int) -> tf.Tensor:
    def add(level: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        threshold = (tf.cast(level, tf.float32) - 0.5) / (levels - 1)
        return level + 1, total + tf.sigmoid((loc - threshold) / scale)

    start = (tf.constant(1), tf.zeros_like(loc))
    shapes = (tf.TensorShape([]), loc.shape)
    _, total = tf.while_loop(
        lambda level, _: level < levels,
        add,
        start,
        shape_invariants=shapes,
        maximum_iterations=levels - 1,
    )
    return total / (levels - 1)
