"""The deterministic baseline of conditional models."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.distributions import LikelihoodHead
from tfvae.distributions.head import Parameters
from tfvae.distributions.likelihood_head import Mean
from tfvae.models import checking, replicas
from tfvae.models.conditional import Conditional, Pair
from tfvae.models.contract import Density
from tfvae.models.parts import check_parts, serialized, training_option
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class Regressor(Conditional, Density):
    """A regressor: p(x|c) is one likelihood with parameters from a network, given the condition c; no latents.

    `fit(condition, x)` maximises log p(x|c); `predict(condition)` and the model called on conditions give the
    likelihood's mean.

    Args:
        network: any Keras layer or model from a batch of conditions to a batch of features.
        condition_shape: of one condition.
        likelihood: head of p(x|c), e.g. `Bernoulli(event_shape)`; with `visible`, over the vector of hidden values.
        visible: mask [*event_shape] of the values of x that the condition shows, see `Conditional`, or None.

    Raises:
        UserError: if parts do not fit each other.

    Example:
        >>> from tfvae import distributions, networks
        >>> model = Regressor(networks.MLP([16]), condition_shape=10, likelihood=distributions.Normal(6))
        >>> model.log_prob(tf.ones((3, 6)), condition=tf.one_hot([7, 7, 1], 10)).shape.as_list()
        [3]

    References:
        Doersch: Tutorial on variational autoencoders (2016), whose regressor it is.
    """

    def __init__(
        self,
        network: Any,
        *,
        condition_shape: Any,
        likelihood: LikelihoodHead,
        visible: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_parts(keras.layers.Layer, "a Keras layer or model", {"network": network})
        check_parts(LikelihoodHead, "a likelihood head from tfvae.distributions", {"likelihood": likelihood})
        self.condition_on(condition_shape, visible, likelihood)
        self.network = network
        self.likelihood_head = likelihood
        self.follow(["loss", "bound", "distortion"])

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        self.call(tf.zeros((1, *self.condition_shape)))

    def call(self, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the mean E[x|c]: [B, *event_shape]."""
        parameters = self._parameters(condition, training)
        return self.complete(self.likelihood_head.mean(parameters), condition)

    def likelihood(self, condition: Any = None) -> tfp.distributions.Distribution:
        """Returns p(x|c), a TFP distribution with batch shape [B] and event shape of x; with `visible`, of the vector
        of hidden values."""
        return self.likelihood_head.distribution(self._parameters(self.check_condition(condition)))

    def log_prob(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns log p(x|c): [B], nats, exact."""
        return self._log_prob(self.check_scored(x, **condition))

    def _log_prob(self, x: Pair, training: bool = False, mean: Mean | None = None) -> tf.Tensor:
        parameters = self._parameters(x.condition, training)
        return self.score_likelihood(x, tuple(part[tf.newaxis] for part in parameters), mean)[0]

    def draw_parameters(self, noise: Noise, condition: tf.Tensor) -> Parameters:
        """Returns the likelihood's parameters for each checked condition."""
        return self._parameters(condition)

    def _parameters(self, condition: tf.Tensor, training: bool = False) -> Parameters:
        return self.likelihood_head(self.network(condition, **training_option(self.network, training)))

    def learn(self, batch: Batch) -> Metrics:
        """Takes one step of the optimiser along the gradient of log p(x|c)."""
        return self.take_step(self._step, batch)

    def _step(self, batch: Batch) -> Metrics:
        with tf.GradientTape() as tape:
            log_prob = self._log_prob(batch.x, training=True, mean=batch.mean)
            regularization = self.regularization()
            loss = regularization / replicas.count() - tf.reduce_sum(batch.share * log_prob)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_variables)
        with checking.after(batch.x):
            self.apply(gradients)
        return self._reported(log_prob, regularization, batch)

    def assess(self, batch: Batch) -> Metrics:
        """Reports the mean of log p(x|c), the exact bound."""
        return self._reported(self._log_prob(batch.x), 0.0, batch)

    def _reported(self, log_prob: tf.Tensor, regularization: tf.Tensor | float, batch: Batch) -> Metrics:
        loss = regularization - batch.weight * log_prob
        return self.report({"loss": loss, "bound": log_prob, "distortion": -log_prob}, batch, log_prob)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | serialized(network=self.network, likelihood=self.likelihood_head)
