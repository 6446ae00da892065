"""Discrete-latent models by enumeration of every joint state: exact log-densities, bounds and their gradients.

It asks the model's layers for parameters and TensorFlow Probability for probabilities, and shares no code with the
models' own sampling, scoring and weighing. Shapes: S joint states, B examples, K particles; all in nats.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfvae.distributions import OneHotCategorical

MOST_STATES = 2**8


def values_of(head) -> np.ndarray:
    """Returns every value of a Bernoulli or one-hot head: [values, *event_shape]."""
    if isinstance(head, OneHotCategorical):
        variables, classes = head.event_shape
        codes = itertools.product(np.eye(classes), repeat=variables)
        return np.array([np.stack(code) for code in codes], np.float32)
    return np.array(list(itertools.product([0.0, 1.0], repeat=head.noise_size)), np.float32)


class Enumeration:
    """Every joint state of a `DiscreteVAE`, scored for a batch of examples; differentiable for the model's variables.

    Args:
        model: a built `DiscreteVAE` with at most 256 joint states.
        x: [B, *event_shape].
    """

    def __init__(self, model, x) -> None:
        self.model, self.x = model, tf.constant(x, tf.float32)
        each = [values_of(head) for head in model.posterior_heads]
        places = np.array(list(itertools.product(*[range(len(values)) for values in each])))
        if len(places) > MOST_STATES:
            raise ValueError(f"expected at most {MOST_STATES} states; received {len(places)}")
        self.states = [values[place] for values, place in zip(each, places.T, strict=True)]

    def log_joint(self) -> tf.Tensor:
        """Returns log p(x, z): [S, B]."""
        model, above = self.model, self.states[-1]
        log_prior = model.prior_head.distribution((model.prior_head.logits,)).log_prob(above)
        for level in reversed(range(len(self.states) - 1)):
            below = self.states[level]
            given = model.conditional_heads[level](model.decoders[level + 1](above))
            log_prior += model.conditional_heads[level].distribution(given).log_prob(below)
            above = below
        (logits,) = model.likelihood_head(model.decoders[0](self.states[0]))
        log_likelihood = model.likelihood_head.distribution((logits[:, tf.newaxis],)).log_prob(self.x)
        return log_likelihood + log_prior[:, tf.newaxis]

    def log_posterior(self) -> tf.Tensor:
        """Returns log q(z|x): [S, B]."""
        model = self.model
        q = model.posterior_heads[0](model.encoders[0](self.x))
        log_q = model.posterior_heads[0].distribution(q).log_prob(self.states[0][:, np.newaxis])
        for level in range(1, len(self.states)):
            given = model.posterior_heads[level](model.encoders[level](self.states[level - 1]))
            upper = model.posterior_heads[level].distribution(given).log_prob(self.states[level])
            log_q += upper[:, tf.newaxis]
        return log_q

    def log_marginal(self) -> np.ndarray:
        """Returns log p(x): [B]."""
        return tf.reduce_logsumexp(self.log_joint(), axis=0).numpy()

    def elbo(self) -> tf.Tensor:
        """Returns E_q[log p(x, z) - log q(z|x)]: [B]."""
        log_q = self.log_posterior()
        return tf.reduce_sum(tf.exp(log_q) * (self.log_joint() - log_q), axis=0)

    def iwelbo(self, num_samples: int) -> tf.Tensor:
        """Returns E[log (1/K) sum_k w_k] over all S^K tuples of states: [B]."""
        log_q, log_w = self._tuples(num_samples)
        bound = tf.reduce_logsumexp(log_w, axis=1) - np.log(num_samples)
        return tf.reduce_sum(tf.exp(tf.reduce_sum(log_q, axis=1)) * bound, axis=0)

    def wake(self, num_samples: int) -> tf.Tensor:
        """Returns E[sum_k w~_k log q(z_k|x)] over all S^K tuples, all but the last factor constant: [B]."""
        log_q, log_w = self._tuples(num_samples)
        weight = tf.exp(tf.reduce_sum(log_q, axis=1))[:, tf.newaxis] * tf.nn.softmax(log_w, axis=1)
        return tf.reduce_sum(tf.stop_gradient(weight) * log_q, axis=[0, 1])

    def _tuples(self, num_samples: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns log q and log w of every tuple of states: [S^K, K, B]."""
        log_q = self.log_posterior()
        log_w = self.log_joint() - log_q
        tuples = np.array(list(itertools.product(range(len(log_w)), repeat=num_samples)))
        return tf.gather(log_q, tuples), tf.gather(log_w, tuples)


def gradients(bound: Callable[[], tf.Tensor], variables: Mapping) -> dict[str, np.ndarray]:
    """Returns the gradients of the mean over the batch of `bound()`, by the names of `variables`."""
    with tf.GradientTape() as tape:
        mean = tf.reduce_mean(bound())
    taken = tape.gradient(mean, dict(variables), unconnected_gradients="zero")
    return {name: gradient.numpy().astype(np.float64) for name, gradient in taken.items()}
