"""A Keras model with TFP distributions, as the VAE example of keras.io writes it: `train_step`, a tape, `model.fit`."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from . import common
from .clock import Clock

tfd = tfp.distributions


def network(names, inputs, *outputs):
    """A functional model: tanh layers `names`, then a linear layer for each of `outputs`."""
    start = keras.Input((inputs,))
    features = start
    for name in names:
        features = keras.layers.Dense(common.LAYERS[name][1], activation="tanh", name=name)(features)
    made = [keras.layers.Dense(common.LAYERS[name][1], name=name)(features) for name in outputs]
    return keras.Model(start, made if len(made) > 1 else made[0])


class Autoencoder(keras.Model):
    """Importance-weighted autoencoder; with one sample the VAE."""

    def __init__(self, num_samples):
        super().__init__()
        self.num_samples = num_samples
        self.encoder = network(["encoder_0", "encoder_1"], common.PIXELS, "loc", "log_scale")
        self.decoder = network(["decoder_0", "decoder_1"], common.LATENT, "logits")
        self.loss_tracker = keras.metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.loss_tracker]

    def posterior(self, x):
        loc, log_scale = self.encoder(x)
        return tfd.MultivariateNormalDiag(loc, tf.exp(log_scale))

    def negative_bound(self, x, posterior, z):
        logits = self.decoder(tf.reshape(z, [-1, common.LATENT]))
        logits = tf.reshape(logits, [self.num_samples, -1, common.PIXELS])
        likelihood = tfd.Independent(tfd.Bernoulli(logits=logits), 1)
        prior = tfd.MultivariateNormalDiag(tf.zeros(common.LATENT), tf.ones(common.LATENT))
        log_weights = likelihood.log_prob(x) + prior.log_prob(z) - posterior.log_prob(z)
        return -tf.reduce_mean(tf.reduce_logsumexp(log_weights, axis=0) - math.log(self.num_samples))

    def train_step(self, x):
        with tf.GradientTape() as tape:
            posterior = self.posterior(x)
            loss = self.negative_bound(x, posterior, posterior.sample(self.num_samples))
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_weights, strict=True))
        self.loss_tracker.update_state(loss)
        return {"loss": self.loss_tracker.result()}


class Peer:
    """See `common`."""

    def __init__(self, weights, *, num_samples, jit_compile="auto"):
        self.model = Autoencoder(num_samples)
        for name, values in weights.items():
            part = self.model.encoder if name in common.ENCODER else self.model.decoder
            part.get_layer(name).set_weights(values)
        self.model.build((None, common.PIXELS))
        self.model.compile(
            keras.optimizers.Adam(common.LEARNING_RATE, common.BETA_1, common.BETA_2, common.EPSILON),
            jit_compile=jit_compile,
        )
        options = tf.data.Options()
        options.autotune.enabled = False
        batches = tf.data.Dataset.from_tensor_slices(common.batches()).repeat().prefetch(2)
        self.batches = batches.with_options(options)

    def _loss(self, x, noise):
        posterior = self.model.posterior(tf.constant(x))
        z = posterior.loc + tf.linalg.diag_part(posterior.scale.to_dense()) * noise
        return self.model.negative_bound(x, posterior, z)

    def loss(self, x, noise):
        return float(self._loss(x, noise))

    def gradient(self, x, noise):
        kernels = {
            "encoder_0": self.model.encoder.get_layer("encoder_0").kernel,
            "logits": self.model.decoder.get_layer("logits").kernel,
        }
        with tf.GradientTape() as tape:
            loss = self._loss(x, noise)
        return {name: value.numpy() for name, value in tape.gradient(loss, kernels).items()}

    def steps(self, count):
        clock = Clock()
        self.model.fit(self.batches, steps_per_epoch=count + 1, verbose=0, shuffle=False, callbacks=[clock])
        return clock.seconds_per_step()
