"""From an estimator's weights to the gradients of a training step."""

from __future__ import annotations

import tensorflow as tf

from tfvae.estimators.base import Terms
from tfvae.models.particles import Objective, Particles

NEGLIGIBLE = 1e-12  # far below float32 rounding of the sum that it joins


def weigh(
    tape: tf.GradientTape,
    particles: Particles,
    terms: Terms,
    objective: Objective,
    *,
    penalty: tf.Tensor,
    example_weight: tf.Tensor,
    penalty_weight: tf.Tensor,
    variables: list,
) -> list[tf.Tensor | None]:
    """Gradients of the loss: minus the estimator's three gradients, plus a penalty's.

    One backward pass through the decoder gives the model gradient and d log p / d z_k; the path weights then act on
    the latter as a factor for each particle, and one backward pass through the encoder finishes. Where the
    log-densities follow the path themselves, one pass through everything gives the gradient of the bound.

    Args:
        tape: a persistent tape that recorded the particles.
        particles: what it recorded.
        terms: what the estimator made of them.
        objective: the log-densities to differentiate.
        penalty: scalar that is added to the loss as it is.
        example_weight: weight of each example in the loss, [B].
        penalty_weight: weight of the penalty in the loss, scalar.
        variables: the variables to differentiate for.

    Returns:
        gradients: one for each variable; None where nothing depends on it.
    """
    fixed, (log_model, log_q) = list(particles.fixed), objective
    targets, cotangents = [penalty], [penalty_weight]
    if terms.score is not None:
        targets.append(log_q)
        cotangents.append(-example_weight * terms.score)
    if not fixed:
        targets.append(log_model)
        cotangents.append(-example_weight * terms.model)
        return tape.gradient(targets, variables, output_gradients=cotangents)

    cotangent = terms.model
    if terms.path is not None and terms.path is not terms.model:
        cotangent = tf.maximum(cotangent, NEGLIGIBLE * tf.abs(terms.path))
    from_model = tape.gradient(log_model, fixed + variables, output_gradients=-example_weight * cotangent)
    pulls, totals = from_model[: len(fixed)], from_model[len(fixed) :]

    if terms.path is not None:
        if terms.path is not terms.model:
            factor = tf.math.divide_no_nan(terms.path, cotangent)
            pulls = [_scale(pull, factor) for pull in pulls]
        if log_q is not None:
            pushes = tape.gradient(log_q, fixed, output_gradients=example_weight * terms.path)
            pulls = list(map(_add, pulls, pushes))
        for index in reversed(range(1, len(fixed))):
            sources = fixed[:index] + variables
            through = tape.gradient(particles.latents[index], sources, output_gradients=pulls[index])
            pulls[:index] = map(_add, pulls[:index], through[:index])
            totals = list(map(_add, totals, through[index:]))
        targets.append(particles.latents[0])
        cotangents.append(pulls[0])
    return list(map(_add, totals, tape.gradient(targets, variables, output_gradients=cotangents)))


def _scale(gradient: tf.Tensor | None, factor: tf.Tensor) -> tf.Tensor | None:
    """Multiplies a gradient [K, B, ...] by a factor [K, B]."""
    if gradient is None:
        return None
    shape = tf.concat([tf.shape(factor), tf.ones([tf.rank(gradient) - 2], tf.int32)], axis=0)
    return gradient * tf.reshape(factor, shape)


def _add(first: tf.Tensor | None, second: tf.Tensor | None) -> tf.Tensor | None:
    if first is None or second is None:
        return second if first is None else first
    return tf.convert_to_tensor(first) + tf.convert_to_tensor(second)
