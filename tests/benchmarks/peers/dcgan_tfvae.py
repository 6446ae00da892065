"""DCGAN of tfvae as its users run it: the preset, compiled as `tfvae train` does, through `model.fit`."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from tfvae.models.players import unmoved
from tfvae.training import data, loop
from tfvae.training.config import Config

from . import dcgan
from .clock import Clock


class Peer:
    """See `dcgan`."""

    def __init__(self, weights):
        stored = dcgan.images(dcgan.BATCHES * dcgan.BATCH)
        split = data.Split(stored)
        loaded = data.DataSet("benchmark", split, split.take(np.arange(0)), split)
        config = Config.resolve(
            {
                "preset": "dcgan",
                "dataset": "benchmark",
                "binarize": "none",
                "batch_size": dcgan.BATCH,
                "learning_rate": dcgan.LEARNING_RATE,
                "schedule": "constant",
                "validation_size": 0,
            }
        )
        self.model = loop.build(config, loaded)
        self.variables = self._variables()
        for name, value in weights.items():
            self.variables[name].assign(value)
        self.batches = data.training_pipeline(stored, batch_size=dcgan.BATCH, seed=0, binarize="none")

    def _variables(self):
        generator, critic = self.model.generator_network, self.model.discriminator
        kernels = {
            "projection": generator.projection,
            "generator_0": generator.convolutions[0],
            "generator_1": generator.convolutions[1],
            "critic_0": critic.convolutions[0],
            "critic_1": critic.convolutions[1],
            "logit": critic.logit,
        }
        norms = dict(zip(dcgan.NORMALIZED, [*generator.normalizations, *critic.normalizations], strict=True))
        return (
            {name: layer.kernel for name, layer in kernels.items()}
            | {f"{name} bias": kernels[name].bias for name in dcgan.BIASES}
            | {f"{name} gamma": norm.gamma for name, norm in norms.items()}
            | {f"{name} beta": norm.beta for name, norm in norms.items()}
        )

    def _costs(self, x, noise):
        """Returns J(D) and J(G)."""
        model = self.model
        with unmoved(model.generator_network), unmoved(model.discriminator):
            first, second = (model.generated(tf.constant(each), training=True) for each in noise)
            real, fake = model.call(x, training=True), model.call(tf.stop_gradient(first), training=True)
            cost = [part.value for part in model.cost.critic(real, fake)]
            outputs = model.call(second, training=True)
        return tf.reduce_mean(cost[0] + cost[1]), tf.reduce_mean(model.cost.generator(outputs).value)

    def loss(self, x, noise):
        return float(sum(self._costs(x, noise)))

    def gradient(self, x, noise):
        with tf.GradientTape(persistent=True) as tape:
            costs = self._costs(x, noise)
        return {
            name: tape.gradient(cost, self.variables[name].value).numpy()
            for name, cost in zip(dcgan.CHECKED, costs, strict=True)
        }

    def steps(self, count):
        clock, model = Clock(), self.model
        dispatch = model.steps_per_execution
        steps = (-(-count // dispatch) + 1) * dispatch  # whole dispatches, one of them not timed
        model.fit(self.batches, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=[clock])
        return clock.seconds_per_step()
