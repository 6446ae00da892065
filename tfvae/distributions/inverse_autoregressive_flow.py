"""The inverse autoregressive flow posterior."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import positive_int
from tfvae.distributions.conditioner import Conditioner, autoregressive_masks
from tfvae.distributions.flow_head import PosteriorFlow

OPEN_GATE = 1.5  # raw gate before training: s = 0.82


@keras.saving.register_keras_serializable(package="tfvae")
class InverseAutoregressiveFlow(PosteriorFlow):
    """A diagonal Normal sent through steps in which each unit sees the units before it:

        z <- s * z + (1 - s) * m,  log q <- log q - sum_i log s_i,  (m, raw) = MADE(z, h),  s = sigmoid(raw)

    with a context h from the features; the order of the units is reversed from one step to the next. Sampling, with
    the density along the way, takes one network evaluation for each step. The density at any other value takes
    `latent_size` of them, so that only estimators that weigh log q along the whole path from the noise may train it
    (`tfvae.estimators.Row.needs_path_density`): "elbo", "iwae" and the like, not "stl" or "dreg".

    Args:
        latent_size: units of the latent vector, at least 2.
        steps: number T of flow steps.
        hidden_size: hidden units of each step's network, at least `latent_size`.
        context_size: size of the context h.
        kernel_initializer: initialiser of the linear layers from the features.

    Raises:
        UserError: if a number is out of range.

    References:
        Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling: Improving variational inference with inverse
        autoregressive flow (2016), algorithm 1.

    Example:
        >>> head = InverseAutoregressiveFlow(2)
        >>> q = head(tf.ones((4, 3)))
        >>> z, log_q = head.sample_and_log_prob(q, tf.zeros((5, 4, 2)))
        >>> z.shape.as_list(), log_q.shape.as_list()
        ([5, 4, 2], [5, 4])
    """

    has_cheap_log_prob = False

    def __init__(
        self, latent_size: int, steps: int = 2, hidden_size: int = 200, context_size: int = 50, **kwargs: Any
    ):
        super().__init__(latent_size, context_size, **kwargs)
        self.hidden_size = positive_int("hidden_size", hidden_size)
        order = np.arange(1, latent_size + 1)
        self.steps = [
            _Step(order[:: -1 if index % 2 else 1], hidden_size, context_size, name=f"step_{index}")
            for index in range(positive_int("steps", steps))
        ]

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {"steps": len(self.steps), "hidden_size": self.hidden_size}


class _Step(Conditioner):
    """One gated step; `order` is the place of each unit, 1 .. D."""

    def __init__(self, order: np.ndarray, hidden_size: int, context_size: int, **kwargs: Any):
        masks = autoregressive_masks(order, hidden_size)
        super().__init__(
            len(order), len(order), hidden_size, context_size, masks, raw_bias=OPEN_GATE, **kwargs
        )

    def forward(self, values: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns s * z + (1 - s) * m and sum_i log s_i."""
        shift, raw = self.call(values, context)
        gate = tf.sigmoid(raw)
        return gate * values + (1.0 - gate) * shift, -tf.reduce_sum(tf.nn.softplus(-raw), axis=-1)

    def inverse(self, values: tf.Tensor, context: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Solves for z. Each pass of z <- (value - (1 - s) m) / s makes one more unit exact, in their order, so that
        as many passes as there are units give all of them."""

        def improve(guess: tf.Tensor) -> tf.Tensor:
            shift, raw = self.call(guess, context)
            gate = tf.sigmoid(raw)
            return (values - (1.0 - gate) * shift) / gate

        size = self.sizes[0]
        _, solution = tf.while_loop(
            lambda done, _: done < size,
            lambda done, guess: (done + 1, improve(guess)),
            (tf.constant(1), improve(values)),
            maximum_iterations=size,
        )
        return solution, self.forward(solution, context)[1]
