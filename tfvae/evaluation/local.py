"""The best q(z|x) of its family for each example by itself, found by gradient ascent on the ELBO."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from tfvae import estimators, random
from tfvae.models.contract import Inferential
from tfvae.models.particles import Objective, ScoreOptions
from tfvae.models.weighing import weigh

FORGET_MEAN, FORGET_SQUARE, TINY = 0.9, 0.99, 1e-8  # of Adam


def climb(
    model: Inferential,
    x: Any,
    free: Any,
    first_row: tf.Tensor,
    seed: tf.Tensor,
    steps: tf.Tensor,
    learning_rate: tf.Tensor,
    step_samples: int,
) -> Any:
    """Takes the steps t = 0 .. steps - 1 of Adam with the rate learning_rate (1 + cos(pi t / steps)) / 2.

    Every example has parameters of its own and Adam treats each number by itself, so that no example depends on
    another. The gradient follows the path from q to z without the score term, whose mean is zero ("stl"), where the
    head can score any value cheaply, and is that of "elbo" otherwise. No weight of the model is touched.

    Args:
        model: model whose q has parameters that depend on x alone.
        x: checked examples, B rows.
        free: parameters of q to start from, as `Inferential.unconstrain` gives them: tensors [B, ...].
        first_row: index of the first example, which keys its noise together with the step.
        seed: [2], int32.
        steps: scalar int32 tensor.
        learning_rate: scalar.
        step_samples: particles for each example and step, an int.

    Returns:
        free: after these steps.

    References:
        Kingma, Ba: Adam: a method for stochastic optimization (2015), algorithm 1.
        Roeder, Wu, Duvenaud: Sticking the landing (2017), equation 8.
    """
    path_alone = all(head.has_cheap_log_prob for head in model.posterior_heads)
    estimator = estimators.get("stl" if path_alone else "elbo")
    num_rows = tf.shape(tf.nest.flatten(x)[0])[0]

    def gradient(free: Any, step: tf.Tensor) -> Any:
        """Returns the descent direction of minus the ELBO, summed over the examples."""
        noise = random.PhiloxNoise(random.fold(seed, step), num_rows, first_row)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(free)
            particles = model.score(x, model.constrain(free), step_samples, noise, ScoreOptions(tape=tape))
            objective = Objective.of(particles, 1.0)
            terms = estimator(objective.log_weights)
        flat = weigh(
            tape,
            particles,
            terms,
            objective,
            penalty=tf.constant(0.0),
            example_weight=tf.ones([num_rows]),
            penalty_weight=tf.constant(0.0),
            variables=tf.nest.flatten(free),
        )
        return tf.nest.pack_sequence_as(free, flat)

    def take_step(step: tf.Tensor, free: Any, mean: Any, square: Any) -> tuple[Any, ...]:
        slope = gradient(free, step)
        mean = _blend(FORGET_MEAN, mean, slope)
        square = _blend(FORGET_SQUARE, square, tf.nest.map_structure(tf.square, slope))
        done = tf.cast(step, tf.float32)
        rate = 0.5 * learning_rate * (1.0 + tf.cos(math.pi * done / tf.cast(steps, tf.float32)))
        rate /= 1.0 - FORGET_MEAN ** (done + 1.0)
        unbias = 1.0 / (1.0 - FORGET_SQUARE ** (done + 1.0))
        free = tf.nest.map_structure(
            lambda value, m, v: value - rate * m / (tf.sqrt(unbias * v) + TINY), free, mean, square
        )
        return step + 1, free, mean, square

    zeros = tf.nest.map_structure(tf.zeros_like, free)
    return tf.while_loop(lambda step, *_: step < steps, take_step, (tf.constant(0), free, zeros, zeros))[1]


def _blend(share: float, old: Any, new: Any) -> Any:
    """Returns share * old + (1 - share) * new, number by number."""
    return tf.nest.map_structure(lambda a, b: share * a + (1.0 - share) * b, old, new)
