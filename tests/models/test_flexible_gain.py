"""What flexible posteriors and priors gain where it is known: the gap of a diagonal posterior, and what one Normal
distribution can say of data in two heaps.
"""

import keras
import numpy as np
import pytest
from kit.linear_gaussian import LinearGaussian
from kit.marks import tiers
from scipy import stats as distributions_of

import tfvae
from tfvae import distributions, evaluation

ORACLE = LinearGaussian(W=np.array([[1.0, 0.9], [0.8, 1.0], [1.0, 1.1]]), b=np.zeros(3), s=0.35)
X = np.array([[0.9, -0.2, 0.6]], np.float32)

POSTERIORS = {
    "diagonal": distributions.DiagonalNormal,
    "full": distributions.FullCovarianceNormal,
    "householder": distributions.HouseholderNormal,
    "realnvp": lambda size: distributions.RealNVP(size, hidden_size=16, context_size=4),
    "iaf": lambda size: distributions.InverseAutoregressiveFlow(size, hidden_size=16, context_size=4),
}


def gap_of_diagonal():
    """KL(q || p(z|x)) of the best diagonal q, nats: half of sum_i log P_ii - log det P, P the posterior's precision."""
    precision = np.linalg.inv(ORACLE.posterior(X[:1])[1])
    return 0.5 * (np.log(np.diag(precision)).sum() - np.linalg.slogdet(precision)[1])


def gap(posterior):
    """log p(x) minus the ELBO after the posterior alone was trained, for one example, under the true model."""
    keras.utils.set_random_seed(5)
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=POSTERIORS[posterior](2),
        likelihood=distributions.Normal(3, scale=ORACLE.s),
        num_samples=4,
    )
    model.build()
    linear = model.likelihood_head.loc_layer.linear
    linear.kernel.assign(ORACLE.W.T)
    linear.bias.assign(ORACLE.b)
    model.likelihood_head.trainable = False
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.05, 500)))
    model.fit(np.tile(X, (500 * 50, 1)), batch_size=50, verbose=0)
    return float(ORACLE.log_marginal(X)[0] - model.elbo(X, 20_000, seed=1)[0])


@pytest.mark.parametrize("posterior", tiers(POSTERIORS, fast=(), kept=["diagonal", "iaf"]))
def test_the_known_gap_of_a_diagonal_posterior_is_closed(posterior):
    known, found = gap_of_diagonal(), gap(posterior)
    print(f"{posterior} {found:.4f}, known {known:.4f}")
    assert known > 1.0
    if posterior == "diagonal":
        assert known - 0.06 < found < known + 0.1
    else:
        assert -0.01 < found < (0.05 if posterior in ("full", "householder") else 0.2 * known)


def heaps(count, seed):
    """Points in two narrow, bent heaps on the plane."""
    rng = np.random.default_rng(seed)
    along, side = rng.uniform(-1, 1, count), rng.choice([-1.0, 1.0], count)
    points = np.stack([side * (2.0 - 0.7 * along**2), along + 0.5 * side], axis=1)
    return (points + 0.2 * rng.standard_normal(points.shape)).astype(np.float32)


TRAIN, TEST = heaps(1000, 1), heaps(500, 2)
PRIORS = {
    "standard": lambda: distributions.StandardNormal(2),
    "mixture": lambda: distributions.MixturePrior(2, components=10),
    "vamp": lambda: distributions.VampPrior(2, 2, 10, value_range=(-4.0, 4.0), initial=TRAIN[:10]),
    "realnvp": lambda: distributions.RealNVPPrior(2, hidden_size=32),
}


def likelihood_of_heaps(prior):
    """log p(x) of held-out points, mean, nats, of a linear model with this prior."""
    keras.utils.set_random_seed(5)
    model = tfvae.VAE(
        keras.layers.Identity(),
        keras.layers.Identity(),
        posterior=distributions.DiagonalNormal(2),
        likelihood=distributions.Normal(2, scale=0.2),
        prior=PRIORS[prior](),
    )
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.02, 1000)))
    model.fit(np.tile(TRAIN, (200, 1)), batch_size=200, verbose=0)
    return -evaluation.log_marginal(model, TEST, num_samples=500).nll


@pytest.mark.parametrize("prior", tiers(PRIORS, fast=(), kept=["standard", "vamp"]))
def test_a_flexible_prior_says_more_of_data_in_heaps_than_any_one_normal_distribution(prior):
    """With the standard prior a linear model's p(x) is one Normal: at most the one fitted to the very test points."""
    best = (
        distributions_of.multivariate_normal(TEST.mean(axis=0), np.cov(TEST.T, bias=True)).logpdf(TEST).mean()
    )
    found = likelihood_of_heaps(prior)
    print(f"{prior} {found:.4f}, best single normal {best:.4f}")
    assert found < best + 0.01 if prior == "standard" else found > best + 0.6
