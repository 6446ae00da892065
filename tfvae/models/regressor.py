"""The deterministic baseline of conditional models."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.distributions import Head
from tfvae.models import checking, compiled, replicas
from tfvae.models.conditional import Conditional
from tfvae.models.parts import check_parts, deserialize, training_option


@keras.saving.register_keras_serializable(package="tfvae")
class Regressor(Conditional):
    """A regressor: p(x|c) is one likelihood with parameters from a network, given the condition c; no latents.

    `fit(condition, x)` maximises log p(x|c); `predict(condition)` and the model called on conditions give the
    likelihood's mean.

    Args:
        network: any Keras layer or model from a batch of conditions to a batch of features.
        condition_shape: of one condition.
        likelihood: head of p(x|c), e.g. `Bernoulli(event_shape)`; with `given`, over the vector of the others.
        given: mask [*event_shape] of the values of x that the condition shows, see `Conditional`, or None.

    Raises:
        UserError: if parts do not fit each other.

    References:
        Doersch: Tutorial on variational autoencoders (2016), whose regressor it is.
    """

    def __init__(self, network, *, condition_shape, likelihood, given=None, **kwargs):
        super().__init__(**kwargs)
        check_parts(keras.layers.Layer, "a Keras layer or model", {"network": network})
        check_parts(Head, "a head from tfvae.distributions", {"likelihood": likelihood})
        self._condition_on(condition_shape, given, likelihood)
        self.network = network
        self.likelihood_head = likelihood
        self._follow(["loss", "bound", "distortion"])

    def build(self, input_shape=None):
        """Makes every layer by sending one condition through."""
        with tf.init_scope():
            self.call(tf.zeros((1, *self.condition_shape)))
        super().build((None, *self.condition_shape))

    def call(self, condition, training=False):
        """Returns the mean E[x|c]: [B, *event_shape]."""
        parameters = self._parameters(condition, training)
        return self.complete(self.likelihood_head.mean(parameters), condition)

    def likelihood(self, condition=None):
        """Returns p(x|c), a TFP distribution with batch shape [B] and event shape of x; with `given`, of the vector of
        the other values."""
        return self.likelihood_head.distribution(self._parameters(self.check_condition(condition)))

    def log_prob(self, x, condition=None):
        """Returns log p(x|c): [B], nats, exact."""
        return self._log_prob(self.check_scored(x, condition=condition))

    def _log_prob(self, x, training=False):
        parameters = self._parameters(x.condition, training)
        return self.score_likelihood(x, tuple(part[tf.newaxis] for part in parameters), training)[0]

    def draw_parameters(self, noise, condition):
        """Returns the likelihood's parameters for each checked condition."""
        return self._parameters(condition)

    def _parameters(self, condition, training=False):
        return self.likelihood_head(self.network(condition, **training_option(self.network, training)))

    @compiled.densities
    def train_step(self, data):
        """Takes one step of the optimiser along the gradient of log p(x|c)."""
        x, weight, num_rows = replicas.filled(*self._unpack(data))
        _, total_rows = replicas.place(num_rows)
        share = weight / tf.cast(total_rows, tf.float32)
        return self._take_step(num_rows, x, weight, share)

    def _learn(self, x, weight, share, num_rows):
        """See `LatentVariableModel._learn`."""
        with tf.GradientTape() as tape:
            log_prob = self._log_prob(x, training=True)
            regularization = tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in self.losses])
            loss = regularization / replicas.count() - tf.reduce_sum(share * log_prob)
            scaled = self.optimizer.scale_loss(loss)
        variables = self.trainable_variables
        gradients = tape.gradient(scaled, variables)
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = replicas.agree(gradients)
        with checking.after(x):
            self.optimizer.apply(gradients, variables)
        return self._figures(log_prob, weight, regularization, num_rows)

    @compiled.densities
    def test_step(self, data):
        """Reports the mean of log p(x|c), the exact bound."""
        x, weight, num_rows = replicas.filled(*self._unpack(data))
        return self._figures(self._log_prob(x), weight, 0.0, num_rows)

    def _figures(self, log_prob, weight, regularization, num_rows):
        loss = regularization - weight * log_prob
        return self._report({"loss": loss, "bound": log_prob, "distortion": -log_prob}, weight, num_rows)

    def get_config(self):
        """Returns the arguments."""
        parts = {"network": self.network, "likelihood": self.likelihood_head}
        return super().get_config() | {
            name: keras.saving.serialize_keras_object(part) for name, part in parts.items()
        }

    @classmethod
    def from_config(cls, config):
        """Returns the model that `get_config` described."""
        return cls(**{name: deserialize(value) for name, value in config.items()})
