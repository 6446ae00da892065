"""What every latent-variable model shares: its estimator, its seeds, and the step that serves all."""

from __future__ import annotations

import functools
from typing import Any, cast

import tensorflow as tf

from tfvae import compat, estimators, random
from tfvae.checks import PARTICLES, UserError, int_from, number_in, positive_int
from tfvae.estimators.checks import check_half, check_kl_weight
from tfvae.models import step, steps
from tfvae.models.baseline import LearnedBaseline
from tfvae.models.contract import Generative, Inferential
from tfvae.models.likelihood_model import LikelihoodModel
from tfvae.models.matching import Matched
from tfvae.models.particles import Particles
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics


class LatentVariableModel(LikelihoodModel, Generative, Inferential):
    """A joint p(x, z) = p(z) p(x|z) with an inference model q(z|x), trained by sampling, scoring and weighting.

    A subclass says how to draw and score (`Generative` and `Inferential`); the estimator says how to weigh; one step
    serves all.

    Args:
        estimator: name of a gradient estimator, {"name": ..., option: ...}, or an `Estimator`.
        num_samples: particles K for each example in training and in `evaluate`.
        backward_particles: particles m, drawn by their weights, that the backward pass runs through; 0 for all K.
        kl_weight: weight b of the KL divergence in training, 1 for a bound on log p(x), above 1 for a beta-VAE. The
            log-weights of K particles are then log p(x|z) + b (log p(z) - log q(z|x)), and the estimator climbs the
            bound that it makes of these. `evaluate` reports the bound with b = 1. Refused for the estimators "rws"
            and "rws-dreg", whose encoder climbs no bound, and for "reinforce", "nvil" and "vimco", whose score
            weights it would scale.
        kl_warmup_steps: updates of the weights, as `optimizer.iterations` counts them, over which the weight of
            log p(z) - log q(z|x) grows from 0 to `kl_weight`, linearly; not for score-function estimators.
        kl_cycles: number of times that it grows. Each cycle takes twice `kl_warmup_steps`: after its growth the weight
            stays for as many updates, and then falls to 0 for the next cycle. After the last one it stays.
        free_bits: nats below which the KL divergence of a latent unit, averaged over the batch, is not reduced
            further; needs the estimator "elbo-analytic".
        seed: of all noise in `fit` and `evaluate`, together with the count of training steps: of all of them, also
            those between two updates of an optimiser that accumulates gradients and those that loss scaling skips.

    Attributes:
        shares_parameters: whether the inference model uses weights of the generative model.

    Raises:
        UserError: if an argument is out of range or the combination is impossible.

    References:
        Higgins et al.: beta-VAE: learning basic visual concepts with a constrained variational framework (2017).
        Bowman et al.: Generating sentences from a continuous space (2016), section 3.1 (KL warm-up).
        Fu et al.: Cyclical annealing schedule: a simple approach to mitigating KL vanishing (2019), equation 6, R = 1/2
        (`kl_cycles`).
        Kingma et al.: Improving variational inference with inverse autoregressive flow (2016), appendix (free bits).
    """

    latents = "continuous"
    shares_parameters = False

    def __init__(
        self,
        *,
        estimator: Any = "elbo",
        num_samples: int = 1,
        backward_particles: int = 0,
        kl_weight: float = 1.0,
        kl_warmup_steps: int = 0,
        kl_cycles: int = 1,
        free_bits: float = 0.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.estimator = cast(Any, estimators.get(estimator))
        self.num_samples = positive_int("num_samples", num_samples, PARTICLES)
        self.backward_particles = int_from(0, "backward_particles", backward_particles)
        row = self.check_estimator(self.shares_parameters)
        self.baseline = LearnedBaseline(self.estimator.decay) if self.estimator.baseline else None
        self.kl_weight = number_in("kl_weight", kl_weight, 0)
        check_kl_weight(self.estimator.name, self.kl_weight)
        self.kl_warmup_steps = int_from(0, "kl_warmup_steps", kl_warmup_steps)
        self.kl_cycles = int_from(1, "kl_cycles", kl_cycles)
        if self.kl_cycles > 1 and not self.kl_warmup_steps:
            raise UserError(
                "cycles of the KL weight need a time over which it grows",
                expected="kl_warmup_steps >= 1",
                received=f"kl_cycles={self.kl_cycles} and kl_warmup_steps=0",
            )
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
        self.follow(names + ["effective_sample_size"] * (self.num_samples > 1) + self.matched_names())

    def parts_in_words(self) -> list[str]:
        """See `KerasModel.parts_in_words`."""
        return [*super().parts_in_words(), f"{self.estimator.name} with K = {self.num_samples}"]

    def check_estimator(self, shares_parameters: bool) -> estimators.Row:
        """Returns the row of the estimator; raises a `UserError` unless it fits the model.

        Args:
            shares_parameters: whether the inference model uses weights of the generative model.
        """
        config, latents = self.estimator.get_config(), self.latents
        return estimators.check(config, self.num_samples, latents, self.backward_particles, shares_parameters)

    def iwelbo(
        self, x: Any, num_samples: int | None = None, seed: int | None = None, **condition: Any
    ) -> tf.Tensor:
        """Importance-weighted bound log mean_k w_k: [B], nats, at most log p(x) in expectation. See `log_weights`."""
        return super().iwelbo(x, self.num_samples if num_samples is None else num_samples, seed, **condition)

    def _check_layers(self) -> None:
        super()._check_layers()
        if any(layer.compute_dtype == "float16" for layer in compat.layers_of(self)):
            check_half(self.estimator.name)

    def current_kl_weight(self) -> tf.Tensor:
        """Returns the weight of log p(z) - log q(z|x) after the updates so far: scalar in [0, `kl_weight`]."""
        if not self.kl_warmup_steps:
            return tf.constant(self.kl_weight)
        updates, cycle = tf.cast(self.optimizer.iterations, tf.int64), 2 * self.kl_warmup_steps
        updates = tf.where(updates < self.kl_cycles * cycle, updates % cycle, cycle)
        return self.kl_weight * tf.minimum(tf.cast(updates, tf.float32) / self.kl_warmup_steps, 1.0)

    def matched_names(self) -> list[str]:
        """Returns the names of the metrics of `match`: none, for most models."""
        return []

    def match(self, particles: Particles, batch: Batch, noise: random.Noise, training: bool) -> Matched:
        """Compares the codes of a batch in latent space: not at all, for most models.

        Args:
            particles: those of the batch.
            batch: examples with their weights.
            noise: noise with a row for each example.
            training: whether layers such as batch normalisation train.
        """
        return Matched()

    def teach_discriminator(self, matched: Matched, batch: Batch) -> Metrics:
        """Takes a step of the discriminator of codes, if there is one; returns the metrics of `match`."""
        return matched.metrics

    def train_seed(self) -> tf.Tensor:
        """Returns the seed of the next training step's noise: [2], int32."""
        return random.fold(self.seed, "train", steps.taken(self.optimizer))

    def learn(self, batch: Batch) -> Metrics:
        """Draws, scores, weighs, and takes one step of the optimiser; see `tfvae.models.step.learn`."""
        noise: random.Noise = random.PhiloxNoise(
            self.train_seed(), tf.shape(batch.weight)[0], batch.first_row
        )
        if self.compiles_step():
            noise = random.Outside(noise)
        return self.take_step(functools.partial(step.learn, self), batch, noise)

    def assess(self, batch: Batch) -> Metrics:
        """Reports the plain bound, whatever warm-up or free bits training uses."""
        return step.assess(self, batch, self.test_noise(self.seed, batch))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            "estimator": self.estimator.get_config(),
            "num_samples": self.num_samples,
            "backward_particles": self.backward_particles,
            "kl_weight": self.kl_weight,
            "kl_warmup_steps": self.kl_warmup_steps,
            "kl_cycles": self.kl_cycles,
            "free_bits": self.free_bits,
            "seed": self.seed,
        }
