"""No output of a network, however large, makes a scale 0 or infinite; usual ones pass to the bit.

Mutations, each seen to break a test here: `exp` or `softplus` of the output as it is in `DiagonalNormal`; `exp` of the
diagonal of `FullCovarianceNormal`, or of the logarithms of `AttentionWindow`, as it is; tanh in place of the fraction,
whose derivative vanishes.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tfvae import distributions as d
from tfvae.layers import bounded
from tfvae.networks import MLP, AttentionWindow

LARGE = [15.0, 100.0, 1e4, 1e9]


def test_usual_values_pass_to_the_bit():
    values = tf.constant(np.linspace(-10.0, 10.0, 1001), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(values)
        found = bounded(values)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(tape.gradient(found, values), tf.ones_like(values))


def test_large_values_level_off_with_a_derivative_that_leads_back():
    values = tf.constant([10.0 + 1e-3, *LARGE])
    for sign in (1.0, -1.0):
        with tf.GradientTape() as tape:
            tape.watch(values)
            found = bounded(sign * values)
        size, slope = sign * found.numpy(), sign * tape.gradient(found, values).numpy()
        assert (np.diff(size) >= 0).all() and (size <= 15.0).all() and (size > 10.0).all()
        excess = values.numpy() - 10.0
        np.testing.assert_allclose(slope, 1.0 / (1.0 + excess / 5.0) ** 2, rtol=1e-4)
        assert (slope > 0).all()


POSTERIORS = {
    "exp": lambda: d.DiagonalNormal(3),
    "softplus": lambda: d.DiagonalNormal(3, scale="softplus"),
    "full": lambda: d.FullCovarianceNormal(3),
    "householder": lambda: d.HouseholderNormal(3),
    "realnvp": lambda: d.RealNVP(3, couplings=2, hidden_size=4, context_size=2),
    "iaf": lambda: d.InverseAutoregressiveFlow(3, hidden_size=4, context_size=2),
    "logistic": lambda: d.DiscretizedLogistic(3),
    "mixture": lambda: d.DiscretizedLogisticMixture(3, components=2),
}


@pytest.mark.parametrize("name", POSTERIORS)
def test_scales_stay_inside_float32(name):
    keras.utils.set_random_seed(1)
    head = POSTERIORS[name]()
    for size in LARGE:
        features = size * np.random.default_rng(2).standard_normal((50, 4)).astype(np.float32)
        parameters = head(features)
        scale = parameters[-1] if name == "mixture" else parameters[1]
        scale = tf.linalg.diag_part(scale) if name == "full" else scale
        squares = np.square(scale.numpy())
        assert np.isfinite(squares).all() and (squares > 0.0).all()
        assert np.isfinite(np.log(scale)).all()


def test_mixture_prior():
    prior = d.MixturePrior(2, components=3)
    prior.build()
    prior.log_scales.assign([[-500.0, 500.0]] * 3)
    scale = prior.parameters()[2].numpy()
    assert (scale > 0.0).all() and np.isfinite(scale**2).all()


def test_attention_window():
    window = AttentionWindow(2, (4, 4, 1), writes=True)
    window(np.zeros((1, 3), np.float32))
    window.linear.kernel.assign(1000.0 * np.random.default_rng(0).standard_normal((3, 5)))
    where = window(np.random.default_rng(1).standard_normal((20, 3)).astype(np.float32))
    patch = tf.ones((20, 2, 1, 2))
    for found in (window.write(where, patch), window.read(where, tf.ones((20, 4, 4, 1)))):
        assert np.isfinite(found).all()


@pytest.mark.parametrize("scale", ["exp", "softplus"])
def test_columns_of_any_size_train(scale):
    keras.utils.set_random_seed(0)
    x = 100.0 * np.random.default_rng(0).standard_normal((200, 20)).astype(np.float32)
    model = tfvae.VAE(
        MLP([64, 64]),
        MLP([64, 64]),
        posterior=d.DiagonalNormal(5, scale=scale),
        likelihood=d.Normal(20, scale="learned"),
    )
    model.compile(keras.optimizers.Adam(1e-3))
    loss = model.fit(x, epochs=4, batch_size=50, verbose=0).history["loss"]
    assert np.isfinite(loss).all() and loss[-1] < loss[0]
    assert all(np.isfinite(weight).all() for weight in [*model.get_weights(), *model.optimizer.variables])
