"""What KL warm-up and free bits make of a KL divergence in closed form: the loss and its gradients, written out.

Mutations, each seen to break a test here: a KL weight that leaves the closed form at full weight; free bits compared
with each example's KL divergence in place of the batch mean; units pooled before they are compared; a held unit that
keeps its gradient, or a unit above the threshold that loses it.
"""

import numpy as np
import pytest
import tensorflow as tf
from kit import linear_gaussian_model, step_gradients
from kit.linear_gaussian import LinearGaussian

from tfvae import random

WARM_UP, FREE = 1_000_000, 0.5
ORACLE = LinearGaussian(W=[[1.0, 0.3], [-0.4, 0.8], [0.2, 0.5]], b=[0.1, 0.0, -0.2], s=0.7)
A, C, S = np.array([[1.2, 0.0, 0.0], [0.0, 0.9, 0.0]]), np.zeros(2), np.array([0.6, 0.8])
X = np.array([[2.0, 0.1, 0.0], [0.1, 1.7, 0.3], [1.5, -0.2, 0.4], [0.0, 0.0, -0.5]], np.float32)


def build(**options):
    return linear_gaussian_model.build(
        ORACLE, A, C, S, estimator="elbo-analytic", num_samples=2, seed=3, **options
    )


def assert_step_is(model, step, cost):
    """Holds the loss and the gradients of a step to distortion + cost(KL [B, units]), differentiated as it stands."""
    x, variables = tf.constant(X), linear_gaussian_model.parameters(model)
    noise = random.PhiloxNoise(random.fold(model.seed, "train", tf.constant(step)), len(X))
    with tf.GradientTape() as tape:
        loc, scale = model.posterior_parameters(x)
        z = loc + scale * noise.normal("posterior", 2, 2)
        mean, spread = model.likelihood_parameters(z)
        errors = 0.5 * tf.square((x - mean) / spread) + tf.math.log(spread) + 0.5 * np.log(2 * np.pi)
        kl = 0.5 * (tf.square(loc) + tf.square(scale) - 1.0) - tf.math.log(scale)
        loss = tf.reduce_mean(tf.reduce_sum(errors, axis=-1)) + cost(kl)
    expected = tape.gradient(loss, variables)
    gradients, metrics = step_gradients.sample(model, X, variables, 1, first=step)
    assert metrics["loss"][0] == pytest.approx(float(loss), rel=1e-5)
    assert metrics["rate"][0] == pytest.approx(float(tf.reduce_sum(kl)) / len(X), rel=1e-5)
    for name, values in gradients.items():
        np.testing.assert_allclose(-values[0], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    return kl.numpy()


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_warm_up_scales_the_divergence_in_closed_form(share):
    """The metrics stay those of the plain bound."""
    model = build(kl_warmup_steps=WARM_UP)
    assert_step_is(model, int(share * WARM_UP), lambda kl: share * tf.reduce_sum(kl) / len(X))


def held(kl):
    """Units whose batch mean is below `FREE` cost that; the others cost their divergence, example by example."""
    mean = tf.reduce_mean(kl, axis=0)
    return tf.reduce_sum(tf.where(mean > FREE, mean, FREE))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_free_bits_are_compared_with_the_mean_over_the_batch_unit_by_unit(share):
    model = build(free_bits=FREE, kl_warmup_steps=WARM_UP)
    kl = assert_step_is(model, int(share * WARM_UP), lambda kl: share * held(kl))
    above, below = kl.T
    assert above.mean() > FREE > above.min(), "or no example of the unit above is below"
    assert below.max() > FREE > below.mean(), "or no example of the unit below is above"
