"""Schedules of temperatures.

Mutations, each seen to break a test here: a turn of the variance in place of the standard deviation, geometric steps
from t = 0 on.
"""

import numpy as np
import pytest
from kit import linear_generator
from kit.linear_gaussian_model import build

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.evaluation.schedules import geometric, temperatures_of, turn_of


def test_geometric_steps_are_equal_below_the_turn_and_grow_above_it():
    steps = geometric(0.01, 200)
    assert steps[0] == 0 and steps[-1] == 1 and len(steps) == 201
    np.testing.assert_allclose(np.diff(np.log1p(steps / 0.01)), np.log1p(100) / 200, rtol=1e-9)
    np.testing.assert_allclose(geometric(1e6, 4), np.linspace(0, 1, 5), rtol=1e-5)


def test_the_turn_is_where_the_scatter_of_the_likelihood_is_that_of_the_posterior():
    """At the turn sd(t log p(x|z)) over the prior is sqrt(D / 2), what it is over a sharp Gaussian posterior."""
    rng, scale = np.random.default_rng(3), 0.2
    x = linear_generator.examples(4000, seed=2).astype(float)
    z = rng.normal(size=(500, 1, 2))
    squares = ((x[:400] - z @ linear_generator.W.T - linear_generator.B) ** 2).sum(axis=-1)
    expected = 1.0 / (0.5 / scale**2 * squares.std(axis=0).mean())
    assert abs(np.log(turn_of(linear_generator.build(scale)) / expected)) < 0.5


def test_implicit_models_take_it_and_others_do_not():
    model = linear_generator.build(0.1)
    np.testing.assert_array_equal(temperatures_of(model, None, 9), temperatures_of(model, "geometric", 9))
    oracle = linear_generator.oracle(0.1)
    vae = build(oracle, np.zeros((2, 5)), np.zeros(2), np.ones(2))
    np.testing.assert_array_equal(temperatures_of(vae, None, 9), temperatures_of(vae, "sigmoid", 9))
    assert 0.5 < turn_of(vae) / turn_of(model) < 2


def test_a_sharp_likelihood_needs_it():
    """The same chains with the same number of temperatures, at a scale of 0.02."""
    model = linear_generator.build(0.02)
    exact = linear_generator.oracle(0.02)
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(30, 2)) @ exact.W.T + exact.b + 0.02 * rng.normal(size=(30, 5))).astype(np.float32)
    low = [
        (evaluation.ais(model, x, 100, 8, schedule=name).log_prob - exact.log_marginal(x)).mean()
        for name in ("geometric", "sigmoid")
    ]
    assert low[0] > -1 and low[1] < low[0] - 5


def test_a_name_that_is_none_is_refused():
    with pytest.raises(UserError, match=r"unknown schedule; expected one of sigmoid, linear, geometric"):
        temperatures_of(linear_generator.build(0.3), "cosine", 5)
