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

SHAPES = [(6, 4), (3, 6), (2, 5), (6, 1)]
OPTIONS = {
    "miwae": {"groups": 2},
    "piwae": {"groups": 2},
    "ciwae": {"beta": 0.3},
    "vr-iwae": {"alpha": 0.4},
    "vr-iwae-dreg": {"alpha": 0.4},
}
NAMES = estimators.names()
SHIFT_CHANGES_WEIGHTS = {"reinforce", "nvil"}


def log_weights(shape, spread=2.0):
    return np.random.default_rng(0).normal(-90.0, spread, shape)


def get(name, count):
    """The estimator of a row, its options away from their defaults; odd counts have one group."""
    options = OPTIONS.get(name, {}) | (
        {"groups": 1} if count % 2 and "groups" in OPTIONS.get(name, {}) else {}
    )
    return estimators.get({"name": name} | options)


def softmax(log_w, axis=0):
    return np.exp(log_w - special.logsumexp(log_w, axis=axis, keepdims=True))


def mean_bound(log_w, axis=0):
    return special.logsumexp(log_w, axis=axis) - np.log(log_w.shape[axis])


def expected(name, log_w):
    """(bound, model, path, score) of the row, particle by particle, in double precision."""
    count = len(log_w)
    u, none, w = np.full(log_w.shape, 1 / count), np.zeros(log_w.shape), softmax(log_w)
    loose, tight = log_w.mean(axis=0), mean_bound(log_w)
    groups = np.array_split(log_w, 1 if count % 2 else 2)
    grouped = np.concatenate([softmax(group) for group in groups]) / len(groups)
    beta, alpha = 0.3, 0.4
    mixed = beta * u + (1 - beta) * w
    tempered = softmax((1 - alpha) * log_w)
    tempered_bound = mean_bound((1 - alpha) * log_w) / (1 - alpha)
    without = np.full_like(log_w, np.nan)
    for k in range(count if count > 1 else 0):
        replaced = log_w.copy()
        replaced[k] = np.delete(log_w, k, axis=0).mean(axis=0)
        without[k] = mean_bound(replaced)
    left_out = (
        np.mean([mean_bound(np.delete(log_w, k, axis=0)) for k in range(count)], axis=0) if count > 1 else 0
    )
    jackknife = count * w
    for k in range(count if count > 1 else 0):
        jackknife -= (count - 1) / count * np.insert(softmax(np.delete(log_w, k, axis=0)), k, 0.0, axis=0)
    return {
        "elbo": (loose, u, u, -u),
        "elbo-analytic": (loose, u, u, none),
        "stl": (loose, u, u, none),
        "iwae": (tight, w, w, -w),
        "iwae-stl": (tight, w, w, none),
        "dreg": (tight, w, w**2, none),
        "rws": (tight, w, none, w),
        "rws-dreg": (tight, w, w - w**2, none),
        "miwae": (np.mean([mean_bound(group) for group in groups], axis=0), grouped, grouped, -grouped),
        "piwae": (tight, w, grouped, -grouped),
        "ciwae": (beta * loose + (1 - beta) * tight, mixed, mixed, -mixed),
        "vr-iwae": (tempered_bound, tempered, tempered, -tempered),
        "vr-iwae-dreg": (tempered_bound, tempered, alpha * tempered + (1 - alpha) * tempered**2, none),
        "jvi": (count * tight - (count - 1) * left_out, jackknife, jackknife, -jackknife),
        "reinforce": (loose, u, none, u * log_w),
        "nvil": (loose, u, none, u * log_w),
        "vimco": (tight, w, none, tight - without - w),
        "relaxed": (tight, w, w, -w),
    }[name]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_weights(name, shape):
    log_w = log_weights(shape)
    terms = get(name, len(log_w))(tf.constant(log_w, tf.float32))
    for field, value, truth in zip(terms._fields, terms, expected(name, log_w), strict=True):
        value = np.zeros(shape) if value is None else value.numpy()
        np.testing.assert_allclose(value, truth, rtol=1e-4, atol=1e-6, err_msg=field)


@pytest.mark.parametrize("name", NAMES)
def test_weights_trace_with_nothing_known_of_the_shape(name):
    estimator = get(name, 3)
    traced = tf.function(lambda t: estimator(t).bound, input_signature=[tf.TensorSpec([None, None])])
    for shape in [(3, 6), (1, 4), (5, 2)] if name not in ("vimco", "jvi") else [(3, 6), (5, 2)]:
        log_w = log_weights(shape)
        np.testing.assert_allclose(
            traced(tf.constant(log_w, tf.float32)), expected(name, log_w)[0], rtol=1e-5
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_constant_shifts_the_bound_and_nothing_else(name):
    log_w = tf.constant(log_weights((4, 3)), tf.float32)
    terms, shifted = get(name, 4)(log_w), get(name, 4)(log_w + 64.0)
    np.testing.assert_allclose(shifted.bound, terms.bound + 64.0, rtol=1e-5)
    np.testing.assert_allclose(shifted.model, terms.model, rtol=1e-4)
    if terms.score is not None and name not in SHIFT_CHANGES_WEIGHTS:
        np.testing.assert_allclose(shifted.score, terms.score, rtol=2e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extreme", [1e4, -1e4])
def test_extreme_log_weights(name, extreme):
    log_w = np.float32([[0.0, extreme], [extreme, 0.0], [extreme, extreme]])
    terms = get(name, 3)(tf.constant(log_w))
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


def test_every_row_has_an_oracle():
    assert len(set(NAMES)) == len(NAMES)
    for name in NAMES:
        expected(name, log_weights((4, 2)))
    with pytest.raises(KeyError):
        expected("no such row", log_weights((4, 2)))


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
    assert np.all(bound > log_weights((4, 3)).mean(axis=0) + 1e-3) == row.multi_sample


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
    with pytest.raises(UserError, match="estimator elbo does not take groups"):
        estimators.get({"name": "elbo", "groups": 2})


@pytest.mark.parametrize("name", NAMES)
def test_automatic_estimators_follow_the_bound_alone(name):
    """Kills: a flag that a biased or doubly reparameterised estimator inherits from a plain one."""
    terms = get(name, 6)(tf.constant(log_weights((6, 4)), tf.float32))
    plain = terms.path is terms.model and terms.score is not None
    assert get(name, 6).automatic == (plain and np.array_equal(terms.score, -terms.model))


@pytest.mark.parametrize("name", NAMES)
def test_the_table_says_where_log_q_enters_along_its_whole_path(name):
    """Kills: a doubly reparameterised estimator that is told to train a flow which has no density elsewhere."""
    if name in SHIFT_CHANGES_WEIGHTS:
        assert not estimators.catalog.row(name).needs_path_density
        return
    terms = get(name, 4)(tf.constant(log_weights((4, 3)), tf.float32))
    opposite = terms.path is not None and terms.score is not None
    opposite = opposite and np.allclose(terms.score, -terms.path, atol=1e-7)
    assert estimators.catalog.row(name).needs_path_density == (
        opposite and estimators.catalog.row(name).latents != "discrete"
    )
