"""tfvae as its users run it: the preset burda-1layer, compiled as `tfvae train` does, through `model.fit`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.estimators import get
from tfvae.training import data, loop
from tfvae.training.config import Config

from . import common
from .clock import Clock


class Given(random.Noise):
    """Noise that was drawn elsewhere."""

    def __init__(self, noise):
        self._noise = tf.constant(noise)

    def draw(self, kind, stream, num_samples, size):
        return self._noise


class Peer:
    """See `common`."""

    def __init__(
        self,
        weights,
        *,
        num_samples,
        backward_particles=0,
        batch_size=common.BATCH,
        latent_size=common.LATENT,
    ):
        stored = common.images(common.BATCHES * batch_size).reshape(-1, 28, 28, 1)
        split = data.Split(stored)
        loaded = data.DataSet("benchmark", split, split.take(np.arange(0)), split)
        config = Config.resolve(
            {
                "preset": "burda-1layer",
                "dataset": "benchmark",
                "binarize": "none",
                "estimator": "iwae" if num_samples > 1 else "elbo",
                "num_samples": num_samples,
                "latent_size": latent_size,
                "backward_particles": backward_particles,
                "batch_size": batch_size,
                "learning_rate": common.LEARNING_RATE,
                "schedule": "constant",
                "validation_size": 0,
            }
        )
        self.model = loop.build(config, loaded)
        self.layers = self._layers()
        for name, (kernel, bias) in weights.items():
            self.layers[name].kernel.assign(kernel)
            self.layers[name].bias.assign(bias)
        self.batches = data.training_pipeline(stored, batch_size=batch_size, seed=0, binarize="none")

    def _layers(self):
        model = self.model
        return {
            "encoder_0": model.encoder.dense[0],
            "encoder_1": model.encoder.dense[1],
            "loc": model.posterior_head.loc_layer.linear,
            "log_scale": model.posterior_head.scale_layer.linear,
            "decoder_0": model.decoder.dense[0],
            "decoder_1": model.decoder.dense[1],
            "logits": model.likelihood_head.logits_layer.linear,
        }

    def loss(self, x, noise):
        x = self.model.check_examples(x.reshape(-1, 28, 28, 1))
        particles = self.model.particles(x, len(noise), Given(noise))
        return float(-tf.reduce_mean(get(self.model.estimator.get_config())(particles.log_weights).bound))

    def gradient(self, x, noise):
        """What `train_step` hands to the optimiser."""
        taken = {}

        def apply(gradients, variables):
            found = {id(variable): gradient for gradient, variable in zip(gradients, variables, strict=True)}
            for name in common.CHECKED:
                taken[name] = found[id(self.layers[name].kernel)].numpy()

        optimizer, philox = self.model.optimizer, random.PhiloxNoise
        apply_before = optimizer.apply
        optimizer.apply, random.PhiloxNoise = apply, lambda *arguments: Given(noise)
        try:
            self.model.train_step((x.reshape(-1, 28, 28, 1),))
        finally:
            optimizer.apply, random.PhiloxNoise = apply_before, philox
        return taken

    def steps(self, count):
        clock, model = Clock(), self.model
        dispatch = model.steps_per_execution
        steps = (-(-count // dispatch) + 1) * dispatch  # whole dispatches, one of them not timed
        model.fit(self.batches, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
        return clock.seconds_per_step()
