"""Every row of the table of estimators, in NumPy, and how it is looked up.

Mutations, each seen to break a test here: log K dropped from `log_mean_exp`; softmax over the batch in place of the
particles; w~ where w~^2 belongs (dreg); a forgotten score term (iwae); a sum for the mean (elbo).
"""

import importlib

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from tfvae import estimators
from tfvae.checks import UserError
from tfvae.estimators.base import Estimator, log_mean_exp

FOUNDATION = ["elbo", "elbo-analytic", "stl", "iwae", "iwae-stl", "dreg"]
SHAPES = [(5, 3), (3, 5), (1, 4), (4, 1)]


def log_weights(shape, spread=2.0):
    return np.random.default_rng(0).normal(-90.0, spread, shape)


def expected(name, log_w):
    """(bound, model, path, score) of the design's table, in double precision."""
    count = len(log_w)
    u = np.full(log_w.shape, 1 / count)
    normalised = np.exp(log_w - special.logsumexp(log_w, axis=0))
    tight = special.logsumexp(log_w, axis=0) - np.log(count)
    return {
        "elbo": (log_w.mean(axis=0), u, u, -u),
        "elbo-analytic": (log_w.mean(axis=0), u, u, 0 * u),
        "stl": (log_w.mean(axis=0), u, u, 0 * u),
        "iwae": (tight, normalised, normalised, -normalised),
        "iwae-stl": (tight, normalised, normalised, 0 * u),
        "dreg": (tight, normalised, normalised**2, 0 * u),
    }[name]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", FOUNDATION)
def test_weights(name, shape):
    log_w = log_weights(shape)
    terms = estimators.get(name)(tf.constant(log_w, tf.float32))
    for field, value, truth in zip(terms._fields, terms, expected(name, log_w), strict=True):
        value = np.zeros(shape) if value is None else value.numpy()
        np.testing.assert_allclose(value, truth, rtol=1e-4, atol=1e-6, err_msg=field)


@pytest.mark.parametrize("name", FOUNDATION)
def test_weights_trace_with_nothing_known_of_the_shape(name):
    estimator = estimators.get(name)
    traced = tf.function(lambda t: estimator(t).bound, input_signature=[tf.TensorSpec([None, None])])
    for shape in SHAPES:
        log_w = log_weights(shape)
        np.testing.assert_allclose(
            traced(tf.constant(log_w, tf.float32)), expected(name, log_w)[0], rtol=1e-5
        )


@pytest.mark.parametrize("name", FOUNDATION)
def test_a_constant_shifts_the_bound_and_nothing_else(name):
    log_w = tf.constant(log_weights((4, 3)), tf.float32)
    terms, shifted = estimators.get(name)(log_w), estimators.get(name)(log_w + 64.0)
    np.testing.assert_allclose(shifted.bound, terms.bound + 64.0, rtol=1e-5)
    np.testing.assert_allclose(shifted.model, terms.model, rtol=1e-4)


@pytest.mark.parametrize("name", FOUNDATION)
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_log_weights(name, extreme):
    log_w = np.float32([[0.0, extreme], [extreme, 0.0], [extreme, extreme]])
    terms = estimators.get(name)(tf.constant(log_w))
    for value, truth in zip(terms, expected(name, log_w.astype(np.float64)), strict=True):
        if value is not None:
            np.testing.assert_allclose(value, truth, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("value", [1e4, -1e4, 0.0])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_log_mean_exp_of_equal_weights_is_their_value(value, count):
    np.testing.assert_allclose(log_mean_exp(tf.fill([count, 2], value)), [value, value], rtol=1e-6, atol=1e-6)


def test_log_mean_exp_with_and_without_a_static_count():
    log_w = tf.constant(log_weights((6, 3)), tf.float32)
    truth = special.logsumexp(log_weights((6, 3)), axis=0) - np.log(6)
    traced = tf.function(log_mean_exp, input_signature=[tf.TensorSpec([None, 3])])
    np.testing.assert_allclose(log_mean_exp(log_w), truth, rtol=1e-6)
    np.testing.assert_allclose(traced(log_w), truth, rtol=1e-6)


def test_names():
    assert estimators.names() == FOUNDATION


@pytest.mark.parametrize("row", estimators.TABLE, ids=lambda row: row.name)
def test_rows_load_and_agree_with_their_class(row):
    module, name = row.factory.split(":")
    factory = getattr(importlib.import_module(f"tfvae.estimators.{module}"), name)
    estimator = estimators.get(row.name)
    assert type(estimator) is factory and issubclass(factory, Estimator)
    assert factory.name == row.name == estimator.get_config()["name"]
    assert estimators.get(estimator.get_config()) == estimator
    assert estimators.row(row.name) is row
    assert estimator.analytic_kl == (row.name == "elbo-analytic")
    bound = estimator(tf.constant(log_weights((4, 3)), tf.float32)).bound
    tight = special.logsumexp(log_weights((4, 3)), axis=0) - np.log(4)
    assert np.allclose(bound, tight, rtol=1e-5) == row.multi_sample


def test_an_estimator_is_returned_as_it_is():
    estimator = estimators.get("dreg")
    assert estimators.get(estimator) is estimator


@pytest.mark.parametrize(
    "spec", ["iwea", "", None, 3, {}, {"name": "x"}, {"name": None}, ["elbo"], Estimator]
)
def test_unknown_estimators_are_refused_in_one_line(spec):
    with pytest.raises(UserError, match="unknown estimator; expected one of elbo, ") as error:
        estimators.get(spec)
    assert "\n" not in str(error.value)


def test_unknown_options_are_refused():
    with pytest.raises(UserError, match="estimator elbo does not take these options"):
        estimators.get({"name": "elbo", "groups": 2})
