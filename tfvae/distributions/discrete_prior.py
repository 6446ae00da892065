"""Priors over discrete latents, with logits of their own."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae.distributions.bernoulli import Bernoulli
from tfvae.distributions.categorical import OneHotCategorical
from tfvae.layers import Composite


class _OwnLogits:
    """Logits that are weights instead of a function of features."""

    def build(self, input_shape=None):
        """Makes the logits, which start at 0, the uniform distribution."""
        self.logits = self.add_weight(
            shape=self.event_shape, initializer="zeros", dtype="float32", autocast=False, name="logits"
        )
        Composite.build(self, input_shape)

    def parameters(self):
        """Returns (logits,): [*event_shape]."""
        return (tf.convert_to_tensor(self.logits),)


@keras.saving.register_keras_serializable(package="tfvae")
class BernoulliPrior(_OwnLogits, Bernoulli):
    """Independent Bernoulli variables with trainable logits.

    Args:
        event_shape: units of the latent vector.
    """


@keras.saving.register_keras_serializable(package="tfvae")
class OneHotCategoricalPrior(_OwnLogits, OneHotCategorical):
    """Independent one-hot variables with trainable logits.

    Args:
        event_shape: (variables, classes).
    """
