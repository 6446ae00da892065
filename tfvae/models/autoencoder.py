"""The deterministic autoencoder."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tfvae import random
from tfvae.checks import UserError, one_of, shape_of
from tfvae.models import checking, replicas, steps
from tfvae.models.checking import Check
from tfvae.models.keras_model import KerasModel
from tfvae.models.layer_noise import seed_layers
from tfvae.models.parts import batch_of, check_parts, deserialize, serialized, training_option
from tfvae.models.replicas import Batch
from tfvae.models.reporting import Metrics
from tfvae.models.symbolic import takes_keras_tensors

LOSSES = ("squared", "bernoulli")


@keras.saving.register_keras_serializable(package="tfvae")
class Autoencoder(KerasModel):
    """An autoencoder with deterministic codes: x -> z = encoder(x) -> y = decoder(z).

        loss "squared"      sum_i (x_i - y_i)^2
        loss "bernoulli"    sum_i -x_i log s(y_i) - (1 - x_i) log(1 - s(y_i)),  s the logistic function, x in [0, 1]

    It has no probability of its own: `GMMN` models the distribution of its codes. Dropout and noise in the networks act
    in training alone. `fit` reports the loss and the reconstruction error, the mean of (x_i - reconstruction_i)^2.

    Args:
        encoder: any Keras layer or model from examples [B, *event_shape] to codes [B, *code_shape].
        decoder: any Keras layer or model from codes to [B, *event_shape]; logits for "bernoulli".
        loss: "squared" or "bernoulli".
        event_shape: shape of one example; None for that of the encoder's input, or of the first data it is given.
        seed: 32-bit integer that fixes dropout in `fit`, together with the count of training steps.

    Raises:
        UserError: if a part is of the wrong kind, the loss is unknown, or the decoder does not return to the shape of
            an example.

    References:
        Li, Swersky, Zemel: Generative moment matching networks (2015), the section on data space and code space.

    Example:
        >>> from tfvae.networks import MLP
        >>> model = Autoencoder(MLP([16, 2], "tanh"), MLP([16, 6], "tanh"), event_shape=6)
        >>> model.encode(tf.zeros((4, 6))).shape.as_list(), model.reconstruct(tf.zeros((4, 6))).shape.as_list()
        ([4, 2], [4, 6])
    """

    def __init__(
        self,
        encoder: keras.layers.Layer,
        decoder: keras.layers.Layer,
        *,
        loss: str = "squared",
        event_shape: Any = None,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        check_parts(keras.layers.Layer, "a Keras layer or model", {"encoder": encoder, "decoder": decoder})
        self.encoder, self.decoder = encoder, decoder
        self.seed = int(random.as_seed(seed))
        self.cost = one_of("loss", loss, LOSSES)
        if event_shape is None:
            event_shape = (getattr(encoder, "input_shape", None) or (None,))[1:] or None
        self._event_shape = None if event_shape is None else shape_of("event_shape", event_shape)
        self._waiting: dict[str, Any] | None = None
        self.follow(["loss", "reconstruction_error"])

    @property
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        if self._event_shape is None:
            raise UserError(
                "the autoencoder does not know yet what an example is",
                expected="event_shape=, or a call of fit",
            )
        return self._event_shape

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        self._build_once()
        return self._code_shape

    def make_parts(self) -> None:
        """See `KerasModel.make_parts`."""
        codes = self.encoder(tf.zeros((1, *self.event_shape)))
        self._code_shape = tuple(codes.shape[1:])
        found = tuple(self.decoder(codes).shape[1:])
        if found != self.event_shape:
            raise UserError(
                "the decoder does not return to the shape of an example",
                expected=f"[B, {', '.join(map(str, self.event_shape))}]",
                received=f"[B, {', '.join(map(str, found))}]",
            )

    def compile(self, optimizer: Any = "adam", **kwargs: Any) -> None:
        """Configures training as `KerasModel.compile`, once the shape of an example is known."""
        if self._event_shape is None:
            self._waiting = {"optimizer": optimizer} | kwargs
        else:
            super().compile(optimizer, **kwargs)

    def check_data(self, inputs: Any, targets: Any) -> None:
        """See `Checked.check_data`; learns the shape of an example from the first data."""
        if self._event_shape is None and inputs is not None:
            first = inputs.element_spec if isinstance(inputs, tf.data.Dataset) else inputs
            shape = tf.nest.flatten(first)[0].shape
            self._event_shape = shape_of("event_shape", tuple(shape[1:]))
            if self._waiting is not None:
                with self.distribute_strategy.scope():
                    self.compile(**self._waiting)
        super().check_data(inputs, targets)

    def checks(self, examples: Any, scored: bool) -> list[Check]:
        """See `Checked.checks`: a cross-entropy has examples in [0, 1]."""
        finite = checking.numbers("x", examples)
        return [finite] if self.cost == "squared" else [finite, checking.unit_interval("x", examples)]

    def check_scored_values(self, x: tf.Tensor) -> None:
        """See `Checked.check_scored_values`."""
        checking.gated(x, *self.checks(x, scored=True))

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the reconstructions: [B, *event_shape]."""
        return self._shown(self._raw(x, training))

    @takes_keras_tensors
    def encode(self, x: Any) -> tf.Tensor:
        """Returns the codes of examples: [B, *code_shape]."""
        return self.codes(self.check_examples(x))

    @takes_keras_tensors
    def decode(self, z: Any) -> tf.Tensor:
        """Returns the examples that codes [B, *code_shape] stand for: [B, *event_shape]."""
        z = batch_of("z", z, self.code_shape, rank=1 + len(self.code_shape))
        return self.decoded(checking.gated(z, checking.numbers("z", z)))

    @takes_keras_tensors
    def reconstruct(self, x: Any) -> tf.Tensor:
        """Returns the reconstructions of examples: [B, *event_shape]."""
        return self.call(self.check_examples(x))

    def codes(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the codes of checked examples, float32."""
        return tf.cast(self.encoder(x, **training_option(self.encoder, training)), tf.float32)

    def decoded(self, codes: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Returns the examples that checked codes stand for, float32."""
        return self._shown(self._decoder(codes, training))

    def _decoder(self, codes: tf.Tensor, training: bool) -> tf.Tensor:
        return tf.cast(self.decoder(codes, **training_option(self.decoder, training)), tf.float32)

    def _raw(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        return self._decoder(self.codes(x, training), training)

    def _shown(self, raw: tf.Tensor) -> tf.Tensor:
        return raw if self.cost == "squared" else tf.sigmoid(raw)

    def costs(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the loss and the reconstruction error of each checked example, [B] each."""
        raw = self._raw(x, training)
        axes = list(range(1, raw.shape.rank))
        squares = tf.square(x - self._shown(raw))
        each = squares
        if self.cost == "bernoulli":
            each = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=raw)
        return tf.reduce_sum(each, axis=axes), tf.reduce_mean(squares, axis=axes)

    def learn(self, batch: Batch) -> Metrics:
        """Takes one step of the optimiser along the gradient of the loss."""
        seed_layers(self, self.seed, batch)
        return self.take_step(self._step, batch)

    def _step(self, batch: Batch) -> Metrics:
        step = steps.taken(self.optimizer)
        with tf.GradientTape() as tape:
            cost, error = self.costs(batch.x, training=True)
            regularization = self.regularization()
            loss = regularization / replicas.count() + tf.reduce_sum(batch.share * cost)
            scaled = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled, self.trainable_variables)
        with checking.after(batch.x):
            self.apply(gradients)
            steps.count(self.optimizer, step, self.trainable_variables)
        return self._reported(cost, error, regularization, batch)

    def assess(self, batch: Batch) -> Metrics:
        """Reports the loss on a batch without moving anything."""
        return self._reported(*self.costs(batch.x), 0.0, batch)

    def _reported(
        self, cost: tf.Tensor, error: tf.Tensor, regularization: tf.Tensor | float, batch: Batch
    ) -> Metrics:
        loss = regularization + batch.weight * cost
        return self.report({"loss": loss, "reconstruction_error": error}, batch, None)

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments."""
        return super().get_config() | {
            **serialized(encoder=self.encoder, decoder=self.decoder),
            "loss": self.cost,
            "event_shape": self._event_shape,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Autoencoder:
        """Returns the model that `get_config` described."""
        return cls(**{name: deserialize(value) for name, value in config.items()})
