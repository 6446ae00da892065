"""The adversarial game: a generator against a discriminator."""

from __future__ import annotations

from typing import Any, cast

import keras
import tensorflow as tf

from tfvae import comparisons
from tfvae.checks import number_in, positive_int
from tfvae.comparisons.adversarial import Adversarial, MaximumLikelihood, effective_sample_size
from tfvae.comparisons.penalties import between, gradient_penalty, r1
from tfvae.distributions import PriorHead
from tfvae.models import checking, replicas, steps
from tfvae.models.averaged import AveragedGenerator
from tfvae.models.discriminating import Discriminating, check_discriminator, judged
from tfvae.models.layer_noise import seed_layers
from tfvae.models.parts import serialized
from tfvae.models.players import Player, another_optimizer, trainable, unmoved
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.models.symbolic import takes_keras_tensors
from tfvae.random import Noise

EACH = ["loss", "discriminator_loss", "real_output", "fake_output", "output_gradient"]


@keras.saving.register_keras_serializable(package="tfvae")
class GAN(AveragedGenerator, Discriminating):
    """A generative adversarial network: a generator g(z), and a discriminator of its samples from examples.

    A training step takes `discriminator_steps` steps of the discriminator, each on the batch's examples and new
    samples, then one of the generator on new samples again, the discriminator held fixed:

        J(D) = -1/2 E_data log D(x) - 1/2 E_z log(1 - D(g(z)))          D(x) = sigmoid of the discriminator's output a
        J(G) = 1/2 E_z log(1 - D(g(z)))                                 cost "minimax"
        J(G) = -1/2 E_z log D(g(z))                                     cost "non-saturating"
        J(G) = -1/2 E_z exp(a)                                          cost "maximum-likelihood"

    Costs "hinge" and "wasserstein" have a critic of unbounded outputs; see `tfvae.comparisons`. Examples and samples go
    through the discriminator apart, each normalised by statistics of its own. In a network's own turn its running
    statistics follow both passes; in the other's turn they stay.

    `fit` reports the generator's loss, the discriminator's, the mean of D (of a, for a critic) on examples and on
    samples, and the mean size of the generator's gradient at its output, |d J(G) / d g(z)| for each sample. For the
    maximum-likelihood cost it reports the effective sample size of the weights exp(a), as a share of the batch: where
    it is small, few samples carry the gradient.

    Args:
        generator: any Keras layer or model from latents [B, latent_size] to examples [B, *event_shape].
        discriminator: any Keras layer or model from examples to one number each, [B] or [B, 1].
        prior: head of p(z) that normal noise feeds, e.g. `StandardNormal(100)`.
        cost: "minimax", "non-saturating", "maximum-likelihood", "hinge" or "wasserstein", or {"name": ..., option: ...}
            such as {"name": "non-saturating", "label_smoothing": 0.1}.
        discriminator_steps: steps of the discriminator for each of the generator.
        gradient_penalty: weight of (|d a / d x| - 1)^2 between examples and samples; 10 is usual for "wasserstein".
        r1_penalty: weight of 1/2 |d a / d x|^2 at examples.
        penalty_every: steps of the discriminator between two that pay the penalties, whose weights it multiplies.
        ema: decay in [0, 1), such as 0.999, of a running average of the generator's weights, by which the model
            generates outside training steps while `uses_average` is True; None for no average.
        observation_scale: see `ImplicitModel`.
        seed: see `ImplicitModel`.

    Raises:
        UserError: if a part is of the wrong kind, the discriminator does not give one number for each example, the cost
            is unknown, or a number is out of range.

    Example:
        >>> from tfvae import distributions
        >>> parts = keras.layers.Dense(3), keras.layers.Dense(1)
        >>> model = GAN(*parts, prior=distributions.StandardNormal(2), cost="minimax")
        >>> model.compile("adam", discriminator_optimizer="adam")
        >>> history = model.fit(tf.ones((8, 3)), epochs=1, verbose=0)
        >>> sorted(history.history)
        ['discriminator_loss', 'fake_output', 'loss', 'output_gradient', 'real_output']
        >>> model.sample(5, seed=1).shape.as_list()
        [5, 3]

    References:
        Goodfellow et al.: Generative adversarial nets (2014), algorithm 1.
        Goodfellow: NIPS 2016 tutorial: generative adversarial networks, section 3.2.
        Karras et al.: Analyzing and improving the image quality of StyleGAN (2020), section 3.1 (lazy penalties).
    """

    def __init__(
        self,
        generator: keras.layers.Layer,
        discriminator: keras.layers.Layer,
        *,
        prior: PriorHead,
        cost: str | dict[str, Any] = "non-saturating",
        discriminator_steps: int = 1,
        gradient_penalty: float = 0.0,
        r1_penalty: float = 0.0,
        penalty_every: int = 1,
        **kwargs: Any,
    ):
        super().__init__(generator, prior=prior, **kwargs)
        self.cost = cast(Adversarial, comparisons.get(cost, "critic"))
        self.discriminator_steps = positive_int("discriminator_steps", discriminator_steps)
        self.gradient_penalty = number_in("gradient_penalty", gradient_penalty, 0.0)
        self.r1_penalty = number_in("r1_penalty", r1_penalty, 0.0)
        self.penalty_every = positive_int("penalty_every", penalty_every)
        check_discriminator("discriminator", discriminator, self.event_shape)
        self.discriminator = discriminator
        self.follow(EACH + ["effective_sample_size"] * isinstance(self.cost, MaximumLikelihood))

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        self.call(tf.zeros((1, *self.event_shape)))

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the discriminator's output for each example, the logit of D for the first three costs: [B]."""
        return judged(self.discriminator, x, training)

    @takes_keras_tensors
    def discriminate(self, x: Any) -> tf.Tensor:
        """Returns the discriminator's output, the logit of D for the first three costs, for each example: [B]."""
        return self.call(self.check_examples(x))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Returns the shape of what `call` gives."""
        return (input_shape[0],)

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", *, discriminator_optimizer: Any = "adam", **kwargs: Any
    ) -> None:
        """Configures training.

        Args:
            optimizer: the generator's, a Keras optimiser or its name.
            discriminator_optimizer: the discriminator's, another one.
            **kwargs: as `keras.Model.compile` takes them, but for `loss` and `metrics`.

        Raises:
            UserError: if both are one object, or as `KerasModel.compile`.
        """
        self.discriminator_optimizer = another_optimizer(self, discriminator_optimizer, optimizer, kwargs)
        super().compile(optimizer, **kwargs)

    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, list]]:
        """See `Optimized.optimizers`: the generator's and the discriminator's."""
        return {
            "optimized": (self.optimizer, trainable(self.generator_network)),
            "discriminator_optimized": (self.discriminator_optimizer, trainable(self.discriminator)),
        }

    def learn(self, batch: Batch) -> Metrics:
        """Takes the discriminator's steps, then the generator's."""
        seed_layers(self, self.seed, batch)
        return self.take_step(self._step, batch, self.train_noise(batch))

    def _step(self, batch: Batch, noise: Noise) -> Metrics:
        step = steps.taken(self.optimizer)
        for turn in range(self.discriminator_steps):
            turns = step * self.discriminator_steps + turn
            found = self._teach_discriminator(batch, noise, f"discriminator {turn}", turns)
        return self.report(found | self._teach_generator(batch, noise), batch, None)

    def _teach_discriminator(self, batch: Batch, noise: Noise, stream: str, turns: tf.Tensor) -> Metrics:
        """Takes one step of the discriminator; returns its metrics [B]."""
        player = Player(self.discriminator, self.discriminator_optimizer)
        with unmoved(self.generator_network):
            samples = tf.stop_gradient(self._draw(noise, stream, training=True))
        with tf.GradientTape() as tape:
            real, fake = self.call(batch.x, training=True), self.call(samples, training=True)
            costs = [cost.value for cost in self.cost.critic(real, fake)]
            regularization = player.regularization()
            each = costs[0] + costs[1] + self._penalties(batch.x, samples, noise, stream, turns)
            loss = regularization / replicas.count() + tf.reduce_sum(batch.share * each)
            scaled = player.optimizer.scale_loss(loss)
        with checking.after(batch.x):
            player.move(tape, scaled)
        return self._discriminator_metrics(regularization + each, real, fake)

    def _penalties(
        self, x: tf.Tensor, samples: tf.Tensor, noise: Noise, stream: str, turns: tf.Tensor
    ) -> tf.Tensor:
        """Returns what each example pays for the discriminator's slope, [B]; 0 in steps that pay nothing."""
        if not self.gradient_penalty and not self.r1_penalty:
            return tf.zeros(tf.shape(x)[:1])

        def critic(points: tf.Tensor) -> tf.Tensor:
            with unmoved(self.discriminator):
                return self.call(points, training=True)

        def due() -> tf.Tensor:
            paid = tf.zeros(tf.shape(x)[:1])
            if self.gradient_penalty:
                place = noise.uniform(f"{stream} place", 1, 1)[0, :, 0]
                paid += self.gradient_penalty * gradient_penalty(critic, between(x, samples, place))
            if self.r1_penalty:
                paid += self.r1_penalty * r1(critic, x)
            return self.penalty_every * paid

        if self.penalty_every == 1:
            return due()
        return tf.cond(turns % self.penalty_every == 0, due, lambda: tf.zeros(tf.shape(x)[:1]))

    def _teach_generator(self, batch: Batch, noise: Noise) -> Metrics:
        """Takes one step of the generator, the discriminator held fixed; returns its metrics [B]."""
        player = Player(self.generator_network, self.optimizer)
        step = steps.taken(self.optimizer)
        with tf.GradientTape(persistent=True) as tape:
            samples = self._draw(noise, "generator", training=True)
            with unmoved(self.discriminator):
                outputs = self.call(samples, training=True)
            cost = self.cost.generator(tf.stop_gradient(outputs))
            regularization = player.regularization()
            along = tf.reduce_sum(batch.share * cost.weight * outputs)
            scaled = player.optimizer.scale_loss(along + regularization / replicas.count())
            each = tf.reduce_sum(cost.weight * outputs)
        slopes = tape.gradient(each, samples)
        with checking.after(batch.x):
            player.move(tape, scaled)
            steps.count(self.optimizer, step, trainable(player.network))
            self.follow_weights(step + 1)
        loss = {"loss": regularization + batch.weight * cost.value}
        return loss | self._generator_metrics(slopes, outputs)

    def _generator_metrics(self, slopes: tf.Tensor, outputs: tf.Tensor) -> Metrics:
        """Returns the size of the cost's gradient at each sample, and what of the batch counts where weights differ."""
        squares = tf.reduce_sum(tf.square(slopes), axis=list(range(1, slopes.shape.rank)))
        found = {"output_gradient": tf.sqrt(squares)}
        if isinstance(self.cost, MaximumLikelihood):
            share = effective_sample_size(outputs) / tf.cast(tf.shape(outputs)[0], tf.float32)
            found["effective_sample_size"] = tf.ones_like(outputs) * share
        return found

    def _discriminator_metrics(self, cost: tf.Tensor, real: tf.Tensor, fake: tf.Tensor) -> Metrics:
        """Returns the cost [B] and the outputs as they are shown, probabilities where they are logits."""
        shown = tf.sigmoid if self.cost.probabilistic else tf.identity
        return {"discriminator_loss": cost, "real_output": shown(real), "fake_output": shown(fake)}

    def _draw(self, noise: Noise, stream: str, training: bool) -> tf.Tensor:
        return self.generated(self._noise(noise, stream), training)

    def assess(self, batch: Batch) -> Metrics:
        """Reports both costs on a batch without moving anything."""
        noise = self.test_noise(self.seed, batch)
        with tf.GradientTape() as tape:
            samples = self._draw(noise, "generator", training=False)
            tape.watch(samples)
            fake = self.call(samples)
            cost = self.cost.generator(tf.stop_gradient(fake))
            each = tf.reduce_sum(cost.weight * fake)
        slopes, real = tape.gradient(each, samples), self.call(batch.x)
        critic = [part.value for part in self.cost.critic(real, fake)]
        found = {"loss": batch.weight * cost.value} | self._generator_metrics(slopes, fake)
        found |= self._discriminator_metrics(critic[0] + critic[1], real, fake)
        return self.report(found, batch, None)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            **serialized(discriminator=self.discriminator),
            "cost": self.cost.get_config(),
            "discriminator_steps": self.discriminator_steps,
            "gradient_penalty": self.gradient_penalty,
            "r1_penalty": self.r1_penalty,
            "penalty_every": self.penalty_every,
        }
