"""`fit` stops with one line when its loss is not finite.

Written against these mutations: the loss never looked at; the weights not looked at in the end; the epoch or
the step counted from 0; skipped steps of loss scaling taken for a failure; a user's own callbacks lost.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models

from tfvae import VAE
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal
from tfvae.models.nonfinite import StopWhenNotFinite

LAST = (
    "; expected a finite loss; received last finite metrics: loss [-0-9.]+, bound .*; lower the learning rate"
)


class Breaks(keras.callbacks.Callback):
    """Spoils a weight before a step."""

    def __init__(self, epoch, step):
        super().__init__()
        self.when, self.epoch, self.ended = (epoch, step), None, False

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == self.when:
            weight = self.model.trainable_variables[0]
            weight.assign(np.nan * weight)

    def on_train_end(self, logs=None):
        self.ended = True


def fit(name="vae-mlp", breaks=(1, 1), *more, data=None, optimizer=None, **compiled):
    model = models.create(name)
    model.compile(optimizer or keras.optimizers.SGD(0.01), **({"run_eagerly": True} | compiled))
    arrays = models.data(model, models.examples(model, 6))
    data = arrays if data is None else (data(arrays),)
    options = {"batch_size": 2} if len(data) == len(arrays) and data is arrays else {}
    watchers = [Breaks(*breaks), *more]
    return model.fit(*data, epochs=3, callbacks=watchers, shuffle=False, verbose=0, **options)


def sliced(arrays):
    return tf.data.Dataset.from_tensor_slices(arrays).batch(2)


@pytest.mark.parametrize("name", ["vae-mlp", "cvae-label", "regressor-label"])
def test_the_step_the_epoch_and_the_weight_are_named(name):
    for data in (None, sliced):
        with pytest.raises(
            UserError, match="the loss is nan at step 2 of epoch 2: weight .* is not finite" + LAST
        ) as told:
            fit(name, data=data)
        assert "\n" not in str(told.value)


def test_the_first_step_has_no_metrics_before_it():
    with pytest.raises(UserError, match=r"at step 1 of epoch 1: .*last finite metrics: none yet"):
        fit("vae-mlp", (0, 0))


def test_the_weights_are_looked_at_in_the_end():
    model = models.create("vae-mlp")
    model.compile(keras.optimizers.SGD(1e38), run_eagerly=True)
    with pytest.raises(
        UserError, match=r"a weight is not finite after the last step: weight .*expected finite weights"
    ):
        model.fit(models.examples(model, 4), verbose=0)


def test_several_steps_in_one_execution():
    with pytest.raises(UserError, match="the loss is nan by step 3 of epoch 1: "):
        fit("vae-mlp", (0, 0), data=sliced, run_eagerly=False, steps_per_execution=3)


def test_callbacks_of_a_user_come_first():
    ends = keras.callbacks.TerminateOnNaN()
    history = fit("vae-mlp", (1, 1), ends).history
    assert len(history["loss"]) == 2 and np.isnan(history["loss"][1])
    breaks, model = Breaks(9, 0), models.create("vae-mlp")
    model.compile("sgd", run_eagerly=True)
    x = models.examples(model, 4)
    model.fit(x, None, 2, 1, 0, [breaks])
    assert breaks.ended


def test_a_watcher_of_the_user_takes_the_place_of_fits_own(monkeypatch):
    began = []
    monkeypatch.setattr(StopWhenNotFinite, "on_epoch_begin", lambda self, epoch, logs: began.append(self))
    own = StopWhenNotFinite()
    fit("vae-mlp", (9, 9), own)
    assert began == [own] * 3
    fit("vae-mlp", (9, 9))
    assert len(began) == 6 and own not in began[3:]


def test_skipped_steps_are_no_failure_and_a_broken_layer_is_named():
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01), initial_scale=float(2**127))
    fit("vae-mlp", (9, 9), optimizer=scaled)
    assert int(scaled.iterations) == 0 or float(scaled.dynamic_scale) < 2.0**127

    class Overflows(keras.layers.Layer):
        def call(self, x):
            return x * 1e38 * 1e38

    decoder = keras.Sequential([keras.layers.Dense(3), Overflows(name="overflows")])
    model = VAE(keras.layers.Dense(3), decoder, posterior=DiagonalNormal(2), likelihood=Normal(4))
    optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.01))
    model.compile(optimizer, run_eagerly=True)
    with pytest.raises(
        UserError, match=r"layer .*overflows .float32. gives values that .* bfloat16 or in float32"
    ):
        model.fit(np.ones((4, 4), np.float32), verbose=0)
