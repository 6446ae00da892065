"""Generators without a likelihood: what models share that are trained by comparing samples."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, number_in
from tfvae.distributions import PriorHead
from tfvae.distributions.head import LOG_2_PI
from tfvae.models import checking
from tfvae.models.contract import Generator, Implicit, Latents
from tfvae.models.keras_model import KerasModel
from tfvae.models.particles import PLAIN, ScoreOptions
from tfvae.models.parts import batch_of, check_parts, deserialize, serialized, training_option
from tfvae.models.replicas import Batch
from tfvae.models.sampling import in_blocks
from tfvae.models.symbolic import takes_keras_tensors
from tfvae.random import Noise


class ImplicitModel(KerasModel, Implicit):
    """A generator x = g(z), z ~ p(z).

    It has no density of its own. With an observation scale s it stands for

        p(x) = E_z N(x; g(z), s^2 I)

    which annealed importance sampling estimates. Its latents there are the standard normal noise e that the prior turns
    into z, so that any prior with such noise, also a uniform one, is annealed in a space without bounds.

    Args:
        generator: any Keras layer or model from latents [B, latent_size] to examples [B, *event_shape].
        prior: head of p(z) that normal noise feeds, e.g. `StandardNormal(10)` or `Uniform(10)`.
        observation_scale: standard deviation s, or None until `tfvae.evaluation.fit_observation_scale` has found one.
        seed: 32-bit integer that fixes all noise in `fit` and `evaluate`, together with the count of training steps.

    Raises:
        UserError: if a part is of the wrong kind, or the scale is not positive.

    References:
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017).
    """

    def __init__(
        self,
        generator: keras.layers.Layer,
        *,
        prior: PriorHead,
        observation_scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_parts(keras.layers.Layer, "a Keras layer or model", {"generator": generator})
        check_parts(PriorHead, "a head without features such as StandardNormal", {"prior": prior})
        if prior.noise_kind != "normal":
            raise UserError(
                "the prior is not fed by normal noise",
                expected="StandardNormal, Uniform or another head whose noise_kind is normal",
                received=type(prior).__name__,
            )
        self.generator_network = generator
        self.prior_head = prior
        self.observation_scale = observation_scale
        self.seed = int(random.as_seed(seed))
        with tf.init_scope():
            if not prior.built:
                prior.build(None)
            self._event_shape = tuple(generator(tf.zeros((1, *prior.event_shape))).shape[1:])

    def parts_in_words(self) -> list[str]:
        """See `KerasModel.parts_in_words`."""
        generator = f"generator {type(self.generator_network).__name__}"
        return [generator, f"prior {self.prior_head}", *super().parts_in_words()]

    @property
    def observation_scale(self) -> float | None:
        """See `Implicit.observation_scale`."""
        return self._observation_scale

    @observation_scale.setter
    def observation_scale(self, value: float | None) -> None:
        self._observation_scale = _scale(value)

    @property
    def density_settings(self) -> tuple[Any, ...]:
        """See `Generative.density_settings`."""
        return (self.observation_scale,)

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self._event_shape

    @property
    def latent_size(self) -> int:
        """Units of the latent vector."""
        return math.prod(self.prior_head.event_shape)

    @property
    def latent_shapes(self) -> tuple[tuple[int, ...], ...]:
        """See `Generative.latent_shapes`: of the prior's noise."""
        return ((self.prior_head.noise_size,),)

    @property
    def latent_kinds(self) -> tuple[str, ...]:
        """See `Generative.latent_kinds`."""
        return ("continuous",)

    def generated(self, noise: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns g(z) of the prior's noise [..., noise_size]: [..., *event_shape], float32."""
        lead = tf.shape(noise)[:-1]
        x = self._generate(self.latents_of(tf.reshape(noise, [-1, noise.shape[-1]])), training)
        return tf.reshape(x, tf.concat([lead, self.event_shape], axis=0))

    def latents_of(self, noise: tf.Tensor) -> tf.Tensor:
        """Returns z of the prior's noise [B, noise_size]: [B, latent_size]."""
        return self.prior_head.sample(self.prior_head.parameters(), noise)

    def _generate(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the example that each z stands for."""
        return self._made(z, training)

    def _made(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns what the generator makes of each z, float32."""
        network = self.generator_network
        return tf.cast(network(z, **training_option(network, training)), tf.float32)

    def generator(self, x: Any, training: bool = False) -> Generator:
        """See `Generative.generator`."""
        scale = self._known_scale()
        return Generator((), lambda noise: (self.generated(noise, training), scale))

    def prior_latents(self, generator: Generator, noise: Noise, num_samples: int) -> Latents:
        """See `Generative.prior_latents`."""
        return (self.prior_head.noise_from(noise, "prior", num_samples),)

    def log_joint_terms(
        self, x: Any, generator: Generator, latents: Latents, options: ScoreOptions = PLAIN
    ) -> tuple[tuple[tf.Tensor, ...], tf.Tensor]:
        """See `Generative.log_joint_terms`."""
        (noise,) = latents
        log_prior = -0.5 * tf.reduce_sum(tf.square(noise) + LOG_2_PI, axis=-1)
        loc, scale = generator.likelihood(noise)
        squares = tf.square((x - loc) / scale)
        log_likelihood = -0.5 * tf.reduce_sum(squares, axis=list(range(2, squares.shape.rank)))
        return (log_prior,), log_likelihood + self.ceiling()

    def ceiling(self) -> float:
        """See `Implicit.ceiling`."""
        return -0.5 * math.prod(self.event_shape) * (LOG_2_PI + 2 * math.log(self._known_scale()))

    def simulate(self, x: Any, generator: Generator, latents: Latents, noise: Noise) -> tf.Tensor:
        """See `Generative.simulate`."""
        loc, scale = generator.likelihood(latents[0])
        drawn = noise.normal("x", 1, math.prod(self.event_shape))[0]
        return loc + scale * tf.reshape(drawn, tf.shape(loc))

    def _known_scale(self) -> float:
        if self.observation_scale is None:
            raise UserError(
                f"the {type(self).__name__} has no observation scale, so that it is no density",
                expected="a scale that was fitted on held-out data",
                fix="tfvae.evaluation.fit_observation_scale(model, validation_data)",
            )
        return self.observation_scale

    @takes_keras_tensors
    def decode(self, z: Any) -> tf.Tensor:
        """Returns g(z) of z [..., latent_size]: [..., *event_shape]."""
        z = batch_of("z", z, self.prior_head.event_shape)
        z = checking.gated(z, checking.numbers("z", z))
        x = self._generate(tf.reshape(z, [-1, z.shape[-1]]))
        return tf.reshape(x, tf.concat([tf.shape(z)[:-1], self.event_shape], axis=0))

    def sample(self, n: int, seed: int | None = None, *, mean: bool = True) -> tf.Tensor:
        """Draws z from the prior and returns g(z).

        Args:
            n: number of samples.
            seed: 32-bit integer, or None for a fresh one. Sample i depends on (seed, i) alone.
            mean: without effect, see `Implicit`.

        Returns:
            x: [n, *event_shape].
        """
        return in_blocks(n, seed, self.event_shape, lambda noise: self.generated(self._noise(noise, "prior")))

    def _noise(self, noise: Noise, stream: str) -> tf.Tensor:
        """Returns the prior's noise for one draw of each row: [rows, noise_size]."""
        return self.prior_head.noise_from(noise, stream)[0]

    def train_noise(self, batch: Batch) -> Noise:
        """Returns the noise of the next training step on a batch: a function of the seed, the step and the row."""
        seeds = random.fold(self.seed, "train", self.steps_taken())
        noise: Noise = random.PhiloxNoise(seeds, tf.shape(batch.weight)[0], batch.first_row)
        return random.Outside(noise) if self.compiles_step() else noise

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            **serialized(generator=self.generator_network, prior=self.prior_head),
            "observation_scale": self.observation_scale,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ImplicitModel:
        """Returns the model that `get_config` described."""
        return cls(**{name: deserialize(value) for name, value in config.items()})


def _scale(value: float | None) -> float | None:
    return None if value is None else number_in("observation_scale", value, 0.0, open_low=True)
