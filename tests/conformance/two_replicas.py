"""Run by test_replicas.py: trains rows on one device and on two logical ones, and prints what differs, as JSON.

    python two_replicas.py NAME...

Each NAME is a row, "compiled " and a row, or one of CASES. Replicas run eagerly where it does not say `compiled`, which
takes longer.
"""

import json
import os
import sys
from unittest import mock

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf
from conformance import models

import tfvae
from tfvae import random
from tfvae.distributions import kl_divergence
from tfvae.models import replicas

CPU = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)
MIRRORED = tf.distribute.MirroredStrategy(["cpu:0", "cpu:1"])
SINGLE = tf.distribute.get_strategy()
BATCH, EXAMPLES = 5, 10  # two replicas hold 3 and 2 rows, twice


def train(name, strategy, weights=False, count=EXAMPLES, regularize=0.0, compiled=False, rate=0.1, **options):
    with strategy.scope():
        model = models.create(name, **options)
        if regularize:
            model.decoder.dense[0].kernel.regularizer = keras.regularizers.L2(regularize)
        eagerly = strategy is SINGLE or not compiled
        models.compiled(model, keras.optimizers.SGD(rate), run_eagerly=eagerly)
    x = models.examples(model, count)
    weights = np.linspace(0.0, 2.0, len(x), dtype=np.float32) if weights else np.ones(len(x), np.float32)
    inputs, targets = models.data(model, x) if isinstance(model, models.Conditional) else (x, x[:, 0])
    data = tf.data.Dataset.from_tensor_slices((inputs, targets, weights)).batch(BATCH)
    start = model.get_weights()
    history = model.fit(data, epochs=1, verbose=0).history
    validation = model.evaluate(data, verbose=0, return_dict=True)
    if "first" in history:
        first = np.average(x.reshape(len(x), -1)[:, 0], weights=weights)
        np.testing.assert_allclose([history["first"][0], validation["first"]], first, rtol=1e-4)
    return start, model.get_weights(), {name: values[0] for name, values in history.items()}, validation


def apart(ones, twos):
    """Greatest difference of metrics, in units of 100 nats or of the metric where that is more: float32 rounds it."""
    return max(abs(ones[key] - twos[key]) / max(100.0, abs(ones[key])) for key in ones)


def compare(name, **options):
    """Greatest difference of a weight and of a metric, and the length of the step they took."""
    keras.backend.clear_session()
    start, one, history, metrics = train(name, SINGLE, **options)
    _, two, history_two, metrics_two = train(name, MIRRORED, **options)
    return {
        "weights": max(float(np.abs(a - b).max()) for a, b in zip(one, two, strict=True)),
        "step": max(float(np.abs(a - b).max()) for a, b in zip(one, start, strict=True)),
        "history": apart(history, history_two),
        "validation": apart(metrics, metrics_two),
    }


def measured(name, **options):
    """As `compare`, with a metric of a user: the first number of each example."""

    def first(model, x, scores):
        return {"first": tf.reshape(x, [tf.shape(x)[0], -1])[:, 0]}

    with mock.patch.multiple(tfvae.VAE, extra_metric_names=("first",), extra_metrics=first):
        return compare(name, **options)


def telling_threshold(name):
    """Free bits that the first batch's mean KL of a unit exceeds and a replica's share of it, doubled, does not, or
    the other way round."""
    model = models.create(name)
    q = model.posterior_parameters(models.examples(model, EXAMPLES)[:BATCH])
    prior = model.prior_head
    kl = kl_divergence(model.posterior_head, q, prior, prior.parameters()).numpy()
    whole, part = kl.mean(axis=0), 2 * kl[:3].sum(axis=0) / BATCH
    unit = np.argmax(np.abs(whole - part))
    return float(whole[unit] + part[unit]) / 2


@tf.function
def noise_of_replicas(strategy):
    def draw():
        rows = tf.distribute.get_replica_context().replica_id_in_sync_group + 2
        first, total = replicas.place(rows)
        noise = random.PhiloxNoise(random.fold(7, "train", 3), rows, first)
        return noise.normal("posterior", 3, 2), first, total

    return strategy.run(draw)


CASES = {
    "weighted": lambda: compare("vae-mlp", weights=True, compiled=True),
    "extra metrics": lambda: measured("vae-mlp", weights=True, count=11, compiled=True),
    "free bits": lambda: compare("vae-conv", free_bits=telling_threshold("vae-conv"), kl_warmup_steps=0),
    "regularized": lambda: compare("vae-mlp", regularize=1.0),
    "last batch of one": lambda: compare("vae-mlp", count=11, compiled=True),
    "last batch of one, convolutions": lambda: compare("vae-conv", count=11, compiled=True),
    "last batch of one, optimal scale": lambda: compare("vae-optimal-scale", count=11),
}


def difference(name):
    if name in CASES:
        return CASES[name]()
    if name.startswith("compiled "):
        return compare(name.removeprefix("compiled "), compiled=True)
    return compare(name, count=BATCH, rate=0.2)  # one step


def main(names):
    found = {name: difference(name) for name in names}
    values, first, total = noise_of_replicas(MIRRORED)
    drawn = [value.numpy().tolist() for value in MIRRORED.experimental_local_results(values)]
    whole = random.PhiloxNoise(random.fold(7, "train", 3), 5).normal("posterior", 3, 2).numpy().tolist()
    place = [[int(v) for v in MIRRORED.experimental_local_results(each)] for each in (first, total)]
    print(json.dumps({"rows": found, "drawn": drawn, "whole": whole, "place": place}))


main(sys.argv[1:])
