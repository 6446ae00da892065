"""The oracle against itself: closed forms, quadrature, finite differences and Monte Carlo must agree.

Mutations of the oracle, each seen to break a test here: log K left out, K and N swapped in a softmax, w~ for
w~^2 in dreg, the score kept in stl, a sum over the batch for the mean, S transposed, a covariance over N - 1.
"""

import tracemalloc

import numpy as np
import pytest
from kit import stats
from kit.linear_gaussian import ESTIMATORS, LinearGaussian
from kit.ppca import ppca_max_log_likelihood
from numpy.polynomial.hermite_e import hermegauss
from scipy import linalg, optimize

THETA, N, D, L, K = ("W", "b", "log_s"), 3, 4, 2, 5
FAMILIES = {"diagonal": np.array([0.8, 0.6]), "full": np.array([[0.6, 0.0], [-0.3, 0.5]])}


def make(num_examples=N, D=D, L=L, seed=1):
    """Returns a model, data and the parameters A and c of a q that misses the posterior by a little."""
    rng = np.random.default_rng(seed)
    model = LinearGaussian(rng.normal(size=(D, L)), rng.normal(size=D), 0.8)
    x = model.b + rng.normal(size=(num_examples, L)) @ model.W.T + 0.8 * rng.normal(size=(num_examples, D))
    _, covariance = model.posterior(x)
    A = covariance @ model.W.T / model.s**2
    return model, x, A + 0.05 * rng.normal(size=A.shape), -A @ model.b + 0.1 * rng.normal(size=L)


def at_posterior(model, family):
    """Returns a model (its loadings orthogonal if q is diagonal) and the q that is its exact posterior."""
    if family == "diagonal":
        model = LinearGaussian(linalg.orth(model.W) * [1.5, 0.7], model.b, model.s)
    mean, covariance = model.posterior(np.eye(len(model.b) + 1, len(model.b)))
    S = np.sqrt(np.diag(covariance)) if family == "diagonal" else linalg.cholesky(covariance, lower=True)
    return model, (mean[:-1] - mean[-1]).T, mean[-1], S


def differences(function, model, A, c, S, step=1e-5):
    """Returns central differences of function(model, A, c, S) by each parameter, named like the gradients."""
    values = {"W": model.W, "b": model.b, "log_s": np.log(model.s), "A": A, "c": c}
    values |= {"log_diag_S": np.log(S)} if S.ndim == 1 else {"S": S}

    def call(name, index, shift):
        moved = {key: np.array(value) for key, value in values.items()}
        moved[name][index] += shift
        scale = np.exp(moved["log_diag_S"]) if S.ndim == 1 else moved["S"]
        W, b, log_s, A, c = (moved[key] for key in ("W", "b", "log_s", "A", "c"))
        return function(LinearGaussian(W, b, np.exp(log_s)), A, c, scale)

    result = {name: np.zeros(np.shape(value)) for name, value in values.items()}
    for name, gradient in result.items():
        for index in np.ndindex(gradient.shape):
            if name != "S" or index[0] >= index[1]:
                gradient[index] = (call(name, index, step) - call(name, index, -step)) / (2 * step)
    return result


def assert_all_close(actual, expected, tolerance):
    assert actual.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(actual[name], expected[name], rtol=0, atol=tolerance, err_msg=name)


@pytest.fixture(params=FAMILIES)
def S(request):
    return FAMILIES[request.param]


