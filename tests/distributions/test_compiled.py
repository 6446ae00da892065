"""Log-densities that XLA compiles, against the plain formulas and TFP, in value and in gradient.

Mutations, each seen to break a test here: the remainder of the slices left out; l for max(l, 0); upstream averaged over
K for an argument that broadcasts; any threshold but infinity taken for 0; an inner threshold that cannot raise the
outer one; the inner threshold left behind by an exception.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from kit.marks import tiers

import tfvae
from tfvae.distributions import Bernoulli, DiagonalNormal, StandardNormal, bernoulli, log_density

tfd = tfp.distributions
K, B = 6, 4


def arguments(kind, size, dtype=np.float32):
    """What a density takes, parameters first, and its value by TFP in double precision."""
    rng = np.random.default_rng(size)
    if kind == "bernoulli":
        logits = rng.normal(scale=8.0, size=(K, B, size)).astype(dtype)
        logits[0, 0, :3] = [0.0, 100.0, -100.0]
        x = (rng.random((B, size)) < 0.4).astype(dtype)
        return (logits, x), lambda logits, x: tfd.Independent(
            tfd.Bernoulli(logits=logits, dtype=x.dtype), 1
        ).log_prob(x)
    z = rng.normal(size=(K, B, size)).astype(dtype)
    if kind == "standard":
        return (z,), lambda z: tfd.Independent(tfd.Normal(tf.zeros_like(z), 1.0), 1).log_prob(z)
    loc = rng.normal(size=(B, size)).astype(dtype)
    scale = np.exp(rng.normal(size=(B, size))).astype(dtype)
    return (loc, scale, z), lambda loc, scale, z: tfd.Independent(tfd.Normal(loc, scale), 1).log_prob(z)


DENSITIES = {
    "bernoulli": lambda size: (Bernoulli((size,)), 1),
    "normal": lambda size: (DiagonalNormal(size), 2),
    "standard": lambda size: (StandardNormal(size), 0),
}


@pytest.mark.parametrize("size", tiers([3, 784, 350, 401], fast=[3, 784]))
@pytest.mark.parametrize("kind", DENSITIES)
def test_value_and_gradients(kind, size):
    """|compiled - TFP| <= 1e-5 of the sum of the absolute terms, and of the largest entry of a gradient."""
    head, split = DENSITIES[kind](size)
    values, oracle = arguments(kind, size)
    upstream = np.random.default_rng(1).normal(size=(K, B)).astype(np.float32)

    def evaluate(function, dtype):
        inputs = [tf.constant(value, dtype) for value in values]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = function(*inputs)
        return result, tape.gradient(result, inputs, output_gradients=tf.cast(upstream, dtype))

    def scored(*inputs):
        return head.log_prob(inputs[:split], inputs[split])

    with log_density.compiled_densities(0):
        found, gradients = evaluate(scored, tf.float32)
    expected, truths = evaluate(oracle, tf.float64)
    plain, plain_gradients = evaluate(scored, tf.float32)
    magnitude = max(1.0, float(np.max(np.abs(expected))))
    for answer in (found, plain):
        np.testing.assert_allclose(answer, expected, atol=1e-5 * magnitude, rtol=0)
    for answers in (gradients, plain_gradients):
        for gradient, truth in zip(answers, truths, strict=True):
            assert gradient.shape == truth.shape
            np.testing.assert_allclose(gradient, truth, atol=1e-5 * max(1.0, np.max(np.abs(truth))), rtol=0)


def is_compiled(function, *inputs):
    graph = tf.function(function).get_concrete_function(*inputs).graph
    names = {node.op for node in graph.as_graph_def().node}
    return "Softplus" not in names


def test_only_large_densities_inside_the_context_are_compiled():
    head = Bernoulli((28, 28, 1))

    def scored(logits, x):
        return head.log_prob((logits,), x)

    def inside(logits, x):
        with log_density.compiled_densities():
            return scored(logits, x)

    def off(logits, x):
        with log_density.compiled_densities(), log_density.compiled_densities(np.inf):
            return scored(logits, x)

    def spec(*lead):
        return tf.TensorSpec([*lead, 28, 28, 1])

    assert is_compiled(inside, spec(5, None), spec(None))
    assert is_compiled(inside, spec(5, 20), spec(20))
    assert not is_compiled(inside, spec(1, 100), spec(100))
    assert not is_compiled(scored, spec(5, None), spec(None))
    assert not is_compiled(off, spec(5, None), spec(None))
    with pytest.raises(RuntimeError, match="inside"), log_density.compiled_densities():
        raise RuntimeError("inside")
    assert not is_compiled(scored, spec(5, None), spec(None))


@pytest.mark.parametrize("size", [1, 13, 14, 15, 31, 784])
def test_slices_hold_every_pixel_once(size):
    logits = np.random.default_rng(0).normal(size=(2, 3, size)).astype(np.float32)
    x = (np.random.default_rng(1).random((3, size)) < 0.5).astype(np.float32)
    expected = np.sum(x * logits - np.logaddexp(0.0, logits.astype(np.float64)), axis=-1)
    np.testing.assert_allclose(
        bernoulli._log_prob_by_slices(tf.constant(logits), x), expected, rtol=2e-6, atol=2e-6
    )


@pytest.mark.parametrize("estimator", tiers(["iwae", "dreg"], fast=(), kept=["dreg"]))
def test_a_step_is_the_same_compiled_or_not(estimator):
    """Twenty steps of Adam from one start: the weights agree to the rounding that they gather."""
    x = (np.random.default_rng(0).random((20, 28, 28, 1)) < 0.3).astype(np.float32)
    weights = {}
    for jit in ("auto", True, False):
        keras.utils.set_random_seed(0)
        model = tfvae.presets.create("burda-1layer", estimator=estimator, num_samples=5)
        model.compile(keras.optimizers.SGD(1e-3), jit_compile=jit)
        model.fit(x, batch_size=10, epochs=10, shuffle=False, verbose=0)
        weights[jit] = np.concatenate([np.ravel(weight) for weight in model.get_weights()])
    largest = np.max(np.abs(weights[False]))
    for jit in ("auto", True):
        np.testing.assert_allclose(weights[jit], weights[False], atol=1e-5 * largest, rtol=0)
