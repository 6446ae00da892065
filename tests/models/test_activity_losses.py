"""Activity regularisers count the pass of the examples, once, whatever else a training step calls the layers for.

Mutations, each seen to break a test here: a VampPrior, or the second unrolling of DRAW, whose calls count; DRAW's last
step in place of all of them.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models

RATE = 0.1


def step_regularization(model, x):
    """What the loss of a training step holds besides minus the bound."""
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    metrics = model.train_on_batch(*models.data(model, x), return_dict=True)
    return metrics["loss"] + metrics["bound"]


def regularized(layer):
    layer.activity_regularizer = keras.regularizers.L2(RATE)


def squares(*outputs):
    return RATE * sum(float(tf.reduce_sum(tf.square(output))) / len(output) for output in outputs)


@pytest.mark.parametrize(
    "name", ["vae-mlp", "vae-householder-vamp", "ladder-mlp", "hierarchical-mlp", "cvae-label", "iwae-mlp"]
)
def test_encoder(name):
    model = models.create(name, **({"kl_warmup_steps": 0} if name == "iwae-mlp" else {}))
    x = models.examples(model, 4)
    encoder = models.first_layer(model).dense[0]
    regularized(encoder)
    seen = np.concatenate([part.reshape(4, -1) for part in (x, *models.given(model, x).values())], axis=1)
    expected = squares(keras.layers.Dense.call(encoder, tf.constant(seen)))
    assert step_regularization(model, x) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("estimator", ["elbo", "stl"])
def test_draw(estimator, monkeypatch):
    model = models.create("draw-whole", estimator=estimator)
    outputs = []
    regularized(model.encoder)
    regularized(model.patch)
    for layer in (model.encoder, model.patch):

        def watched(*args, call=layer.call, **kwargs):
            found = call(*args, **kwargs)
            outputs.extend(tf.nest.flatten(found))
            return found

        monkeypatch.setattr(layer, "call", watched)
    x = models.examples(model, 3)
    found = step_regularization(model, x)
    one_pass = model.steps * 3  # two states of the encoder and a patch for each step
    passes = 2 if estimator == "stl" else 1
    assert len(outputs) == passes * one_pass
    assert found == pytest.approx(squares(*outputs) / passes, rel=1e-4)


def test_what_evaluation_leaves_does_not_count():
    model = models.create("vae-householder-vamp")
    x = models.examples(model, 4)
    regularized(model.encoder.dense[0])
    model.evaluate(x, verbose=0) if model.compiled else model.elbo(x)
    expected = squares(keras.layers.Dense.call(model.encoder.dense[0], tf.constant(x.reshape(4, -1))))
    assert step_regularization(model, x) == pytest.approx(expected, rel=1e-4)
