"""The logarithm of the integral of an unnormalised density, by annealing from noise of known density."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.evaluation.ais import ais
from tfvae.models.contract import Generative, Generator, Latents
from tfvae.models.known_noise import distribution_of
from tfvae.models.noise_contrastive import NoiseContrastive
from tfvae.models.particles import PLAIN, ScoreOptions
from tfvae.random import Noise

SEEDS = 2.0**22  # different ones that uniform noise in float32 tells apart


@dataclass(frozen=True)
class LogNormalizer:
    """An estimate of log Z, Z the integral of exp(-E(x)), from C annealed chains.

    Attributes:
        log_normalizer: log (1/C) sum_c w_c, nats, at most log Z in expectation.
        standard_error: of `log_normalizer`, nats; not reliable where the effective sample size is small.
        effective_sample_size: (sum_c w_c)^2 / sum_c w_c^2, between 1 and C.
        acceptance: mean probability with which a transition was accepted.
    """

    log_normalizer: float
    standard_error: float
    effective_sample_size: float
    acceptance: float


def log_normalizer(
    model: NoiseContrastive,
    num_temperatures: int = 1000,
    num_chains: int = 64,
    *,
    schedule: str = "sigmoid",
    num_leapfrog: int = 3,
    seed: int = 0,
) -> LogNormalizer:
    """Estimates log Z of a model's energy by annealed importance sampling from its noise,

        log Z ~ log (1/C) sum_c w_c,  f_t(x) = p_noise(x)^(1 - t) exp(-t E(x))

    whatever the model learned as its log Z: the two should agree. See `ais` for the chains.

    Args:
        model: a `NoiseContrastive` model.
        num_temperatures: T.
        num_chains: C.
        schedule: of t, see `tfvae.evaluation.schedules`.
        num_leapfrog: steps of each transition.
        seed: 32-bit integer.

    Raises:
        UserError: if the model has no energy, or an argument is out of range.

    References:
        Neal: Annealed importance sampling (2001), section 2.

    Example:
        >>> import keras
        >>> from tensorflow_probability import distributions as tfd
        >>> from tfvae import NoiseContrastive
        >>> noise = tfd.Independent(tfd.Uniform([0.0, 0.0], [2.0, 3.0]), 1)
        >>> energy = keras.layers.Dense(1, kernel_initializer="zeros")  # 0 everywhere
        >>> result = log_normalizer(NoiseContrastive(energy, noise), 10, 4)
        >>> round(result.log_normalizer, 3)  # log(2 * 3)
        1.792
    """
    if not isinstance(model, NoiseContrastive):
        raise UserError(
            "only an unnormalised density has a normaliser to estimate",
            expected="a tfvae.NoiseContrastive model",
            received=type(model).__name__,
        )
    found = ais(
        _Annealed(model),
        np.zeros((1, 1), np.float32),
        num_temperatures,
        num_chains,
        schedule=schedule,
        num_leapfrog=num_leapfrog,
        seed=seed,
    )
    each = found.log_prob, found.standard_error, found.effective_sample_size, found.acceptance
    return LogNormalizer(*(float(values[0]) for values in each))


class _Annealed(Generative):
    """A model whose latents are the energy's x: p(z) is the noise, p(x|z) is exp(-E(z)) / p_noise(z), for any x."""

    event_shape = (1,)
    latent_kinds = ("continuous",)

    def __init__(self, model: NoiseContrastive) -> None:
        self._model = model
        self._noise = distribution_of(model.noise)

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        return (self._model.event_shape,)

    def generator(self, x: Any, training: bool = False) -> Generator:
        return Generator((), lambda z: (z,))

    def prior_latents(self, generator: Generator, noise: Noise, num_samples: int) -> Latents:
        seed = tf.cast(SEEDS * noise.uniform("noise", 1, 2)[0, 0], tf.int32)
        return (self._noise.sample([num_samples, 1], seed=seed),)

    def log_joint_terms(
        self, x: Any, generator: Generator, latents: Latents, options: ScoreOptions = PLAIN
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        (z,) = latents
        flat = tf.reshape(z, [-1, *self._model.event_shape])
        log_noise = self._noise.log_prob(flat)
        ratio = self._model.unnormalized(flat) - log_noise
        lead = tf.shape(z)[:2]
        return (tf.reshape(log_noise, lead),), tf.reshape(ratio, lead)

    def simulate(self, x: Any, generator: Generator, latents: Latents, noise: Noise) -> tf.Tensor:
        return x

    def decode(self, z: Any, **condition: Any) -> tf.Tensor:
        return tf.convert_to_tensor(z)

    def sample(self, n: int, seed: int | None = None, *, mean: bool = True) -> tf.Tensor:
        return self._noise.sample(n, seed=seed)