@pytest.mark.parametrize("family", FAMILIES)
def test_at_the_exact_posterior_every_log_weight_is_the_marginal(family):
    model, x, _, _ = make()
    model, A, c, S = at_posterior(model, family)
    exact = model.log_marginal(x)
    log_w = model.log_weights(x, np.random.default_rng(2).normal(scale=2.0, size=(7, K, N, L)), A, c, S)
    np.testing.assert_allclose(log_w, np.broadcast_to(exact, (7, K, N)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(model.elbo(x, A, c, S), exact, rtol=0, atol=1e-10)
    mean, error = model.expected_iwelbo(x, A, c, S, K, num_replicates=10, seed=0)
    np.testing.assert_allclose(mean, exact, rtol=0, atol=1e-10)
    assert np.all(error < 1e-10)


def test_elbo_gradients_are_its_derivatives(S):
    model, x, A, c = make()
    expected = differences(lambda m, A, c, S: m.elbo(x, A, c, S).mean(), model, A, c, S)
    assert_all_close(model.elbo_gradients(x, A, c, S), expected, 1e-7)


@pytest.mark.parametrize("alpha", [0.0, 0.4])
def test_iwelbo_gradients_are_the_derivatives_of_the_bound_at_the_same_noise(S, alpha):
    model, x, A, c = make()
    draw = {"K": K, "num_replicates": 20, "seed": 5, "alpha": alpha}
    expected = differences(lambda m, A, c, S: m.expected_iwelbo(x, A, c, S, **draw)[0].mean(), model, A, c, S)
    actual = {name: mean for name, (mean, _) in model.iwelbo_gradients(x, A, c, S, **draw).items()}
    assert_all_close(actual, expected, 1e-7)


def test_one_particle_is_the_elbo_with_honest_standard_errors(S):
    model, x, A, c = make()
    exact, gradients = model.elbo(x, A, c, S), model.elbo_gradients(x, A, c, S)
    scores = {name: [] for name in ("bound", *gradients)}
    for seed in range(300):
        mean, error = model.expected_iwelbo(x, A, c, S, 1, num_replicates=200, seed=seed)
        scores["bound"].append(np.sum((mean - exact) / error) / np.sqrt(N))
        for name, (mean, error) in model.iwelbo_gradients(x, A, c, S, 1, 200, seed).items():
            scores[name].append(np.ravel(mean - gradients[name])[-1] / np.ravel(error)[-1])
    for name, z_scores in scores.items():
        stats.assert_mean_close(z_scores, 0.0, smallest_bug=0.5, name=name)
        stats.assert_variance_near_one(z_scores, smallest_bug=2.0, name=name)


def test_blocks_of_replicates_change_nothing(monkeypatch):
    model, x, A, c = make()
    call = (x, A, c, FAMILIES["full"], K, 23, 6)
    whole = model.iwelbo_gradients(*call) | {"bound": model.expected_iwelbo(*call)}
    monkeypatch.setattr("kit.linear_gaussian._BLOCK", 4 * K * N * D)
    pieces = model.iwelbo_gradients(*call) | {"bound": model.expected_iwelbo(*call)}
    for part in (0, 1):
        one, other = ({name: pair[part] for name, pair in result.items()} for result in (pieces, whole))
        assert_all_close(one, other, 1e-12)


def test_memory_does_not_grow_with_the_replicates():
    model, x, A, c = make()
    tracemalloc.start()
    model.iwelbo_gradients(x, A, c, FAMILIES["full"], K, num_replicates=60_000, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60_000 * K * N * D * 8


def test_the_bound_rises_with_the_number_of_particles_towards_the_marginal(S):
    model, x, A, c = make()
    elbo, exact = model.elbo(x, A, c, S), model.log_marginal(x)
    lower, lower_error = elbo, 0.0
    for num_particles in (2, 4, 64):
        mean, error = model.expected_iwelbo(x, A, c, S, num_particles, 4000, seed=num_particles)
        assert np.all(mean - lower > 5 * np.hypot(error, lower_error)), num_particles
        lower, lower_error = mean, error
    assert np.all(np.abs(exact - lower) < 0.1 * (exact - elbo))


class TestQuadrature:
    """Two particles of one latent: expectations over the noise are exact sums over a grid."""

    S = np.array([0.7])

    @pytest.fixture
    def case(self):
        model, x, A, c = make(num_examples=2, L=1)
        nodes, weights = hermegauss(100)
        pairs = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2, 1, 1)
        eps = np.broadcast_to(pairs, (len(pairs), 2, 2, 1))
        return model, x, A, c, eps, np.outer(weights, weights).ravel() / (2 * np.pi)

    def bound(self, case, model, A, c, S):
        _, x, _, _, eps, weights = case
        log_w = model.log_weights(x, x @ A.T + c + eps * S, A, c, S)
        return weights @ np.log(np.mean(np.exp(log_w), axis=1))

    def test_expected_iwelbo(self, case):
        model, x, A, c, *_ = case
        mean, error = model.expected_iwelbo(x, A, c, self.S, 2, num_replicates=40_000, seed=8)
        exact = self.bound(case, model, A, c, self.S)
        assert np.all(np.abs(mean - exact) < 5 * error) and np.all(5 * error < 0.05)

    @pytest.mark.parametrize("name", ESTIMATORS)
    def test_expected_estimator_gradients(self, case, name):
        model, x, A, c, eps, weights = case
        samples = model.estimator_gradients(name, x, A, c, self.S, eps)
        actual = {key: np.tensordot(weights, value, axes=1) for key, value in samples.items()}
        bound = differences(lambda *q: self.bound(case, *q).mean(), model, A, c, self.S)
        if name in ("elbo", "stl"):
            assert_all_close(actual, model.elbo_gradients(x, A, c, self.S), 1e-8)
            assert all(np.abs(actual[key] - bound[key]).max() > 1e-3 for key in bound)
        elif name in ("iwae-stl", "rws", "rws-dreg"):
            assert all(np.abs(actual[key] - bound[key]).max() > 1e-3 for key in ("A", "c", "log_diag_S"))
            assert_all_close({key: actual[key] for key in THETA}, {key: bound[key] for key in THETA}, 1e-7)
        else:
            assert_all_close(actual, bound, 1e-7)


class TestEstimators:
    """Rows of the table at K = 5, two latents, both families of q."""

    model, *data = make()

    @pytest.fixture
    def sampled(self, S):
        eps = np.random.default_rng(9).normal(size=(20_000, K, N, L))
        return lambda name: self.model.estimator_gradients(name, *self.data, S, eps)

    def test_elbo_and_stl_are_the_elbo_gradients_in_mean(self, sampled, S):
        exact = self.model.elbo_gradients(*self.data, S)
        for row in ("elbo", "stl"):
            for name, samples in sampled(row).items():
                stats.assert_mean_close(samples, exact[name], name=f"{row} {name}", smallest_bug=0.1)

    def test_iwae_and_dreg_are_the_iwelbo_gradients_in_mean(self, sampled, S):
        oracle = self.model.iwelbo_gradients(*self.data, S, K, num_replicates=20_000, seed=10)
        for row in ("iwae", "dreg"):
            for name, samples in sampled(row).items():
                error = np.hypot(oracle[name][1], samples.std(axis=0, ddof=1) / np.sqrt(len(samples)))
                gap = np.abs(samples.mean(axis=0) - oracle[name][0])
                assert np.all(gap <= 5 * error), (row, name, gap / error)
                assert np.all(5 * error < 0.1), (row, name)

    def test_dreg_is_iwae_in_mean_and_has_less_variance(self, sampled):
        iwae, dreg = sampled("iwae"), sampled("dreg")
        for name in iwae:
            stats.assert_mean_close(dreg[name] - iwae[name], 0.0, smallest_bug=0.1, name=name)
        for name in set(iwae) - set(THETA):
            assert np.sum(dreg[name].var(axis=0)) < 0.5 * np.sum(iwae[name].var(axis=0)), name

    def test_iwae_stl_is_biased_in_the_posterior_alone(self, sampled):
        iwae, biased = sampled("iwae"), sampled("iwae-stl")
        for name in THETA:
            np.testing.assert_array_equal(iwae[name], biased[name])
        for name in set(iwae) - set(THETA):
            with pytest.raises(AssertionError, match="standard errors"):
                stats.assert_mean_close(biased[name] - iwae[name], 0.0)

    def test_iwae_is_the_total_derivative_at_the_same_noise(self, S):
        eps = np.random.default_rng(11).standard_normal((30, K, N, L))
        oracle = self.model.iwelbo_gradients(*self.data, S, K, num_replicates=30, seed=11)
        actual = self.model.estimator_gradients("iwae", *self.data, S, eps)
        for part, take in enumerate((np.mean, lambda t, axis: np.std(t, axis, ddof=1) / np.sqrt(30))):
            expected = {name: pair[part] for name, pair in oracle.items()}
            assert_all_close({name: take(value, axis=0) for name, value in actual.items()}, expected, 1e-12)

    def test_leading_axes_are_replicates(self, S):
        eps = np.random.default_rng(12).normal(size=(2, 3, K, N, L))
        for row in ESTIMATORS:
            together = self.model.estimator_gradients(row, *self.data, S, eps)
            alone = self.model.estimator_gradients(row, *self.data, S, eps[1, 2])
            assert_all_close({name: value[1, 2] for name, value in together.items()}, alone, 1e-12)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_posterior_gradients_of_stl_and_dreg_vanish_at_the_exact_posterior(self, family):
        model, *q = at_posterior(self.model, family)
        eps = np.random.default_rng(13).normal(size=(K, N, L))
        for row in ESTIMATORS:
            gradients = model.estimator_gradients(row, self.data[0], *q, eps)
            for name in set(gradients) - set(THETA):
                size = np.abs(gradients[name]).max()
                assert size > 0.01 if row in ("elbo", "iwae", "rws") else size < 1e-12, (row, name)


class TestPpca:
    @pytest.fixture
    def data(self):
        rng = np.random.default_rng(14)
        return rng.normal(size=(60, 4)) * [3.0, 2.0, 1.0, 0.8] @ linalg.orth(rng.normal(size=(4, 4))) + 1.0

    def test_value_is_reached_and_is_a_stationary_maximum(self, data):
        best = ppca_max_log_likelihood(data, L)
        eigenvalues, vectors = linalg.eigh(np.cov(data.T, ddof=0))
        variance = eigenvalues[:-L].mean()
        W = vectors[:, -L:] * np.sqrt(eigenvalues[-L:] - variance)
        model = LinearGaussian(W, data.mean(axis=0), np.sqrt(variance))
        _, *q = at_posterior(model, "full")
        slopes = differences(lambda m, *_: m.log_marginal(data).mean(), model, *q)
        assert abs(model.log_marginal(data).mean() - best) < 1e-12
        assert all(np.abs(slopes[name]).max() < 1e-8 for name in THETA)
        assert all(np.abs(t).max() < 1e-10 for t in model.elbo_gradients(data, *q).values())
        for step in 1e-2 * np.random.default_rng(15).normal(size=(100, *W.shape)):
            assert LinearGaussian(W + step, model.b, model.s).log_marginal(data).mean() < best - 1e-7

    def test_an_optimiser_finds_the_same_value(self, data):
        def loss(t):
            return -LinearGaussian(t[:8].reshape(4, 2), t[8:12], np.exp(t[12])).log_marginal(data).mean()

        found = -optimize.minimize(loss, np.random.default_rng(16).normal(size=13), method="L-BFGS-B").fun
        assert abs(found - ppca_max_log_likelihood(data, L)) < 1e-5

    def test_refuses_a_latent_size_or_data_without_a_maximum(self, data):
        for latent_size in (0, 4, 5):
            with pytest.raises(ValueError, match="1 <= L < D"):
                ppca_max_log_likelihood(data, latent_size)
        with pytest.raises(ValueError, match="unbounded"):
            ppca_max_log_likelihood(data[:3], L)


def test_shapes_that_do_not_fit_are_errors():
    model, x, A, c = make()
    W, b, S, z = model.W, model.b, np.ones(L), np.zeros((K, N, L))
    for q in ((A.T, c, S), (A, c[:1], S), (A, c, 1.0), (A, c, S[:1]), (A, c, np.ones((L, L))), (A, c, -S)):
        with pytest.raises(ValueError, match=r"q does not fit|S is no scale"):
            model.elbo(x, *q)
    for bad_x in (x[0], x.T, x[:0]):
        with pytest.raises(ValueError, match="x does not fit"):
            model.log_marginal(bad_x)
    for bad_z in (z[0], z[:, :1], z.swapaxes(0, 1)):
        with pytest.raises(ValueError, match="particles do not fit"):
            model.log_weights(x, bad_z, A, c, S)
    with pytest.raises(ValueError, match="num_replicates >= 2"):
        model.expected_iwelbo(x, A, c, S, K, num_replicates=1, seed=0)
    for parameters in ((A, b, 1.0), (W, b, 0.0), (W[0], b, 1.0)):
        with pytest.raises(ValueError, match="model does not fit"):
            LinearGaussian(*parameters)
