"""Moment matching: a generator whose samples have the moments of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.comparisons.moments import BANDWIDTHS, MeanDiscrepancy
from tfvae.distributions import PriorHead
from tfvae.models import checking, steps
from tfvae.models.autoencoder import Autoencoder
from tfvae.models.implicit import ImplicitModel
from tfvae.models.layer_noise import seed_layers
from tfvae.models.parts import batch_of, check_parts, serialized
from tfvae.models.players import Player, trainable
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class GMMN(ImplicitModel):
    """A generative moment matching network: a generator g(z) that is close to the data in maximum mean discrepancy.

    A training step draws as many samples as the batch has examples and goes down the slope of

        MMD^2 = E k(x, x') + E k(g(z), g(z')) - 2 E k(x, g(z)),  k(x, y) = sum_s exp(-|x - y|^2 / (2 s))

    or of its root. With an autoencoder, which is trained first and frozen here, x is replaced by its code: the
    generator makes codes, and g(z) = decode(generator(z)).

    Examples count by their sample weights, as a distribution with so much mass on each: an example of weight 2 counts
    as two, and weights that are all doubled change nothing. `fit` reports the loss, regularisation included, and the
    discrepancy alone. Called on latents [B, latent_size] the model gives g(z).

    Args:
        generator: any Keras layer or model from latents [B, latent_size] to examples [B, *event_shape]; to codes, with
            an autoencoder.
        prior: head of p(z) that normal noise feeds, e.g. `Uniform(10)`.
        bandwidths: s, squared lengths of the kernels. `tfvae.comparisons.moments.median_bandwidth` of some examples
            gives one that fits their spread; codes in [0, 1] are usually matched with (1.0,).
        autoencoder: a trained `Autoencoder`, whose `trainable` becomes False; None to match examples themselves.
        unbiased: whether pairs of a point with itself are left out; needs `root=False`.
        root: whether the loss is MMD in place of MMD^2.
        observation_scale: see `ImplicitModel`.
        seed: see `ImplicitModel`.

    Raises:
        UserError: if a part is of the wrong kind, a bandwidth is not positive, or the generator does not make codes of
            the autoencoder's shape.

    References:
        Li, Swersky, Zemel: Generative moment matching networks (2015), sections 3 and 4.
        Gretton et al.: A kernel two-sample test (2012), equations 3 and 5.

    Example:
        >>> from tfvae.distributions import Uniform
        >>> from tfvae.networks import MLP
        >>> model = GMMN(MLP([16, 2]), prior=Uniform(3), bandwidths=(0.5, 2.0))
        >>> model.compile("adam")
        >>> history = model.fit(tf.random.stateless_normal((64, 2), (1, 2)), batch_size=32, verbose=0)
        >>> model.sample(5, seed=1).shape.as_list()
        [5, 2]
    """

    def __init__(
        self,
        generator: keras.layers.Layer,
        *,
        prior: PriorHead,
        bandwidths: Sequence[float] = BANDWIDTHS,
        autoencoder: Autoencoder | None = None,
        unbiased: bool = False,
        root: bool = True,
        **kwargs: Any,
    ):
        super().__init__(generator, prior=prior, **kwargs)
        self.discrepancy = MeanDiscrepancy(tuple(bandwidths), bool(unbiased), bool(root))
        self.autoencoder = autoencoder
        if autoencoder is not None:
            check_parts(Autoencoder, "a tfvae.Autoencoder", {"autoencoder": autoencoder})
            if self._event_shape != autoencoder.code_shape:
                raise UserError(
                    "the generator does not make codes of the autoencoder",
                    expected=f"[B, {', '.join(map(str, autoencoder.code_shape))}]",
                    received=f"[B, {', '.join(map(str, self._event_shape))}]",
                )
            autoencoder.trainable = False
            self._event_shape = autoencoder.event_shape
        self.follow(["loss", "discrepancy"])

    @property
    def input_event_shape(self) -> tuple[int, ...]:
        """Shape of one example of what the model is called on: of the latents."""
        return self.prior_head.event_shape

    def check_inputs(self, inputs: Any) -> tf.Tensor:
        """Returns the latents that the model is called on as float32 tensors."""
        z = batch_of("z", inputs, self.prior_head.event_shape, rank=2)
        return checking.gated(z, checking.numbers("z", z))

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        self.call(tf.zeros((1, *self.prior_head.event_shape)))
        if self.autoencoder is not None:
            self.matched(tf.zeros((1, *self.event_shape)))

    def call(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns g(z) of latents [B, latent_size]: [B, *event_shape]."""
        return self._generate(z, training)

    def _generate(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        made = self._made(z, training)
        return made if self.autoencoder is None else self.autoencoder.decoded(made)

    def matched(self, x: tf.Tensor) -> tf.Tensor:
        """Returns what of checked examples is matched: themselves, or their codes."""
        return x if self.autoencoder is None else self.autoencoder.codes(x)

    def compile(self, optimizer: Any = "adam", **kwargs: Any) -> None:
        """Configures training as `KerasModel.compile`.

        Raises:
            UserError: under several replicas: the discrepancy of the parts of a batch is not that of the whole.
        """
        count = self.distribute_strategy.num_replicas_in_sync
        if count > 1:
            raise UserError(
                "the discrepancy of the parts of a batch is not that of the whole",
                expected="one replica",
                received=f"{count} replicas",
                fix="train it on one device",
            )
        super().compile(optimizer, **kwargs)

    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, list]]:
        """See `Optimized.optimizers`."""
        return {"optimized": (self.optimizer, trainable(self.generator_network))}

    def learn(self, batch: Batch) -> Metrics:
        """Takes one step of the generator along the slope of the discrepancy."""
        batch = self._paired(batch)
        seed_layers(self, self.seed, batch)
        return self.take_step(self._step, batch, self.train_noise(batch))

    def _step(self, batch: Batch, noise: Noise) -> Metrics:
        player = Player(self.generator_network, self.optimizer)
        step = steps.taken(self.optimizer)
        with tf.GradientTape() as tape:
            discrepancy = self._compared(batch, noise, training=True)
            regularization = player.regularization()
            scaled = player.optimizer.scale_loss(discrepancy + regularization)
        with checking.after(batch.x):
            player.move(tape, scaled)
            steps.count(self.optimizer, step, trainable(player.network))
        return self._reported(discrepancy, regularization, batch)

    def assess(self, batch: Batch) -> Metrics:
        """Reports the discrepancy of a batch and as many new samples."""
        batch = self._paired(batch)
        noise = self.test_noise(self.seed, batch)
        return self._reported(self._compared(batch, noise, training=False), 0.0, batch)

    def _paired(self, batch: Batch) -> Batch:
        """Returns the batch, once it is known to have pairs where the discrepancy needs them."""
        if not self.discrepancy.unbiased:
            return batch
        check = checking.several_rows("an unbiased discrepancy", batch.x)
        return batch._replace(x=checking.gated(batch.x, check))

    def _compared(self, batch: Batch, noise: Noise, training: bool) -> tf.Tensor:
        """Returns the discrepancy of a batch and as many samples, or of their codes: scalar."""
        made = self._made(self.latents_of(self._noise(noise, "generator")), training)
        return self.discrepancy(self.matched(batch.x), made, batch.weight)

    def _reported(self, discrepancy: tf.Tensor, regularization: tf.Tensor | float, batch: Batch) -> Metrics:
        each = tf.ones_like(batch.weight)
        found = {"loss": each * (discrepancy + regularization), "discrepancy": each * discrepancy}
        return self.report(found, batch, None)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        options = self.discrepancy.get_config()
        del options["name"]
        whole = {} if self.autoencoder is None else serialized(autoencoder=self.autoencoder)
        return super().get_config() | options | whole
