"""The deterministic autoencoder: both losses, the networks in training, and shapes that it learns from the data.

Written against these mutations: probabilities in place of logits; dropout outside training; weights of
examples left out of the loss or of the step.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae import Autoencoder
from tfvae.checks import UserError
from tfvae.networks import MLP

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(20, 3)).astype(np.float32)


def build(loss="squared", **options):
    keras.utils.set_random_seed(0)
    return Autoencoder(MLP([4, 2], "tanh"), MLP([4, 3], "tanh"), loss=loss, **options)


@pytest.mark.parametrize("loss", ["squared", "bernoulli"])
def test_the_loss_and_its_weights(loss):
    model = build(loss, event_shape=3)
    model.compile(keras.optimizers.SGD(0.0))
    y = model.reconstruct(X).numpy().astype(np.float64)
    each = (X - y) ** 2 if loss == "squared" else -(X * np.log(y) + (1 - X) * np.log(1 - y))
    weight = np.linspace(0, 2, len(X)).astype(np.float32)
    found = model.train_on_batch(X, sample_weight=weight, return_dict=True)
    np.testing.assert_allclose(found["loss"], (weight * each.sum(axis=1)).mean(), rtol=1e-5)
    error = (weight * ((X - y) ** 2).mean(axis=1)).sum() / weight.sum()
    np.testing.assert_allclose(found["reconstruction_error"], error, rtol=1e-5)
    np.testing.assert_allclose(model.decode(model.encode(X)), y, rtol=1e-5)


def test_a_step_counts_examples_by_their_weights():
    def moved(weight):
        model = build(event_shape=3)
        model.compile(keras.optimizers.SGD(0.1))
        before = model.get_weights()
        model.train_on_batch(X, sample_weight=np.asarray(weight, np.float32))
        return np.concatenate([(b - a).ravel() for a, b in zip(before, model.get_weights(), strict=True)])

    weight = np.linspace(0, 2, len(X))
    whole = moved(weight)
    assert np.abs(whole).max() > 1e-3
    np.testing.assert_allclose(moved(2 * weight), 2 * whole, rtol=1e-3, atol=1e-6)
    parts = moved(np.where(X[:, 0] < 0.5, weight, 0)) + moved(np.where(X[:, 0] < 0.5, 0, weight))
    np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-6)


def test_a_linear_autoencoder_finds_the_principal_components():
    x = (RNG.normal(size=(300, 2)) @ RNG.normal(size=(2, 5)) + 0.1 * RNG.normal(size=(300, 5))).astype(
        np.float32
    )
    keras.utils.set_random_seed(0)
    model = Autoencoder(keras.layers.Dense(2), keras.layers.Dense(5))
    model.compile(keras.optimizers.Adam(0.05))
    model.fit(x, epochs=50, batch_size=100, verbose=0)
    left = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)[2:]
    error = model.evaluate(x, batch_size=300, verbose=0, return_dict=True)["loss"]
    assert 0.999 * (left**2).sum() / 300 < error < 1.3 * (left**2).sum() / 300


def test_the_shape_comes_from_the_encoder_or_from_the_data():
    functional = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    assert Autoencoder(functional, keras.layers.Dense(3)).event_shape == (3,)
    for data in (X, tf.data.Dataset.from_tensor_slices(X).batch(5)):
        model = build()
        with pytest.raises(UserError, match="does not know yet what an example is"):
            model.encode(X)
        model.compile("adam")
        model.fit(data, verbose=0, shuffle=False)
        assert model.event_shape == (3,) and model.code_shape == (2,)
    clone = Autoencoder.from_config(model.get_config())
    assert clone.event_shape == (3,)


def test_dropout_acts_in_training_alone(tmp_path):
    keras.utils.set_random_seed(0)
    encoder = keras.Sequential([keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    model = Autoencoder(encoder, MLP([3]), event_shape=3)
    model.compile("adam")
    model.fit(X, epochs=2, batch_size=10, verbose=0)
    np.testing.assert_array_equal(model.reconstruct(X), model.reconstruct(X))
    assert np.abs(model.call(tf.constant(X), training=True) - model.reconstruct(X)).max() > 0.01
    model.save(tmp_path / "autoencoder.keras")
    copy = keras.saving.load_model(tmp_path / "autoencoder.keras")
    for either in (model, copy):
        either.fit(X, epochs=1, batch_size=10, verbose=0, shuffle=False)
    np.testing.assert_array_equal(copy.encode(X), model.encode(X))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"loss": "absolute"}, "unknown loss; expected one of squared, bernoulli"),
        ({"decoder": "dense"}, "decoder is of the wrong kind"),
        ({"event_shape": 0}, "event_shape is not a shape"),
    ],
)
def test_bad_arguments_are_one_line(options, says):
    with pytest.raises(UserError, match=says) as caught:
        Autoencoder(**{"encoder": MLP([2]), "decoder": MLP([3])} | options)
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"does not return to the shape.*\[B, 4\]; received \[B, 3\]"):
        build(event_shape=4).compile("adam")
    model = build("bernoulli", event_shape=3)
    model.compile("adam")
    with pytest.raises(UserError, match=r"1 numbers outside \[0, 1\].*received 2 in example 4"):
        model.fit(
            np.where(np.arange(20)[:, None] + np.arange(3) * 100 == 4, 2.0, X).astype(np.float32), verbose=0
        )
