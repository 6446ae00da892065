"""Variational autoencoders whose codes are compared, in training, with what they should be like."""

from __future__ import annotations

from typing import Any, cast

import keras
import tensorflow as tf

from tfvae import comparisons, compat
from tfvae.checks import UserError, number_in
from tfvae.comparisons.adversarial import Adversarial
from tfvae.comparisons.base import shares
from tfvae.comparisons.codes import Codes, OfCodes
from tfvae.distributions.head import Parameters, tfd
from tfvae.estimators.checks import check_elbo
from tfvae.layers import Dense
from tfvae.models import checking, replicas
from tfvae.models.base_vae import BaseVAE
from tfvae.models.discriminating import check_discriminator, judged
from tfvae.models.matching import Matched
from tfvae.models.particles import Particles
from tfvae.models.parts import check_parts, serialized
from tfvae.models.players import Player, another_optimizer, trainable, unmoved
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.networks import MLP
from tfvae.random import Noise

WIDTHS = (128, 128)  # of the discriminator that is made where none is given


class MatchingVAE(BaseVAE):
    """A variational autoencoder with one layer of latents that may compare its codes, draws from
    q(z) = mean_b q(z|x_b), with draws from p(z) or with each other.

    Args:
        encoder, decoder: see `BaseVAE`.
        latent_comparison: one of `tfvae.comparisons.latent_names`, or {"name": ..., option: ...}; None for none.
        latent_weight: its weight in the loss of training; None for that of `tfvae.comparisons.latent`.
        latent_discriminator: any Keras layer or model from codes [B, latent_size] to one number each, for a comparison
            that is a game; None for a small dense network.
        **kwargs: see `BaseVAE`.

    Raises:
        UserError: if the comparison is unknown or does not fit the model, or an argument is out of range or of no use.
    """

    def __init__(
        self,
        encoder: Any,
        decoder: Any,
        *,
        latent_comparison: str | dict[str, Any] | None = None,
        latent_weight: float | None = None,
        latent_discriminator: Any = None,
        **kwargs: Any,
    ) -> None:
        found = None if latent_comparison is None else comparisons.get_latent(latent_comparison)
        self.latent_comparison = cast(OfCodes | Adversarial | None, found)
        super().__init__(encoder, decoder, **kwargs)
        if found is None:
            _refuse(
                "a latent_comparison", latent_weight=latent_weight, latent_discriminator=latent_discriminator
            )
            self.latent_weight, self.latent_discriminator = None, None
            return
        self.check_latent_comparison()
        weight = comparisons.latent(found.name).weight if latent_weight is None else latent_weight
        self.latent_weight = number_in("latent_weight", weight, 0)
        if not isinstance(found, Adversarial):
            _refuse("a comparison that is a game", latent_discriminator=latent_discriminator)
        elif latent_discriminator is None:
            layers = [MLP(list(WIDTHS), "leaky_relu"), Dense(1, dtype="float32")]
            latent_discriminator = keras.Sequential(layers, name="latent_discriminator")
        else:
            kind = "a Keras layer or model"
            check_parts(keras.layers.Layer, kind, {"latent_discriminator": latent_discriminator})
        self.latent_discriminator = latent_discriminator

    def check_latent_comparison(self) -> None:
        """Raises a `UserError` unless the model's codes can be compared: its estimator must climb the ELBO."""
        check_elbo(self.estimator.name, "a latent_comparison")

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        super().make_parts()
        if self.latent_discriminator is not None:
            check_discriminator("latent_discriminator", self.latent_discriminator, (self.latent_size,))
        comparison, head = self.latent_comparison, self.posterior_head
        if comparison is None or not comparison.needs_factors:
            return
        if head.factors(self.posterior_parameters(tf.zeros((1, *self.event_shape)))) is None:
            raise UserError(
                f"{comparison.name} needs a posterior whose units are independent given x",
                expected="DiagonalNormal",
                received=type(head).__name__,
            )

    def compile(self, optimizer: Any = "adam", *, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """Configures training.

        Args:
            optimizer: a Keras optimiser or its name.
            discriminator_optimizer: that of the discriminator of codes, another one; "adam" for None.
            **kwargs: as `KerasModel.compile` takes them.

        Raises:
            UserError: if both optimisers are one object, there is no discriminator, or several replicas would share a
                batch whose codes are compared.
        """
        if self.latent_comparison is not None:
            replicas.check_whole(self.distribute_strategy)
        if self.latent_discriminator is None:
            _refuse("a latent_comparison that is a game", discriminator_optimizer=discriminator_optimizer)
        else:
            self.discriminator_optimizer = another_optimizer(self, discriminator_optimizer, optimizer, kwargs)
        super().compile(optimizer, **kwargs)

    def moved_weights(self) -> list:
        """See `Optimized.moved_weights`: all but the discriminator's."""
        weights = super().moved_weights()
        if self.latent_discriminator is None:
            return weights
        others = {id(weight) for weight in self.latent_discriminator.weights}
        return [weight for weight in weights if id(weight) not in others]

    def optimizers(self) -> dict[str, tuple[keras.optimizers.Optimizer, list]]:
        """See `Optimized.optimizers`."""
        found = super().optimizers()
        if self.latent_discriminator is not None:
            others = trainable(self.latent_discriminator)
            found["discriminator_optimized"] = (self.discriminator_optimizer, others)
        return found

    def regularization(self) -> tf.Tensor:
        """See `KerasModel.regularization`; without the discriminator's losses, which are of its own turn."""
        if self.latent_discriminator is None:
            return super().regularization()
        layers = compat.layers_of(self, include_self=False, recursive=False)
        parts = [layer for layer in layers if layer is not self.latent_discriminator]
        losses = [*compat.losses_of(self), *(loss for part in parts for loss in part.losses)]
        return tf.add_n([0.0] + [tf.cast(loss, tf.float32) for loss in losses])

    def learn(self, batch: Batch) -> Metrics:
        """See `LatentVariableModel.learn`."""
        return super().learn(checking.with_pairs(batch, self.latent_comparison))

    def assess(self, batch: Batch) -> Metrics:
        """See `LatentVariableModel.assess`; reports the comparison beside the bound, without a part in the loss."""
        return super().assess(checking.with_pairs(batch, self.latent_comparison))

    def matched_names(self) -> list[str]:
        """See `LatentVariableModel.matched_names`."""
        if self.latent_comparison is None:
            return []
        return ["latent_comparison"] + ["discriminator_loss"] * isinstance(
            self.latent_comparison, Adversarial
        )

    def match(self, particles: Particles, batch: Batch, noise: Noise, training: bool) -> Matched:
        """See `LatentVariableModel.match`: the first draw of each example is compared."""
        comparison = self.latent_comparison
        if comparison is None:
            return Matched()
        codes = self._codes(particles, batch, noise)
        if isinstance(comparison, Adversarial):
            value, slope = self._outplayed(comparison, codes, training)
        else:
            value = slope = comparison.of_codes(codes)
        found = {"latent_comparison": value * tf.ones_like(batch.weight)}
        if isinstance(comparison, Adversarial) and not training:
            found["discriminator_loss"] = self._discriminator_cost(comparison, codes, training)
        return Matched(self.latent_weight * slope, self.latent_weight * value, found, codes)

    def _codes(self, particles: Particles, batch: Batch, noise: Noise) -> Codes:
        head = self.posterior_head
        z = head.flatten_event(particles.latents[0][0])
        weight = tf.where(tf.reduce_sum(batch.weight) > 0.0, batch.weight, 1.0)

        def prior() -> tf.Tensor:
            return tf.stop_gradient(head.flatten_event(self.sample_latents(noise)))

        def log_densities() -> tf.Tensor:
            factors = head.factors(cast(Parameters, particles.posterior))
            return cast(tfd.Distribution, factors).log_prob(z[:, tf.newaxis])

        return Codes(z, weight, noise, prior, log_densities)

    def _outplayed(self, game: Adversarial, codes: Codes, training: bool) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the cost of codes that the discriminator judges, and a scalar with its gradient."""
        with unmoved(self.latent_discriminator):
            outputs = judged(self.latent_discriminator, codes.z, training)
        cost, share = game.generator(tf.stop_gradient(outputs)), shares(codes.weight)
        return tf.reduce_sum(share * cost.value), tf.reduce_sum(share * cost.weight * outputs)

    def _discriminator_cost(self, game: Adversarial, codes: Codes, training: bool) -> tf.Tensor:
        """Returns the discriminator's cost for each code, with the mean cost of what it is to take for real: [B]."""
        codes = codes._replace(z=tf.stop_gradient(codes.z))
        reference = game.reference(codes)
        real, fake = (judged(self.latent_discriminator, z, training) for z in (reference, codes.z))
        costs = game.critic(real, fake)
        return tf.reduce_mean(costs[0].value) + costs[1].value

    def teach_discriminator(self, matched: Matched, batch: Batch) -> Metrics:
        """See `LatentVariableModel.teach_discriminator`: a step on the codes that the model's own step has seen."""
        game = self.latent_comparison
        if not isinstance(game, Adversarial) or matched.codes is None:
            return matched.metrics
        player = Player(self.latent_discriminator, self.discriminator_optimizer)
        with tf.GradientTape() as tape:
            cost = self._discriminator_cost(game, matched.codes, training=True)
            regularization = player.regularization()
            loss = regularization + tf.reduce_sum(batch.share * cost)
            scaled = player.optimizer.scale_loss(loss)
        with checking.after(batch.x):
            player.move(tape, scaled)
        return matched.metrics | {"discriminator_loss": regularization + cost}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        config = super().get_config()
        if self.latent_comparison is None:
            return config
        config |= {
            "latent_comparison": self.latent_comparison.get_config(),
            "latent_weight": self.latent_weight,
        }
        if self.latent_discriminator is None:
            return config
        return config | serialized(latent_discriminator=self.latent_discriminator)


def _refuse(needs: str, **given: Any) -> None:
    """Raises a `UserError` for the first argument that is given without what it belongs to."""
    for name, value in given.items():
        if value is not None:
            raise UserError(f"{name} needs {needs}", expected=f"{name}=None", received=repr(value))
