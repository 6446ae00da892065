"""The one training step, and what every latent-variable model shares."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfvae import estimators, random
from tfvae.checks import PARTICLES, UserError, int_from, number_in, positive_int
from tfvae.estimators.base import log_mean_exp
from tfvae.estimators.catalog import check_half
from tfvae.models import checking, compiled, replicas, resampling, steps
from tfvae.models.baseline import LearnedBaseline
from tfvae.models.particles import Objective, Particles
from tfvae.models.summaries import summarize
from tfvae.models.trainer import Trainer
from tfvae.models.weighing import weigh


class LatentVariableModel(Trainer):
    """A joint p(x, z) = p(z) p(x|z) with an inference model q(z|x), trained by sampling, scoring and weighting.

    A subclass says how to sample and score (`particles`); the estimator says how to weigh; the step below serves all.

    Args:
        estimator: name of a gradient estimator, {"name": ..., option: ...}, or an `Estimator`.
        num_samples: particles K for each example in training and in `evaluate`.
        backward_particles: particles m, drawn by their weights, that the backward pass runs through; 0 for all K.
        kl_warmup_steps: updates of the weights, as `optimizer.iterations` counts them, over which the weight of
            log p(z) - log q(z|x) grows from 0 to 1, linearly; not for score-function estimators.
        free_bits: nats below which the KL divergence of a latent unit, averaged over the batch, is not reduced
            further; needs the estimator "elbo-analytic".
        seed: of all noise in `fit` and `evaluate`, together with the count of training steps: of all of them, also
            those between two updates of an optimiser that accumulates gradients and those that loss scaling skips.

    Raises:
        UserError: if an argument is out of range or the combination is impossible.

    References:
        Bowman et al.: Generating sentences from a continuous space (2016), section 3.1 (KL warm-up).
        Kingma et al.: Improving variational inference with inverse autoregressive flow (2016), appendix (free bits).
    """

    latents = "continuous"
    shares_parameters = False  # of the inference model with the generative model

    def __init__(
        self,
        *,
        estimator="elbo",
        num_samples=1,
        backward_particles=0,
        kl_warmup_steps=0,
        free_bits=0.0,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.estimator = estimators.get(estimator)
        self.num_samples = positive_int("num_samples", num_samples, PARTICLES)
        self.backward_particles = int_from(0, "backward_particles", backward_particles)
        row = estimators.check(
            self.estimator.get_config(),
            self.num_samples,
            self.latents,
            self.backward_particles,
            self.shares_parameters,
        )
        self.baseline = LearnedBaseline(self.estimator.decay) if self.estimator.baseline else None
        self.kl_warmup_steps = int_from(0, "kl_warmup_steps", kl_warmup_steps)
        self.free_bits = number_in("free_bits", free_bits, 0)
        self.seed = int(random.as_seed(seed))
        if self.free_bits and not self.estimator.analytic_kl:
            raise UserError(
                "free_bits needs the KL divergence in closed form",
                expected='estimator "elbo-analytic"',
                received=repr(self.estimator.name),
            )
        if self.kl_warmup_steps and row.latents != "continuous" and not self.estimator.relaxed:
            raise UserError(
                f"kl_warmup_steps would scale the score-function gradient of {row.name}",
                expected="0, or an estimator that follows the path from q to z",
                received=self.kl_warmup_steps,
            )
        names = ["loss", "bound", "rate", "distortion"]
        self._follow(names + ["effective_sample_size"] * (self.num_samples > 1))

    def particles(self, x, num_samples, noise, **options) -> Particles:
        """Samples `num_samples` latents for each example and scores them.

        Args:
            x: batch of examples, as `check_examples` gives it.
            num_samples: K.
            noise: a `tfvae.random.Noise` with a row for each example.
            **options: `training`, whether layers such as batch normalisation train; `analytic_kl`, whether to give
                the KL divergence in closed form; `tape`, which watches the detached latents; `temperature` of a
                relaxation of discrete latents, none by default.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define particles")

    def log_weights(self, x, num_samples, seed=None, **given):
        """Log importance weights log p(x|z_k) + log p(z_k) - log q(z_k|x), z_k drawn from q(z|x).

        Args:
            x: [B, ...].
            num_samples: K.
            seed: 32-bit integer, or None for a fresh one. Row b depends on (seed, b) alone.
            **given: `condition`, where the model has one.

        Returns:
            log_weights: [K, B], nats.
        """
        examples = self.check_scored(x, **given)
        noise = random.ThreefryNoise(random.row_seeds(seed, tf.shape(tf.nest.flatten(examples)[0])[0]))
        return self.particles(examples, positive_int("num_samples", num_samples), noise).log_weights

    def elbo(self, x, num_samples=1, seed=None, **given):
        """Evidence lower bound mean_k log w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        return tf.reduce_mean(self.log_weights(x, num_samples, seed, **given), axis=0)

    def iwelbo(self, x, num_samples=None, seed=None, **given):
        """Importance-weighted bound log mean_k w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        num_samples = self.num_samples if num_samples is None else num_samples
        return log_mean_exp(self.log_weights(x, num_samples, seed, **given))

    def _check_layers(self):
        super()._check_layers()
        if any(layer.compute_dtype == "float16" for layer in self._flatten_layers()):
            check_half(self.estimator.name)

    def kl_weight(self):
        """Returns the weight of log p(z) - log q(z|x) after the optimiser's updates so far: scalar in [0, 1]."""
        if not self.kl_warmup_steps:
            return tf.constant(1.0)
        return tf.minimum(tf.cast(self.optimizer.iterations, tf.float32) / self.kl_warmup_steps, 1.0)

    def train_seed(self):
        """Returns the seed of the next training step's noise: [2], int32."""
        return random.fold(self.seed, "train", steps.taken(self.optimizer))

    @compiled.densities
    def train_step(self, data):
        """Samples, scores, weighs, and takes one step of the optimiser."""
        x, weight, num_rows = replicas.filled(*self._unpack(data))
        first_row, total_rows = replicas.place(num_rows)
        share = weight / tf.cast(total_rows, tf.float32)
        noise = random.PhiloxNoise(self.train_seed(), tf.shape(weight)[0], first_row)
        if self._compiles_step():
            noise = random.Outside(noise)
        return self._take_step(num_rows, x, weight, share, noise)

    def _learn(self, x, weight, share, noise, num_rows):
        """Takes the step on a batch with the examples' weights and their shares in the loss, both [B], and reports the
        first `num_rows` of it, all for None."""
        step = steps.taken(self.optimizer)
        sampling = {"training": True, "analytic_kl": self.estimator.analytic_kl}
        if self.estimator.relaxed:
            sampling["temperature"] = self.estimator.temperature_at(self.optimizer.iterations)
        kl_weight = self.kl_weight()
        whole = None
        with tf.GradientTape(persistent=True) as tape:
            if self.backward_particles:
                with tape.stop_recording():
                    noise = random.Recorded(noise)
                    whole = self.particles(x, self.num_samples, noise, **sampling)
                log_weights = Objective.of(whole, kl_weight).log_weights
                terms, baseline_loss = self._weigh(log_weights, x, weight, share, step, kl_weight)
                uniforms = noise.uniform("backward", self.backward_particles, 1)[..., 0]
                index = resampling.draw(terms.model, uniforms)
                terms, noise = resampling.pick(terms, index), random.Chosen(noise, index)
            particles = self.particles(x, self.num_samples, noise, tape=tape, **sampling)
            objective = Objective.of(particles, kl_weight)
            if whole is None:
                terms, baseline_loss = self._weigh(objective.log_weights, x, weight, share, step, kl_weight)
            regularization = tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in self.losses])
            penalty = regularization / replicas.count() + baseline_loss
            kl_cost = 0.0
            if particles.kl is not None:
                kl_cost = kl_weight * self._freed(particles.kl, weight)
                penalty += tf.reduce_sum(share * kl_cost)
        scale = self.optimizer.scale_loss(tf.constant(1.0))
        variables = self.trainable_variables
        gradients = weigh(
            tape,
            particles,
            terms,
            objective,
            penalty=penalty,
            example_weight=scale * share,
            penalty_weight=scale,
            variables=variables,
        )
        if isinstance(self.optimizer, keras.optimizers.LossScaleOptimizer):
            gradients = replicas.agree(gradients)
        with checking.after(x):
            self.optimizer.apply(gradients, variables)
            steps.count(self.optimizer, step, variables)
        loss = regularization + weight * (kl_cost - terms.bound)
        figures = summarize(particles if whole is None else whole, self.estimator)
        return self._report(figures | {"loss": loss}, weight, num_rows)

    def _weigh(self, log_weights, x, weight, share, step, kl_weight):
        """Returns the estimator's terms, and the loss whose gradient trains its baseline, if it has one."""
        if self.baseline is None:
            return self._tempered(self.estimator(log_weights), kl_weight), 0.0
        network = self.baseline(x)
        terms = self.estimator(
            log_weights, self.baseline.observe(log_weights, tf.stop_gradient(network), weight, step)
        )
        signal = tf.stop_gradient(tf.reduce_sum(terms.score, axis=0))
        return terms, -tf.reduce_sum(share * network * signal)

    def _tempered(self, terms, kl_weight):
        """Returns the terms with the path weights' share for the score term at the KL weight, as log q is."""
        if not (self.kl_warmup_steps and self.estimator.doubly_reparameterized):
            return terms
        return terms._replace(path=terms.model + kl_weight * (terms.path - terms.model))

    @compiled.densities
    def test_step(self, data):
        """Reports the plain bound, whatever warm-up or free bits training uses."""
        x, weight, num_rows = replicas.filled(*self._unpack(data))
        first_row, _ = replicas.place(num_rows)
        seed = random.fold(self.seed, "test", self._test_batches.result())
        with checking.after(x):
            self._test_batches.update_state(1.0)
        noise = random.PhiloxNoise(seed, tf.shape(weight)[0], first_row)
        particles = self.particles(x, self.num_samples, noise, analytic_kl=self.estimator.analytic_kl)
        figures = summarize(particles, self.estimator)
        return self._report(figures | {"loss": -weight * figures["bound"]}, weight, num_rows)

    def _freed(self, kl, weight):
        """Sums the KL divergence [B, units] over the units, each held at `free_bits` where its batch mean is below:
        the mean by the examples' weights [B]."""
        if self.free_bits:
            mean = replicas.weighted_mean(kl, weight)
            kl = tf.where(tf.stop_gradient(mean) > self.free_bits, kl, self.free_bits)
        return tf.reduce_sum(kl, axis=-1)

    def get_config(self):
        """Returns the arguments."""
        return super().get_config() | {
            "estimator": self.estimator.get_config(),
            "num_samples": self.num_samples,
            "backward_particles": self.backward_particles,
            "kl_warmup_steps": self.kl_warmup_steps,
            "free_bits": self.free_bits,
            "seed": self.seed,
        }
