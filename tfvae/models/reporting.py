"""The metrics that a model reports: means over examples, replicas and batches, and those that a user adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError
from tfvae.models import checking
from tfvae.models.means import Means
from tfvae.models.optimized import KerasPart
from tfvae.models.replicas import Batch
from tfvae.random import Noise

Metrics = dict[str, tf.Tensor]
SUMS = "sums"  # what a replica's step returns: [1, 2, metrics], the weighted sums of the metrics and their weights


class Reporting(KerasPart):
    """For a Keras model whose steps give each metric as numbers [B].

    Attributes:
        extra_metric_names: names of what `extra_metrics` gives.
    """

    extra_metric_names: tuple[str, ...] = ()

    def extra_metrics(self, x: Any, scores: Any) -> Metrics:
        """Returns metrics of your own, which `fit` and `evaluate` report beside the model's.

        They are averaged over examples and replicas by the sample weights, as the others are. A subclass names them:

            class MyVAE(tfvae.VAE):
                extra_metric_names = ("first_unit",)

                def extra_metrics(self, x, scores):
                    return {"first_unit": tf.reduce_mean(scores.latents[0][..., 0], axis=0)}

        Args:
            x: batch of B examples, as `check_examples` returns it.
            scores: the `Particles` of a model with q(z|x); log p(x|c), [B], of a regressor.

        Returns:
            metrics: name to [B].
        """
        return {}

    @property
    def metrics_names(self) -> list[str]:
        """The metrics' names, the loss first."""
        return list(self._means.names)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """The running means of the metrics, the count of batches that seeds `evaluate`, and, once compiled, the metrics
        one by one with the direction in which each is better, for callbacks with mode="auto"."""
        named = [metric for metric in super().metrics if hasattr(metric, "metrics")]
        return [self._means, self._test_batches, *named]

    def get_metrics_result(self) -> Metrics:
        """Returns the metrics so far by name; Keras asks again when an epoch ends, outside the replicas, which gives
        those of all of them."""
        return self._means.result()

    def follow(self, names: list[str]) -> None:
        """Keeps a running mean of each of these metrics and of the user's, and counts the batches of an evaluation."""
        self._means = Means([*names, *self.extra_metric_names])
        self._test_batches = keras.metrics.Sum(name="test_batches", dtype="float32")

    def test_noise(self, seed: int, batch: Batch) -> Noise:
        """Returns the noise of a batch of an evaluation, which it counts: a function of the seed and the count."""
        seeds = self.test_seed(seed, batch)
        return random.PhiloxNoise(seeds, tf.shape(batch.weight)[0], batch.first_row)

    def test_seed(self, seed: int, batch: Batch) -> tf.Tensor:
        """Returns the seed [2] of a batch of an evaluation, which it counts."""
        seeds = random.fold(seed, "test", self._test_batches.result())
        with checking.after(batch.x):
            self._test_batches.update_state(1.0)
        return seeds

    def report(self, metrics: Metrics, batch: Batch, scores: Any) -> Metrics:
        """Takes in the metrics of a batch and returns the means so far.

        Args:
            metrics: name to [B]; the loss holds the examples' weights already.
            batch: whose they are.
            scores: what `extra_metrics` is given.
        """
        metrics = metrics | self._extra(batch.x, scores)
        weights = dict.fromkeys(metrics, batch.weight) | {"loss": tf.ones_like(batch.weight)}
        self._means.update_state(
            *({name: rows[: batch.num_rows] for name, rows in of.items()} for of in (metrics, weights))
        )
        if not tf.distribute.has_strategy():
            return self.get_metrics_result()
        return {SUMS: tf.stack([self._means.totals.value, self._means.counts.value])[tf.newaxis]}

    def _extra(self, x: Any, scores: Any) -> Metrics:
        """Returns the user's metrics, checked."""
        extra = self.extra_metrics(x, scores)
        if set(extra) != set(self.extra_metric_names):
            raise UserError(
                "extra_metrics does not give what extra_metric_names announces",
                expected=", ".join(sorted(self.extra_metric_names)) or "none",
                received=", ".join(sorted(extra)) or "none",
            )
        return {name: tf.cast(values, tf.float32) for name, values in extra.items()}

    def _divided(self, function: Callable[[Any], Metrics]) -> Callable[[Any], Metrics]:
        """Wraps a step function of Keras', which averages what replicas return, to give the metrics of them all."""

        def step(iterator: Any) -> Metrics:
            logs = function(iterator)
            if SUMS not in logs:
                return logs
            return self._means.divided(*tf.unstack(tf.reshape(logs[SUMS], [2, -1])))

        return step
