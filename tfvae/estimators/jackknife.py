"""The importance-weighted bound with its bias reduced by the jackknife."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from tfvae.estimators.base import Estimator, Terms, log_mean_exp


@dataclass(frozen=True)
class Jvi(Estimator):
    """First-order jackknife variational inference: K L_K - (K - 1) mean_k L_(-k).

    L_K is the importance-weighted bound and L_(-k) the same without particle k. The bias of the estimate of log p(x)
    falls as 1/K^2, that of L_K as 1/K. It is not a lower bound.

    References:
        Nowozin: Debiasing evidence approximations: on importance-weighted autoencoders and jackknife variational
        inference (2018), section 3.
    """

    name: ClassVar[str] = "jvi"

    def __call__(self, log_weights: tf.Tensor) -> Terms:
        """Weighs the particles: v, v, -v with v_k = K w~_k - (K - 1)/K sum_j (w~_k without particle j)."""
        top = tf.reduce_max(log_weights, axis=0)
        relative = log_weights - top
        count = tf.cast(tf.shape(log_weights)[0], tf.float32)
        left_out = tf.eye(tf.shape(log_weights)[0], dtype=tf.bool)[:, :, tf.newaxis]
        others = tf.where(left_out, -float("inf"), relative)  # [without, particle, example]
        without = log_mean_exp(others, axis=1) + tf.math.log(count / (count - 1.0))
        bound = top + count * log_mean_exp(relative) - (count - 1.0) * tf.reduce_mean(without, axis=0)
        leave_one_out = tf.reduce_mean(tf.nn.softmax(others, axis=1), axis=0)
        weight = count * tf.nn.softmax(log_weights, axis=0) - (count - 1.0) * leave_one_out
        return Terms(bound, model=weight, path=weight, score=-weight)
