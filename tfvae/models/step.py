"""One training step of a latent-variable model: draw particles, weigh them, move the weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from tfvae import random
from tfvae.estimators.base import Terms
from tfvae.models import checking, replicas, resampling, steps
from tfvae.models.particles import Objective
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.models.summaries import summarize
from tfvae.models.weighing import weigh
from tfvae.random import Noise

if TYPE_CHECKING:
    from tfvae.models.base import LatentVariableModel


def learn(model: LatentVariableModel, batch: Batch, noise: Noise) -> Metrics:
    """Takes one step along the estimator's gradients and returns what the model reports of the batch.

        1. K latents for each example are drawn from q(z|x) and scored at fixed points.
        2. The estimator weighs them: `Terms`, the weights of three gradients.
        3. `weigh` turns these into gradients; the optimiser applies them.

    What the model compares in latent space joins the loss; its discriminator, if it has one, moves after the model.

    With `backward_particles` m the first two run without a tape, m particles are drawn by their weights, and steps 1
    and 3 run again for these alone.

    Args:
        model: the model.
        batch: examples with their weights.
        noise: noise with a row for each example.
    """
    x, weight = batch.x, batch.weight
    step = steps.taken(model.optimizer)
    of_rows = noise
    options = {"training": True, "analytic_kl": model.estimator.analytic_kl, "mean": batch.mean}
    if model.estimator.relaxed:
        options["temperature"] = model.estimator.temperature_at(model.optimizer.iterations)
    kl_weight = model.current_kl_weight()
    whole = None
    with tf.GradientTape(persistent=True) as tape:
        if model.backward_particles:
            with tape.stop_recording():
                noise = random.Recorded(noise)
                whole = model.particles(x, model.num_samples, noise, **options)
            log_weights = Objective.of(whole, kl_weight).log_weights
            terms, baseline_loss = _weights(model, log_weights, batch, step, kl_weight)
            uniforms = noise.uniform("backward", model.backward_particles, 1)[..., 0]
            index = resampling.draw(terms.model, uniforms)
            terms, noise = resampling.pick(terms, index), random.Chosen(noise, index)
        particles = model.particles(x, model.num_samples, noise, tape=tape, **options)
        objective = Objective.of(particles, kl_weight)
        if whole is None:
            terms, baseline_loss = _weights(model, objective.log_weights, batch, step, kl_weight)
        regularization = model.regularization()
        penalty = regularization / replicas.count() + baseline_loss
        kl_cost = 0.0
        if particles.kl is not None:
            kl_cost = kl_weight * freed(particles.kl, weight, model.free_bits)
            penalty += tf.reduce_sum(batch.share * kl_cost)
        matched = model.match(particles, batch, of_rows, training=True)
        penalty += tf.reduce_sum(batch.share) * matched.penalty
    scale = model.optimizer.scale_loss(tf.constant(1.0))
    variables = model.moved_weights()
    gradients = weigh(
        tape,
        particles,
        terms,
        objective,
        penalty=penalty,
        example_weight=scale * batch.share,
        penalty_weight=scale,
        variables=variables,
    )
    with checking.after(x):
        model.apply(gradients)
        steps.count(model.optimizer, step, variables)
    found = model.teach_discriminator(matched, batch)
    loss = regularization + weight * (kl_cost - terms.bound + matched.cost)
    seen = particles if whole is None else whole
    return model.report(summarize(seen, model.estimator) | found | {"loss": loss}, batch, seen)


def assess(model: LatentVariableModel, batch: Batch, noise: Noise) -> Metrics:
    """Returns what the model reports of a batch that is not trained on: the plain bound, whatever the training adds."""
    particles = model.particles(batch.x, model.num_samples, noise, analytic_kl=model.estimator.analytic_kl)
    matched = model.match(particles, batch, noise, training=False)
    metrics = summarize(particles, model.estimator) | matched.metrics
    return model.report(metrics | {"loss": -batch.weight * metrics["bound"]}, batch, particles)


def _weights(
    model: LatentVariableModel, log_weights: tf.Tensor, batch: Batch, step: tf.Tensor, kl_weight: tf.Tensor
) -> tuple[Terms, tf.Tensor | float]:
    """Returns the estimator's terms, and the loss whose gradient trains its baseline, if it has one."""
    if model.baseline is None:
        return _tempered(model, model.estimator(log_weights), kl_weight), 0.0
    network = model.baseline(batch.x)
    baseline = model.baseline.observe(log_weights, tf.stop_gradient(network), batch.weight, step)
    terms = model.estimator(log_weights, baseline)
    signal = tf.stop_gradient(tf.reduce_sum(terms.score, axis=0))
    return terms, -tf.reduce_sum(batch.share * network * signal)


def _tempered(model: LatentVariableModel, terms: Terms, kl_weight: tf.Tensor) -> Terms:
    """Returns the terms with the path weights' share for the score term at the KL weight, as log q is."""
    if not model.estimator.doubly_reparameterized or (model.kl_weight == 1 and not model.kl_warmup_steps):
        return terms
    return terms._replace(path=terms.model + kl_weight * (terms.path - terms.model))


def freed(kl: tf.Tensor, weight: tf.Tensor, free_bits: float) -> tf.Tensor:
    """Sums KL divergences over the units, each held at `free_bits` where its batch mean is below.

    Args:
        kl: divergence of each unit, [B, units], nats.
        weight: weight of each example in the batch mean, [B].
        free_bits: nats; 0 holds nothing.

    Returns:
        cost: [B], nats.
    """
    if free_bits:
        mean = replicas.weighted_mean(kl, weight)
        kl = tf.where(tf.stop_gradient(mean) > free_bits, kl, free_bits)
    return tf.reduce_sum(kl, axis=-1)
