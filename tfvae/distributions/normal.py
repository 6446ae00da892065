"""The Normal likelihood of real-valued data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError, number_in
from tfvae.distributions.head import LOG_2_PI, Parameters, Shape, tfd
from tfvae.distributions.likelihood_head import LikelihoodHead, Mean
from tfvae.distributions.projection import last_layer

MEMORY = 100.0  # batches that the running mean of the optimal variance remembers
TRAINED = ("learned", "each")
SMALLEST_VARIANCE = 1e-12  # of data that are met exactly, so that their density stays finite


@keras.saving.register_keras_serializable(package="tfvae")
class Normal(LikelihoodHead):
    """Independent Normal variables with a mean linear in the features and one scale for all, or one for each.

    The optimal scale has the closed form scale^2 = mean (x - loc)^2. It is shared by all examples, so the mean runs
    over the pixels, the particles and the examples of a batch, those of all replicas, an example counted by its sample
    weight. It is the optimum of the ELBO, where its gradient vanishes. Particles with weights of their own, those of
    "iwae" and the other multi-sample estimators, have another optimum, to which this scale does not go: choose
    "learned" for these. A training step scores its batch with the batch's own optimum. Whatever else is
    scored, as in `evaluate` or by importance sampling, meets a constant, so that p(x|z) is a density: the running mean
    of the batches' scale^2, the plain mean of the first 100 and 1/100 of each later one.

    Args:
        event_shape: shape of one example.
        scale: standard deviation: a number, "learned" for one trainable scale, "each" for a trainable scale of each
            number of an example, such as the columns of a table, or "optimal".
        initial_scale: start of the learned scale. One that is wider than the data, as 1 is for pixels, invites a
            posterior that ignores them. `tfvae train` starts from the data's standard deviation about their mean;
            elsewhere give it here, or call `initialize_scale` on the head of a built model.
        smallest_scale: what a trained scale stays above, in the units of the data. Numbers that take few values, such
            as categories, can be predicted exactly: without it their density grows without bound.
        kernel_initializer: initialiser of the linear layer.
        linear: whether the mean is linear in the features; otherwise it is the features plus an offset.

    Raises:
        UserError: if `scale` is neither positive nor one of the names, `initial_scale` is not positive, or
            `smallest_scale` is negative or not below it.

    References:
        Rybkin, Daniilidis, Levine: Simple and effective VAE training with calibrated decoders (2021)
        (the optimal variance).

    Example:
        >>> [parameter.shape.as_list() for parameter in Normal(6, scale=0.3)(tf.ones((4, 3)))]
        [[4, 6], [4, 1]]
    """

    def __init__(
        self,
        event_shape: int | Sequence[int],
        scale: float | str = 1.0,
        kernel_initializer: Any = "glorot_uniform",
        linear: bool = True,
        *,
        initial_scale: float = 1.0,
        smallest_scale: float = 0.0,
        **kwargs: Any,
    ):
        super().__init__(event_shape, **kwargs)
        self.linear = self.autocast = linear  # an offset is added in float32
        if isinstance(scale, str) and scale not in (*TRAINED, "optimal"):
            raise UserError(
                "unknown scale of a Normal likelihood",
                expected='a number > 0, "learned", "each" or "optimal"',
                received=scale,
            )
        self.scale = scale if isinstance(scale, str) else number_in("scale", scale, 0.0, open_low=True)
        self.smallest_scale = number_in("smallest_scale", smallest_scale, 0.0)
        self.initial_scale = number_in("initial_scale", initial_scale, self.smallest_scale, open_low=True)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.loc_layer = last_layer(
            self.event_shape, linear, self.kernel_initializer, dtype=self.dtype_policy, name="loc"
        )

    def build(self, input_shape: Shape | None = None) -> None:
        """Makes the linear layer and the scale."""
        self.loc_layer.build(input_shape)
        if self.scale in TRAINED:
            self.log_scale = self.add_weight(
                shape=self.event_shape if self.scale == "each" else (),
                initializer=keras.initializers.Constant(self._log_excess(self.initial_scale)),
                dtype="float32",
                autocast=False,
                name="log_scale",
            )
        if self.scale == "optimal":
            fixed = {
                "shape": (),
                "trainable": False,
                "dtype": "float32",
                "autocast": False,
                "aggregation": "only_first_replica",
            }
            self.variance = self.add_weight(initializer="ones", name="variance", **fixed)
            self.batches = self.add_weight(initializer="zeros", name="batches", **fixed)
        super().build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Returns (loc, scale): [N, *event_shape] and [N, 1, ...], which broadcast, or [N, *event_shape]."""
        loc = self.loc_layer(features)
        ones = tf.ones(tf.concat([tf.shape(loc)[:1], [1] * len(self.event_shape)], axis=0))
        return loc, ones * self.current_scale()

    def current_scale(self) -> float | tf.Tensor:
        """Returns the scale: a number or a scalar, or [*event_shape] with "each"."""
        if self.scale in TRAINED:
            return self.smallest_scale + tf.exp(tf.cast(self.log_scale, tf.float32))
        return tf.sqrt(tf.convert_to_tensor(self.variance)) if self.scale == "optimal" else self.scale

    @property
    def adapts(self) -> bool:  # type: ignore[override]
        """Whether training steps set the scale."""
        return self.scale == "optimal"

    def adapt(self, parameters: Parameters, value: tf.Tensor, mean: Mean) -> Parameters:
        """Returns (loc, the batch's optimal scale), and takes that scale into the running mean."""
        if self.scale != "optimal":
            return parameters
        loc, scale = parameters
        squares = tf.square(tf.stop_gradient(value - loc))
        optimum = tf.maximum(mean(squares), SMALLEST_VARIANCE)
        batches = tf.minimum(tf.convert_to_tensor(self.batches) + 1.0, MEMORY)
        variance = tf.convert_to_tensor(self.variance)
        self.batches.assign(batches)
        self.variance.assign(variance + (optimum - variance) / batches)
        return loc, tf.ones_like(scale) * tf.sqrt(optimum)

    def own_metrics(self) -> dict[str, float]:
        """Returns the scale, of several their geometric mean."""
        return {"scale": float(np.exp(np.log(self.current_scale()).mean()))}

    def distribution(self, parameters: Parameters) -> tfd.Distribution:
        """Returns a `tfd.Independent` of `tfd.Normal`."""
        return tfd.Independent(tfd.Normal(*parameters), len(self.event_shape))

    def sample(self, parameters: Parameters, noise: tf.Tensor) -> tf.Tensor:
        """Returns loc + scale * noise."""
        loc, scale = parameters
        return loc + scale * self.shape_noise(noise)

    def log_prob(self, parameters: Parameters, value: tf.Tensor) -> tf.Tensor:
        """Returns sum_i -(value_i - loc_i)^2 / (2 scale^2) - log scale - log(2 pi) / 2."""
        loc, scale = parameters
        return self.sum_event(-0.5 * tf.square((value - loc) / scale) - tf.math.log(scale) - 0.5 * LOG_2_PI)

    def mean(self, parameters: Parameters) -> tf.Tensor:
        """Returns loc."""
        return parameters[0]

    def initialize_bias(self, mean: np.ndarray) -> None:
        """Starts from the data's mean: array [*event_shape]."""
        self.loc_layer.initialize_bias(np.asarray(mean, np.float32))

    def initialize_scale(self, spread: float) -> None:
        """Starts a learned scale from the data's standard deviation, unless that is 0."""
        if self.scale in TRAINED and spread > self.smallest_scale:
            self.log_scale.assign(tf.fill(self.log_scale.shape, self._log_excess(spread)))

    def _log_excess(self, scale: float) -> float:
        return math.log(scale - self.smallest_scale)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return super().get_config() | {
            "event_shape": self.event_shape,
            "scale": self.scale,
            "initial_scale": self.initial_scale,
            "smallest_scale": self.smallest_scale,
            "kernel_initializer": initializer,
            "linear": self.linear,
        }
