"""Grouped, mixed, Renyi and wake-sleep gradients against brute force: checks that tests and mutations share."""

import functools

import numpy as np
from kit import linear_gaussian_model
from kit.gradient_checks import MODEL, ORACLE, POSTERIOR, A, C, S, X

GROUPS, K, COPIES, STEPS = 3, 5, 500, 100
ALPHA, BETA = 0.4, 0.3
MIWAE = {"name": "miwae", "groups": GROUPS}
PIWAE = {"name": "piwae", "groups": GROUPS}


@functools.cache
def iwelbo(num_samples, alpha=0.0):
    """Brute force: gradients by name, and "bound": pairs of mean and standard error."""
    run = (X, A, C, S, num_samples, 100_000 if num_samples <= 5 else 50_000, num_samples)
    mean, error = ORACLE.expected_iwelbo(*run, alpha=alpha)
    bound = (mean.mean(), np.sqrt(np.sum(error**2)) / len(X))
    return ORACLE.iwelbo_gradients(*run, alpha=alpha) | {"bound": bound}


def elbo():
    exact = ORACLE.elbo_gradients(X, A, C, S) | {"bound": ORACLE.elbo(X, A, C, S).mean()}
    return {name: (value, 0.0) for name, value in exact.items()}


def mixture(beta, first, second):
    return {
        name: (
            beta * first[name][0] + (1 - beta) * second[name][0],
            np.hypot(beta * first[name][1], (1 - beta) * second[name][1]),
        )
        for name in first
    }


def sample(estimator, num_samples, **options):
    """Gradients at independent steps, and the bound reported at each."""
    model = linear_gaussian_model.build(
        ORACLE, A, C, S, estimator=estimator, num_samples=num_samples, seed=3, **options
    )
    gradients, figures = linear_gaussian_model.sample(model, np.tile(X, (COPIES, 1)), STEPS)
    return gradients | {"bound": figures["bound"]}


def z_scores(samples, expected, names):
    """The largest |z| by name: of samples [steps, ...] against pairs of mean and standard error."""
    largest = {}
    for name in names:
        mean, error = expected[name]
        spread = samples[name].std(axis=0, ddof=1) / np.sqrt(len(samples[name]))
        largest[name] = np.abs((samples[name].mean(axis=0) - mean) / np.hypot(spread, error)).max()
    return largest


def check(samples, expected, names):
    largest = z_scores(samples, expected, names)
    assert max(largest.values()) < 5, largest


def check_miwae():
    check(sample(MIWAE, GROUPS * K), iwelbo(K), ("bound", *MODEL, *POSTERIOR))


def check_piwae():
    samples = sample(PIWAE, GROUPS * K)
    check(samples, iwelbo(GROUPS * K), ("bound", *MODEL))
    check(samples, iwelbo(K), POSTERIOR)


def check_vr_iwae(name="vr-iwae"):
    expected = iwelbo(K, ALPHA)
    check(sample({"name": name, "alpha": ALPHA}, K), expected, ("bound", *MODEL, *POSTERIOR))


def check_rws(name="rws"):
    samples = sample(name, K)
    check(samples, iwelbo(K), ("bound", *MODEL))
    check(samples, wake(K), POSTERIOR)


@functools.cache
def wake(num_samples):
    """E sum_k w~_k d log q(z_k|x) by brute force in NumPy: pairs of mean and standard error."""
    rng, count, blocks = np.random.default_rng(num_samples), 10_000, 10
    draws = [
        ORACLE.estimator_gradients("rws", X, A, C, S, rng.standard_normal((count, num_samples, 2, 2)))
        for _ in range(blocks)
    ]
    return {
        name: (
            np.mean([draw[name].mean(axis=0) for draw in draws], axis=0),
            np.mean([draw[name].std(axis=0) for draw in draws], axis=0) / np.sqrt(blocks * count),
        )
        for name in POSTERIOR
    }
