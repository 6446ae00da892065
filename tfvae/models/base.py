"""The one training step, and what every latent-variable model shares."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae import estimators, random
from tfvae.checks import UserError, int_from, number_in, positive_int
from tfvae.estimators.base import log_mean_exp
from tfvae.models import replicas
from tfvae.models.particles import Particles, weigh
from tfvae.models.summaries import summarize


class LatentVariableModel(keras.Model):
    """A joint p(x, z) = p(z) p(x|z) with an inference model q(z|x), trained by sampling, scoring and weighting.

    A subclass says how to sample and score (`particles`); the estimator says how to weigh; the step below serves all.

    Args:
        estimator: name of a gradient estimator, {"name": ..., option: ...}, or an `Estimator`.
        num_samples: particles K for each example in training and in `evaluate`.
        kl_warmup_steps: optimiser steps over which the weight of log p(z) - log q(z|x) grows from 0 to 1, linearly.
        free_bits: nats below which the KL divergence of a latent unit, averaged over the batch, is not reduced
            further; needs the estimator "elbo-analytic".
        seed: of all noise in `fit` and `evaluate`, together with the optimiser's step.

    Raises:
        UserError: if an argument is out of range or the combination is impossible.

    References:
        Bowman et al.: Generating sentences from a continuous space (2016), section 3.1 (KL warm-up).
        Kingma et al.: Improving variational inference with inverse autoregressive flow (2016), appendix (free bits).
    """

    def __init__(
        self, *, estimator="elbo", num_samples=1, kl_warmup_steps=0, free_bits=0.0, seed=0, **kwargs
    ):
        super().__init__(**kwargs)
        self.estimator = estimators.get(estimator)
        self.num_samples = positive_int("num_samples", num_samples)
        self.kl_warmup_steps = int_from(0, "kl_warmup_steps", kl_warmup_steps)
        self.free_bits = number_in("free_bits", free_bits, 0)
        self.seed = int(random.as_seed(seed))
        if self.free_bits and not self.estimator.analytic_kl:
            raise UserError(
                "free_bits needs the KL divergence in closed form",
                expected='estimator "elbo-analytic"',
                received=repr(self.estimator.name),
            )
        names = ["loss", "bound", "rate", "distortion"]
        names += ["effective_sample_size"] if self.num_samples > 1 else []
        self._means = {name: keras.metrics.Mean(name=name) for name in names}
        self._test_batches = keras.metrics.Sum(name="test_batches")

    def particles(self, x, num_samples, noise, *, training=False, analytic_kl=False, tape=None) -> Particles:
        """Samples `num_samples` latents for each example and scores them.

        Args:
            x: batch of examples.
            num_samples: K.
            noise: a `tfvae.random.Noise` with a row for each example.
            training: whether layers such as batch normalisation train.
            analytic_kl: whether to give the KL divergence in closed form.
            tape: watches the detached latents.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define particles")

    def check_examples(self, x):
        """Returns a batch of examples as float32 tensors.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define check_examples")

    def __call__(self, x, *args, **kwargs):
        """Checks the examples, as every method does, before Keras calls the model."""
        if not keras.backend.is_keras_tensor(x):
            x = self.check_examples(x)
        return super().__call__(x, *args, **kwargs)

    def make_train_function(self, force=False):
        """Makes the optimiser's variables first: a first step that fails for bad input does not spoil the next."""
        with self.distribute_strategy.scope():
            if not self.optimizer.built:
                self.optimizer.build(self.trainable_variables)
        return super().make_train_function(force)

    def log_weights(self, x, num_samples, seed=None):
        """Log importance weights log p(x|z_k) + log p(z_k) - log q(z_k|x), z_k drawn from q(z|x).

        Args:
            x: [B, ...].
            num_samples: K.
            seed: 32-bit integer, or None for a fresh one. Row b depends on (seed, b) alone.

        Returns:
            log_weights: [K, B], nats.
        """
        x = self.check_examples(x)
        noise = random.ThreefryNoise(random.row_seeds(seed, tf.shape(x)[0]))
        return self.particles(x, positive_int("num_samples", num_samples), noise).log_weights

    def elbo(self, x, num_samples=1, seed=None):
        """Evidence lower bound mean_k log w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        return tf.reduce_mean(self.log_weights(x, num_samples, seed), axis=0)

    def iwelbo(self, x, num_samples=None, seed=None):
        """Importance-weighted bound log mean_k w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        num_samples = self.num_samples if num_samples is None else num_samples
        return log_mean_exp(self.log_weights(x, num_samples, seed))

    def compile(self, optimizer="adam", *, loss=None, jit_compile=False, **kwargs):
        """Configures training; the loss is minus the estimator's bound and is not given.

        Args:
            optimizer: a Keras optimiser or its name.
            loss: None.
            jit_compile: whether XLA compiles the whole step.
            **kwargs: as `keras.Model.compile` takes them.

        Raises:
            UserError: if `loss` is given.
        """
        if loss is not None:
            raise UserError(
                "a latent-variable model brings its own loss",
                expected="compile(optimizer=...)",
                received=f"{loss=}",
            )
        if not self.built:
            self.build()
        super().compile(optimizer=optimizer, jit_compile=jit_compile, **kwargs)

    def compile_from_config(self, config):
        """Compiles a loaded model as the saved one was."""
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds the optimiser before replicas need it.

        Keras would first build the model on the mean of the replicas' first batches, which fails where these differ in
        size; `compile` has built it.
        """
        if self._distribute_strategy is not None and self.optimizer is not None and not self.optimizer.built:
            with self._distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    def kl_weight(self):
        """Returns the weight of log p(z) - log q(z|x) at the optimiser's step: scalar in [0, 1]."""
        if not self.kl_warmup_steps:
            return tf.constant(1.0)
        return tf.minimum(tf.cast(self.optimizer.iterations, tf.float32) / self.kl_warmup_steps, 1.0)

    def train_step(self, data):
        """Samples, scores, weighs, and takes one step of the optimiser."""
        x, weight = self._unpack(data)
        num_rows = tf.shape(x)[0]
        first_row, total_rows = replicas.place(num_rows)
        seed = random.fold(self.seed, "train", self.optimizer.iterations)
        noise = random.PhiloxNoise(seed, num_rows, first_row)
        share = weight / tf.cast(total_rows, tf.float32)
        analytic, kl_weight = self.estimator.analytic_kl, self.kl_weight()
        with tf.GradientTape(persistent=True) as tape:
            particles = self.particles(
                x, self.num_samples, noise, training=True, analytic_kl=analytic, tape=tape
            )
            regularization = tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in self.losses])
            penalty = regularization / replicas.count()
            log_model, log_q, kl_cost = particles.log_likelihood, None, 0.0
            if analytic:
                kl_cost = kl_weight * self._freed(particles.kl, share)
                penalty += tf.reduce_sum(share * kl_cost)
            else:
                log_model += kl_weight * particles.log_prior
                log_q = kl_weight * particles.log_posterior
        log_weights = log_model if log_q is None else log_model - log_q
        terms = self.estimator(log_weights)
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        variables = self.trainable_variables
        gradients = weigh(
            tape,
            particles,
            terms,
            log_model=log_model,
            log_q=log_q,
            penalty=penalty,
            example_weight=scale * share,
            penalty_weight=scale,
            variables=variables,
        )
        self.optimizer.apply(gradients, variables)
        loss = regularization + weight * (kl_cost - terms.bound)
        return self._report(particles, loss, weight)

    def test_step(self, data):
        """Reports the plain bound, whatever warm-up or free bits training uses."""
        x, weight = self._unpack(data)
        num_rows = tf.shape(x)[0]
        first_row, _ = replicas.place(num_rows)
        seed = random.fold(self.seed, "test", self._test_batches.result())
        self._test_batches.update_state(1.0)
        noise = random.PhiloxNoise(seed, num_rows, first_row)
        particles = self.particles(x, self.num_samples, noise, analytic_kl=self.estimator.analytic_kl)
        return self._report(particles, None, weight)

    def _unpack(self, data):
        """Returns the examples and their weights [B], 1 where none were given; targets are ignored."""
        x, _, weight = keras.utils.unpack_x_y_sample_weight(data)
        x = self.check_examples(x)
        weight = tf.ones(tf.shape(x)[:1]) if weight is None else tf.cast(tf.reshape(weight, [-1]), tf.float32)
        return x, weight

    def _freed(self, kl, share):
        """Sums the KL divergence [B, units] over the units, each held at `free_bits` where its batch mean is below."""
        if self.free_bits:
            mean = replicas.total(tf.linalg.matvec(kl, share, transpose_a=True))
            kl = tf.where(tf.stop_gradient(mean) > self.free_bits, kl, self.free_bits)
        return tf.reduce_sum(kl, axis=-1)

    def _report(self, particles, loss, weight):
        figures = summarize(particles, self.estimator)
        self._means["loss"].update_state(-weight * figures["bound"] if loss is None else loss)
        for name, mean in self._means.items():
            if name != "loss":
                mean.update_state(figures[name], sample_weight=weight)
        return self.get_metrics_result()

    def get_metrics_result(self):
        """Returns the means since the last reset by name: over all replicas, outside a step.

        Keras takes them for an epoch's figures only if they are exactly those that a step returns; it averages the
        replicas' last means otherwise, whatever rows each replica has seen.
        """
        return {name: mean.result() for name, mean in self._means.items()}

    def get_config(self):
        """Returns the arguments."""
        return super().get_config() | {
            "estimator": self.estimator.get_config(),
            "num_samples": self.num_samples,
            "kl_warmup_steps": self.kl_warmup_steps,
            "free_bits": self.free_bits,
            "seed": self.seed,
        }
