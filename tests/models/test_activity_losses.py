"""Activity regularisers count the pass of the examples, once, whatever else a training step calls the layers for.

Mutations, each seen to break a test here: a VampPrior whose calls count; DRAW's last step in place of all of them, or
its second unrolling in place of the first.
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


def test_the_regularisers_of_draw_follow_the_path_for_every_estimator():
    """The second unrolling, of estimators that detach the latents, does not."""
    shares = []
    for estimator in ("elbo", "stl"):
        ends = []
        for regular in (False, True):
            model = models.create("draw-whole", estimator=estimator)
            if regular:
                regularized(model.patch)
            model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
            model.train_on_batch(models.examples(model, 3))
            ends.append(model.step_head.scale_layer.linear.kernel.numpy())
        shares.append(ends[1] - ends[0])
    assert np.abs(shares[0]).max() > 1e-5
    np.testing.assert_allclose(shares[1], shares[0], rtol=0.01, atol=1e-7)


def test_what_evaluation_leaves_does_not_count():
    model = models.create("vae-householder-vamp")
    x = models.examples(model, 4)
    regularized(model.encoder.dense[0])
    model.evaluate(x, verbose=0) if model.compiled else model.elbo(x)
    expected = squares(keras.layers.Dense.call(model.encoder.dense[0], tf.constant(x.reshape(4, -1))))
    assert step_regularization(model, x) == pytest.approx(expected, rel=1e-4)
