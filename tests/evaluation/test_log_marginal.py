"""log p(x) by importance sampling against exact values; its standard error against its scatter.

Kills: a missing log K, K rounded to whole blocks, particles shared between blocks or examples, a standard error of the
weights instead of their mean's logarithm, an effective sample size of the log-weights.
"""

import numpy as np
import pytest
import tensorflow as tf
from kit import linear_gaussian_model
from kit.annealed_gaussian import COVARIANCE, ORACLE, A, C, S, build, examples
from kit.stats import assert_mean_close, assert_variance_near_one
from scipy import special

from tfvae import evaluation, presets
from tfvae.checks import UserError
from tfvae.evaluation import importance
from tfvae.examples import Examples

X = examples(40)


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture(scope="module")
def small_blocks():
    """Blocks of 16 examples by 256 particles, so that nothing divides evenly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importance, "NUMBERS_PER_BLOCK", 16 * 256 * 4)
        yield


def test_it_is_the_exact_value_and_its_error_is_honest(model, small_blocks):
    runs = [evaluation.log_marginal(model, X, num_samples=1000, seed=seed) for seed in range(25)]
    exact = ORACLE.log_marginal(X)
    z = np.concatenate([(run.log_prob - exact) / run.standard_error for run in runs])
    assert np.abs(z).max() < 5
    assert_variance_near_one(z, mean=0.0)
    assert all(np.all((run.effective_sample_size > 200) & (run.effective_sample_size < 1000)) for run in runs)
    elbo = np.stack([run.elbo for run in runs])
    assert_mean_close(elbo, ORACLE.elbo(X, A, C, S), smallest_bug=0.2)
    monte_carlo = np.array([(run.nll + exact.mean()) / run.monte_carlo_standard_error for run in runs])
    assert np.abs(monte_carlo).max() < 5
    assert all(abs(run.nll + exact.mean()) < 5 * run.nll_standard_error for run in runs)


def test_with_the_exact_posterior_one_particle_suffices(model):
    from scipy import linalg

    exact = linear_gaussian_model.build(ORACLE, A, -A @ ORACLE.b, linalg.cholesky(COVARIANCE, lower=True))
    result = evaluation.log_marginal(exact, X, num_samples=3)
    np.testing.assert_allclose(result.log_prob, ORACLE.log_marginal(X), atol=2e-4)
    np.testing.assert_allclose(result.effective_sample_size, 3, atol=1e-3)


def test_k_is_exactly_k_and_every_particle_is_new(small_blocks, monkeypatch):
    model, seen = build(), []
    real = importance.added

    def spy(state, log_weights):
        tf.py_function(lambda weights: seen.append(weights.numpy()), [log_weights], [])
        return real(state, log_weights)

    monkeypatch.setattr(importance, "added", spy)
    result = evaluation.log_marginal(model, X[:20], num_samples=700, seed=1)
    first = np.concatenate([weights for weights in seen if weights.shape[1] == 16])
    assert first.shape == (700, 16)
    assert len(np.unique(first)) > 0.99 * first.size
    np.testing.assert_allclose(
        result.log_prob[:16], special.logsumexp(first, axis=0) - np.log(700), atol=1e-10
    )
    weights = np.exp(first - first.max(axis=0))
    ess = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
    np.testing.assert_allclose(result.effective_sample_size[:16], ess, rtol=1e-9)
    relative = weights.std(axis=0, ddof=1) / np.sqrt(700) / weights.mean(axis=0)
    np.testing.assert_allclose(result.standard_error[:16], relative, rtol=1e-9)


def test_an_example_does_not_depend_on_what_follows_it(model, small_blocks):
    whole = evaluation.log_marginal(model, X, num_samples=300, seed=4)
    part = evaluation.log_marginal(model, X[:21], num_samples=300, seed=4)
    np.testing.assert_array_equal(whole.log_prob[:16], part.log_prob[:16])
    np.testing.assert_allclose(whole.log_prob[:21], part.log_prob, rtol=1e-5)
    other = evaluation.log_marginal(model, X, num_samples=300, seed=5)
    assert np.all(whole.log_prob != other.log_prob)


def test_data_sets_and_labels_and_progress(model):
    calls = []
    dataset = tf.data.Dataset.from_tensor_slices((X, np.zeros(40))).batch(7)
    from_dataset = evaluation.log_marginal(model, dataset, 50, progress=lambda *call: calls.append(call))
    from_array = evaluation.log_marginal(model, X, 50)
    np.testing.assert_array_equal(from_dataset.log_prob, from_array.log_prob)
    assert calls == [(0, 40), (16, 40), (32, 40), (40, 40)]
    assert from_array.nll == pytest.approx(-from_array.log_prob.mean())
    assert from_array.nll_standard_error == pytest.approx(from_array.log_prob.std(ddof=1) / np.sqrt(40))


def test_it_goes_on_from_the_blocks_that_it_has(model):
    class Stopped(dict):
        def __setitem__(self, start, block):
            if len(self) == 2:
                raise KeyboardInterrupt
            super().__setitem__(start, block)

    store, calls = Stopped(), []
    with pytest.raises(KeyboardInterrupt):
        evaluation.log_marginal(model, X, 50, store=store)
    assert sorted(store) == [0, 16]
    store = dict(store)
    resumed = evaluation.log_marginal(model, X, 50, store=store, progress=lambda *call: calls.append(call))
    assert calls == [(32, 40), (40, 40)]
    whole = evaluation.log_marginal(model, X, 50)
    np.testing.assert_array_equal(resumed.log_prob, whole.log_prob)
    np.testing.assert_array_equal(resumed.standard_error, whole.standard_error)


def test_extreme_weights_do_not_overflow(model):
    far = X + 200.0
    result = evaluation.log_marginal(model, far, num_samples=200)
    assert np.isfinite(result.log_prob).all()
    assert result.log_prob.max() < -1000


@pytest.mark.parametrize(
    ("data", "num_samples", "says"),
    [
        (X, 0, "num_samples is not a positive integer"),
        (X[:0], 5, "there are no examples"),
        (X[:, :3], 5, "wrong shape"),
        (X.astype(int), 5, "floating-point"),
        (tf.data.Dataset.from_tensors(X).repeat(), 5, "no end"),
    ],
)
def test_bad_input_is_one_line(model, data, num_samples, says):
    with pytest.raises(UserError, match=says) as caught:
        evaluation.log_marginal(model, data, num_samples)
    assert "\n" not in str(caught.value)


def test_a_nan_is_reported_with_its_example(model):
    broken = X.copy()
    broken[18, 1] = np.nan
    with pytest.raises(UserError, match="example 18"):
        evaluation.log_marginal(model, broken, 20)
    with pytest.raises(UserError, match="example 18"):
        evaluation.log_marginal(model, Examples(broken)[10:], 20)
    with pytest.raises(UserError, match=r"takes examples alone; .* received a tuple of 2"):
        evaluation.log_marginal(model, (X[:, :3], X), 20)


def test_active_units_are_those_that_follow_the_data():
    s = np.array([1.0, 1.0])
    a = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    units = evaluation.active_units(linear_gaussian_model.build(ORACLE, a, np.zeros(2), s), X)
    np.testing.assert_allclose(units.variance, [X[:, 0].var(), 0.0], atol=1e-6)
    assert units.count == 1 and units.by_layer == [1]


def test_pixels_that_a_bernoulli_likelihood_cannot_score_are_refused():
    model = presets.create("digits", widths=(3,))
    for bad in (255.0, -1.0):
        with pytest.raises(UserError, match="outside the support of a Bernoulli likelihood"):
            evaluation.log_marginal(model, np.full((2, 8, 8, 1), bad, np.float32), 1)
    grey = evaluation.log_marginal(model, np.full((2, 8, 8, 1), 0.5, np.float32), 1)
    assert np.isfinite(grey.nll)
