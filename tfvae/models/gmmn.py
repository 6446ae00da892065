"""Moment matching: a generator whose samples have the moments of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from tfvae.checks import UserError, int_from, shown
from tfvae.comparisons.moments import BANDWIDTHS, MeanDiscrepancy
from tfvae.distributions import PriorHead
from tfvae.models import checking, replicas, steps
from tfvae.models.autoencoder import Autoencoder
from tfvae.models.averaged import AveragedGenerator
from tfvae.models.layer_noise import seed_layers
from tfvae.models.parts import batch_of, check_parts, serialized
from tfvae.models.players import Player, another_optimizer, trainable
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.random import Noise


@keras.saving.register_keras_serializable(package="tfvae")
class GMMN(AveragedGenerator):
    """A generative moment matching network: a generator g(z) that is close to the data in maximum mean discrepancy.

    A training step draws as many samples as the batch has examples and goes down the slope of

        MMD^2 = E k(x, x') + E k(g(z), g(z')) - 2 E k(x, g(z)),  k(x, y) = sum_s exp(-|x - y|^2 / (2 s))

    or of its root. With an autoencoder x is replaced by its code: the generator makes codes, and g(z) =
    decode(generator(z)). The autoencoder was trained before, or the first `autoencoder_steps` steps of `fit` train it.
    The steps that match codes leave it as it is.

    Examples count by their sample weights, as a distribution with so much mass on each: an example of weight 2 counts
    as two, and weights that are all doubled change nothing. `fit` reports the loss of what is trained, regularisation
    included, and the discrepancy alone; with `autoencoder_steps` the autoencoder's reconstruction error too. Called on
    latents [B, latent_size] the model gives g(z).

    Args:
        generator: any Keras layer or model from latents [B, latent_size] to examples [B, *event_shape]; to codes, with
            an autoencoder.
        prior: head of p(z) that normal noise feeds, e.g. `Uniform(10)`.
        bandwidths: s, squared lengths of the kernels. `tfvae.comparisons.moments.median_bandwidth` of some examples
            gives one that fits their spread; codes in [0, 1] are usually matched with (1.0,).
        autoencoder: an `Autoencoder`, whose `trainable` becomes False unless it is trained here; None to match examples
            themselves.
        autoencoder_steps: first training steps, which train the autoencoder; 0 for one that was trained before.
        unbiased: whether pairs of a point with itself are left out; needs `root=False`.
        root: whether the loss is MMD in place of MMD^2.
        ema: see `GAN`.
        observation_scale: see `ImplicitModel`.
        seed: see `ImplicitModel`.

    Raises:
        UserError: if a part is of the wrong kind, a bandwidth is not positive, the generator does not make codes of the
            autoencoder's shape, or there are steps to train an autoencoder and none is given.

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
        autoencoder_steps: int = 0,
        unbiased: bool = False,
        root: bool = True,
        **kwargs: Any,
    ):
        super().__init__(generator, prior=prior, **kwargs)
        self.discrepancy = MeanDiscrepancy(tuple(bandwidths), bool(unbiased), bool(root))
        self.autoencoder = autoencoder
        self.autoencoder_steps = int_from(0, "autoencoder_steps", autoencoder_steps)
        if self.autoencoder_steps and autoencoder is None:
            raise UserError(
                "there is no autoencoder to train",
                expected="autoencoder=, or autoencoder_steps=0",
                received=f"autoencoder_steps={self.autoencoder_steps}",
            )
        if autoencoder is not None:
            check_parts(Autoencoder, "a tfvae.Autoencoder", {"autoencoder": autoencoder})
            if self._event_shape != autoencoder.code_shape:
                raise UserError(
                    "the generator does not make codes of the autoencoder",
                    expected=f"[B, {', '.join(map(str, autoencoder.code_shape))}]",
                    received=f"[B, {', '.join(map(str, self._event_shape))}]",
                )
            if not self.autoencoder_steps:
                autoencoder.trainable = False
            self._event_shape = autoencoder.event_shape
        self.follow(["loss", "discrepancy"] + ["reconstruction_error"] * bool(self.autoencoder_steps))

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
            self._costs(tf.zeros((1, *self.event_shape)))

    def call(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns g(z) of latents [B, latent_size]: [B, *event_shape]."""
        return self._generate(z, training)

    def _generate(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        made = self._made(z, training)
        return made if self.autoencoder is None else self.autoencoder.decoded(made)

    def matched(self, x: tf.Tensor) -> tf.Tensor:
        """Returns what of checked examples is matched: themselves, or their codes."""
        return x if self.autoencoder is None else self.autoencoder.codes(x)

    def _costs(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the autoencoder's loss and reconstruction error of each checked example, [B] each."""
        assert self.autoencoder is not None
        return self.autoencoder.costs(x, training)

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", *, autoencoder_optimizer: Any = None, **kwargs: Any
    ) -> None:
        """Configures training.

        Args:
            optimizer: the generator's, a Keras optimiser or its name.
            autoencoder_optimizer: that of an autoencoder that is trained here, another one; None for Adam.
            **kwargs: as `keras.Model.compile` takes them, but for `loss` and `metrics`.

        Raises:
            UserError: under several replicas: the discrepancy of the parts of a batch is not that of the whole; if both
                optimisers are one object, or there is one too many; or as `KerasModel.compile`.
        """
        replicas.check_whole(self.distribute_strategy)
        if self.autoencoder_steps:
            self.autoencoder_optimizer = another_optimizer(self, autoencoder_optimizer, optimizer, kwargs)
        elif autoencoder_optimizer is not None:
            raise UserError(
                "no autoencoder is trained here",
                expected="autoencoder_optimizer=None, or GMMN(..., autoencoder_steps=...)",
                received=shown(autoencoder_optimizer),
            )
        super().compile(optimizer, **kwargs)

    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, list]]:
        """See `Optimized.optimizers`: the generator's, and that of an autoencoder that is trained here."""
        found = {"optimized": (self.optimizer, trainable(self.generator_network))}
        if self.autoencoder_steps:
            moved = trainable(self.autoencoder)
            found["autoencoder_optimized"] = (self.autoencoder_optimizer, moved)
        return found

    def steps_taken(self) -> tf.Tensor:
        """See `KerasModel.steps_taken`: of both optimisers."""
        return tf.add_n([steps.taken(optimizer) for optimizer, _ in self.optimizers().values()])

    def learn(self, batch: Batch) -> Metrics:
        """Takes one step of the autoencoder while it is trained, of the generator from then on."""
        batch = checking.with_pairs(batch, self.discrepancy)
        seed_layers(self, self.seed, batch)
        return self.take_step(self._step, batch, self.train_noise(batch))

    def _step(self, batch: Batch, noise: Noise) -> Metrics:
        if not self.autoencoder_steps:
            return self.report(self._match(batch, noise), batch, None)
        found = tf.cond(
            self._learns_codes(), lambda: self._code(batch, noise), lambda: self._match(batch, noise)
        )
        return self.report(found, batch, None)

    def _learns_codes(self) -> tf.Tensor:
        """Returns whether the autoencoder is still to be trained, scalar bool."""
        return steps.taken(self.autoencoder_optimizer) < self.autoencoder_steps

    def _code(self, batch: Batch, noise: Noise) -> Metrics:
        """Takes one step of the autoencoder; returns the metrics [B]."""
        player = Player(self.autoencoder, self.autoencoder_optimizer)
        discrepancy = self._compared(batch, noise, training=False)
        with tf.GradientTape() as tape:
            cost, error = self._costs(batch.x, training=True)
            regularization = player.regularization()
            scaled = player.optimizer.scale_loss(tf.reduce_sum(batch.share * cost) + regularization)
        self._move(player, tape, scaled, batch)
        return self._found(batch.weight * cost + regularization, discrepancy, batch, error)

    def _match(self, batch: Batch, noise: Noise) -> Metrics:
        """Takes one step of the generator along the slope of the discrepancy; returns the metrics [B]."""
        player = Player(self.generator_network, self.optimizer)
        with tf.GradientTape() as tape:
            discrepancy = self._compared(batch, noise, training=True)
            regularization = player.regularization()
            scaled = player.optimizer.scale_loss(discrepancy + regularization)
        step = steps.taken(self.optimizer)
        self._move(player, tape, scaled, batch)
        self.follow_weights(step + 1)
        return self._found(discrepancy + regularization, discrepancy, batch)

    def _move(self, player: Player, tape: tf.GradientTape, loss: tf.Tensor, batch: Batch) -> None:
        step = steps.taken(player.optimizer)
        with checking.after(batch.x):
            player.move(tape, loss)
            steps.count(player.optimizer, step, trainable(player.network))

    def assess(self, batch: Batch) -> Metrics:
        """Reports the discrepancy of a batch and as many new samples."""
        batch = checking.with_pairs(batch, self.discrepancy)
        discrepancy = self._compared(batch, self.test_noise(self.seed, batch), training=False)
        if not self.autoencoder_steps:
            return self.report(self._found(discrepancy, discrepancy, batch), batch, None)
        cost, error = self._costs(batch.x)
        loss = tf.where(self._learns_codes(), batch.weight * cost, discrepancy)
        return self.report(self._found(loss, discrepancy, batch, error), batch, None)

    def _compared(self, batch: Batch, noise: Noise, training: bool) -> tf.Tensor:
        """Returns the discrepancy of a batch and as many samples, or of their codes: scalar."""
        made = self._made(self.latents_of(self._noise(noise, "generator")), training)
        return self.discrepancy(self.matched(batch.x), made, batch.weight)

    def _found(
        self, loss: tf.Tensor, discrepancy: tf.Tensor, batch: Batch, error: tf.Tensor | None = None
    ) -> Metrics:
        """Returns the metrics, [B] each; `error` is the autoencoder's on each example, where it is known already."""
        each = tf.ones_like(batch.weight)
        found = {"loss": each * loss, "discrepancy": each * discrepancy}
        if self.autoencoder_steps:
            found["reconstruction_error"] = self._costs(batch.x)[1] if error is None else error
        return found

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        options = self.discrepancy.get_config()
        del options["name"]
        if self.autoencoder is not None:
            options |= serialized(autoencoder=self.autoencoder)
        return super().get_config() | options | {"autoencoder_steps": self.autoencoder_steps}
