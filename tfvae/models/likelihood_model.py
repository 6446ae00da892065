"""What models with a likelihood share: which examples it can score, and how it scores them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfvae.distributions import LikelihoodHead
from tfvae.distributions.head import Parameters
from tfvae.distributions.likelihood_head import Mean
from tfvae.models import checking
from tfvae.models.checking import Check
from tfvae.models.keras_model import KerasModel


class LikelihoodModel(KerasModel):
    """A Keras model with one likelihood p(x|...), that of `likelihood_head`.

    Attributes:
        likelihood_head: head of the likelihood.
    """

    likelihood_head: LikelihoodHead

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.likelihood_head.event_shape

    def parts_in_words(self) -> list[str]:
        """See `KerasModel.parts_in_words`."""
        return [*super().parts_in_words(), f"likelihood {self.likelihood_head}"]

    def scored(self, x: Any) -> tf.Tensor:
        """Returns what the likelihood scores of checked examples."""
        return x

    def score_likelihood(self, x: Any, parameters: Parameters, mean: Mean | None = None) -> tf.Tensor:
        """Returns the log-likelihood of checked examples.

        Args:
            x: batch of B examples.
            parameters: those of the likelihood, [K, B, ...].
            mean: mean of numbers over the global batch, in training, where weights of the head follow the data.

        Returns:
            log_likelihood: [K, B], nats.
        """
        values = self.scored(x)
        if mean is not None:
            parameters = self.likelihood_head.adapt(parameters, values, mean)
        return self.likelihood_head.log_prob(parameters, values)

    def checks(self, examples: Any, scored: bool) -> list[Check]:
        """See `Checked.checks`: values lie in the likelihood's range, and it can score each where it is to."""
        return [checking.support(self.likelihood_head, self.scored(examples), scored=scored)]

    def check_scored_values(self, x: tf.Tensor) -> None:
        """Raises a `UserError` if the likelihood cannot score float32 values."""
        checking.gated(x, checking.support(self.likelihood_head, x))
