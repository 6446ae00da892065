"""Noise-contrastive estimation of a density that is not normalised."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from tfvae import comparisons, random
from tfvae.checks import UserError, positive_int
from tfvae.models import checking, replicas, steps
from tfvae.models.contract import Density
from tfvae.models.keras_model import KerasModel
from tfvae.models.known_noise import check_noise, distribution_of, draw, noise_config, noise_from_config
from tfvae.models.layer_noise import seed_layers
from tfvae.models.parts import check_parts, deserialize, serialized, training_option
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.models.symbolic import takes_keras_tensors

MEMORY = 100.0  # steps that the running mean of log Z remembers where the noise is the model itself


@keras.saving.register_keras_serializable(package="tfvae")
class NoiseContrastive(KerasModel, Density):
    """A density from an energy network, which learns to tell examples from noise of known density:

        log p(x) = -E(x) - log Z
        G(x) = log p(x) - log p_noise(x) - log nu
        J = mean_data softplus(-G) + nu mean_noise softplus(G)

    log Z is a weight like others; papers call -log Z the parameter c. Where E can be that of the data's density and the
    noise covers the data, J is least at that density with the right log Z. `fit` reports J, the mean of sigmoid(G), the
    probability of being an example, at examples and at noise, and the mean of log p(x).

    With `self_contrastive` the noise is the model of before the step, whose expectations weigh draws of `noise` by w ~
    exp(-E(x)) / p_noise(x). The expected gradient is half that of maximum likelihood, up to the bias of such weights,
    which falls with the number of draws. J is then 2 log 2 at every step and does not depend on log Z, which is a
    running mean of log mean w. So `fit` reports as its loss -log p(x) by the batch's own log mean w, and the effective
    sample size of w as a share of the draws: where it is small, choose a noise nearer to the data.

    Args:
        energy: any Keras layer or model from examples [B, *event_shape] to E(x), [B] or [B, 1].
        noise: one `tensorflow_probability` distribution over arrays of float32, or a prior head; its weights stay.
        self_contrastive: whether the noise is the model itself, see above.
        ratio: nu, draws of noise for each example.
        seed: 32-bit integer that fixes all noise in `fit` and `evaluate`, together with the count of training steps.

    Raises:
        UserError: if the noise has no density, or is a bound such as a VAE's; if the energy is not one number for each
            example; under several replicas with `self_contrastive`.

    References:
        Gutmann, Hyvarinen: Noise-contrastive estimation of unnormalized statistical models, with applications to
        natural image statistics (2012), section 2.
        Goodfellow: On distinguishability criteria for estimating generative models (2014), the section on
        self-contrastive estimation.

    Example:
        >>> from tensorflow_probability import distributions as tfd
        >>> from tfvae.networks import MLP
        >>> noise = tfd.MultivariateNormalDiag([0.0, 0.0], [2.0, 2.0])
        >>> model = NoiseContrastive(MLP([16, 1], "tanh"), noise, ratio=4)
        >>> model.compile("adam")
        >>> history = model.fit(tf.random.stateless_normal((64, 2), (1, 2)), batch_size=32, verbose=0)
        >>> model.log_prob(tf.zeros((3, 2))).shape.as_list()
        [3]
    """

    def __init__(
        self,
        energy: keras.layers.Layer,
        noise: Any,
        self_contrastive: bool = False,
        ratio: int = 1,
        *,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_parts(keras.layers.Layer, "a Keras layer or model", {"energy": energy})
        check_noise(noise)
        noise_config(noise)
        if isinstance(noise, keras.layers.Layer):
            noise.trainable = False
        self.energy, self.noise = energy, noise
        self.self_contrastive = bool(self_contrastive)
        self.ratio = positive_int("ratio", ratio)
        self.seed = int(random.as_seed(seed))
        self.comparison: Any = comparisons.get({"name": "noise-contrastive", "ratio": float(self.ratio)})
        options: dict[str, Any] = {"shape": (), "initializer": "zeros", "dtype": "float32", "autocast": False}
        self.log_z = self.add_weight(name="log_normalizer", trainable=not self.self_contrastive, **options)
        with tf.init_scope():
            shape = tuple(energy(tf.zeros((2, *self.event_shape))).shape)
        if shape not in ((2,), (2, 1)):
            raise UserError(
                "the energy is not one number for each example",
                expected="an output of shape [B] or [B, 1]",
                received=f"shape [B{''.join(f', {size}' for size in shape[1:])}]",
            )
        names = ["effective_sample_size"] if self.self_contrastive else ["real_output", "fake_output"]
        self.follow(["loss", "log_prob", *names])

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example, that of the noise."""
        return tuple(distribution_of(self.noise).event_shape.as_list())

    @property
    def log_normalizer(self) -> float:
        """The estimate of log Z, nats, which can be set: log p(x) = -E(x) - log Z."""
        return float(self.log_z)

    @log_normalizer.setter
    def log_normalizer(self, value: float) -> None:
        self.log_z.assign(value)

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        self.call(tf.zeros((1, *self.event_shape)))

    def unnormalized(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns -E(x) of checked examples [B, *event_shape]: [B], nats."""
        network = self.energy
        return -tf.reshape(tf.cast(network(x, **training_option(network, training)), tf.float32), [-1])

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns log p(x): [B], nats."""
        return self.unnormalized(x, training) - tf.convert_to_tensor(self.log_z)

    @takes_keras_tensors
    def log_prob(self, x: Any, **condition: Any) -> tf.Tensor:
        """Returns log p(x) = -E(x) - log Z by the learned log Z: [B], nats."""
        return self.call(self.check_examples(x, **condition))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of what `call` gives."""
        return (input_shape[0],)

    def compile(self, optimizer: Any = "adam", **kwargs: Any) -> None:
        """Configures training as `KerasModel.compile`."""
        count = self.distribute_strategy.num_replicas_in_sync
        if count > 1 and self.self_contrastive:
            raise UserError(
                "self-contrastive estimation weighs the draws of a whole batch",
                expected="one replica",
                received=f"{count} replicas",
                fix="train it on one device",
            )
        super().compile(optimizer, **kwargs)

    def learn(self, batch: Batch) -> Metrics:
        """Takes one step of the optimiser along the gradient of J."""
        seed_layers(self, self.seed, batch)
        seed = random.fold(self.seed, "train", steps.taken(self.optimizer))
        return self.take_step(self._step, batch, draw(self.noise, seed, batch, self.ratio))

    def _step(self, batch: Batch, drawn: tf.Tensor) -> Metrics:
        step = steps.taken(self.optimizer)
        with tf.GradientTape() as tape:
            cost, found = self._compared(batch, drawn, training=True)
            regularization = self.regularization()
            loss = regularization / replicas.count() + tf.reduce_sum(batch.share * cost)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_variables)
        with checking.after(batch.x):
            self.apply(gradients)
            steps.count(self.optimizer, step, self.trainable_variables)
            if self.self_contrastive:
                log_z, rate = self.log_z, tf.maximum(1.0 / MEMORY, 1.0 / tf.cast(step + 1, tf.float32))
                log_z.assign(log_z + rate * (found.pop("log_z") - log_z))
        return self._reported(found, regularization, batch)

    def assess(self, batch: Batch) -> Metrics:
        """Reports the metrics of a batch against new noise without moving anything."""
        drawn = draw(self.noise, self.test_seed(self.seed, batch), batch, self.ratio)
        found = self._compared(batch, drawn, training=False)[1]
        found.pop("log_z", None)
        return self._reported(found, 0.0, batch)

    def _compared(self, batch: Batch, drawn: tf.Tensor, training: bool) -> tuple[tf.Tensor, Metrics]:
        """Returns what each example adds to J, [B], and the metrics."""
        noise, ratio = distribution_of(self.noise), self.ratio
        flat = tf.reshape(drawn, [-1, *self.event_shape])
        real, fake = self.call(batch.x, training), self.call(flat, training)
        log_noise = noise.log_prob(flat)
        if self.self_contrastive:
            return self._against_itself(real, fake, log_noise)
        real_gap, fake_gap = real - noise.log_prob(batch.x), fake - log_noise
        of_real, of_fake = self.comparison(real_gap, fake_gap)
        cost = of_real.value + tf.reduce_mean(tf.reshape(of_fake.value, [ratio, -1]), axis=0)
        outputs = tf.sigmoid(tf.reshape(fake_gap, [ratio, -1]) - math.log(ratio))
        return cost, {
            "loss": cost,
            "log_prob": real,
            "real_output": tf.sigmoid(real_gap - math.log(ratio)),
            "fake_output": tf.reduce_mean(outputs, axis=0),
        }

    def _against_itself(
        self, real: tf.Tensor, fake: tf.Tensor, log_noise: tf.Tensor
    ) -> tuple[tf.Tensor, Metrics]:
        """Returns the same as `_compared` where the noise is the model of before the step."""
        log_weights = tf.stop_gradient(fake) - log_noise
        share = tf.nn.softmax(log_weights)
        count = tf.cast(tf.size(share), tf.float32)
        gap = tf.reduce_logsumexp(log_weights) - tf.math.log(
            count
        )  # of this batch's log Z to the learned one
        fall = tf.reduce_sum(share * tf.nn.softplus(fake - tf.stop_gradient(fake)))
        cost = tf.nn.softplus(tf.stop_gradient(real) - real) + fall
        size = 1.0 / (count * tf.reduce_sum(tf.square(share)))
        return cost, {
            "loss": gap - real,
            "log_prob": real,
            "effective_sample_size": tf.fill(tf.shape(real), size),
            "log_z": tf.convert_to_tensor(self.log_z) + gap,
        }

    def _reported(self, found: Metrics, regularization: tf.Tensor | float, batch: Batch) -> Metrics:
        loss = regularization + batch.weight * found["loss"]
        return self.report(found | {"loss": loss}, batch, None)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            **serialized(energy=self.energy),
            "noise": noise_config(self.noise),
            "self_contrastive": self.self_contrastive,
            "ratio": self.ratio,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> NoiseContrastive:
        """Returns the model that `get_config` described."""
        noise = noise_from_config(config["noise"])
        others = {name: deserialize(value) for name, value in config.items() if name != "noise"}
        return cls(noise=noise, **others)
