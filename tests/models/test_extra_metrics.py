"""Metrics that a user adds to what `fit` and `evaluate` report."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae.checks import UserError
from tfvae.distributions import DiagonalNormal, Normal

X = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
WEIGHT = np.array([1, 0, 2, 0.5, 1, 1, 3, 1, 1, 1], np.float32)


class Measured(tfvae.VAE):
    """A VAE that reports the first number of each example, and how much its particles scatter."""

    extra_metric_names = ("first", "scatter")

    def extra_metrics(self, x, scores):
        return {"first": x[:, 0], "scatter": tf.math.reduce_std(scores.log_weights, axis=0)}


def build(kind=Measured):
    keras.utils.set_random_seed(0)
    parts = {"posterior": DiagonalNormal(2), "likelihood": Normal(3)}
    model = kind(keras.layers.Identity(), keras.layers.Identity(), num_samples=3, **parts)
    model.compile(optimizer="sgd")
    return model


@pytest.mark.parametrize("strategy", [None, "mirrored"])
def test_fit_and_evaluate_report_their_weighted_means(strategy):
    scope = tf.distribute.get_strategy() if strategy is None else tf.distribute.MirroredStrategy(["CPU:0"])
    with scope.scope():
        model = build()
    history = model.fit(X, sample_weight=WEIGHT, validation_data=(X,), batch_size=4, verbose=0).history
    np.testing.assert_allclose(history["first"], np.average(X[:, 0], weights=WEIGHT), rtol=1e-5)
    np.testing.assert_allclose(history["val_first"], X[:, 0].mean(), rtol=1e-5)
    assert history["scatter"][0] > 0
    found = model.evaluate(X, sample_weight=WEIGHT, batch_size=10, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["first"], np.average(X[:, 0], weights=WEIGHT), rtol=1e-5)
    assert model.metrics_names[-2:] == ["first", "scatter"]


def test_training_is_that_of_the_model_without_them():
    models = [build(), build(tfvae.VAE)]
    for model in models:
        model.fit(X, epochs=2, batch_size=4, shuffle=False, verbose=0)
    for mine, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_name_without_a_metric_is_told():
    class Forgetful(Measured):
        extra_metric_names = ("first", "scatter", "third")

    with pytest.raises(UserError, match="extra_metric_names"):
        build(Forgetful).fit(X, verbose=0)
