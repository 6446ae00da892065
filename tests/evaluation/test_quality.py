"""Sample quality against closed forms, brute force and simulation.

Mutations, each seen to break a test here: neighbours counted with the example itself (k off by one), open balls, real
and fake swapped in each of the four, density not divided by k, the biased kernel means, a bandwidth in place of its
square, the root of C_1 + C_2, half a covariance, a jackknife without its G - 1, halves that share an example, a
baseline of other size than the samples, ties told by the largest example of all or about the mean, a bandwidth of the
first examples.
"""

import math

import numpy as np
import pytest
from kit import stats

from tfvae.checks import UserError
from tfvae.evaluation import (
    density_coverage,
    frechet_distance,
    halves,
    mmd,
    precision_recall,
    quality,
    sample_quality,
)
from tfvae.evaluation import discrepancy as discrepancy_file
from tfvae.evaluation import neighbours as neighbours_file
from tfvae.evaluation.jackknife import jackknife
from tfvae.evaluation.neighbours import all_four, check_features

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers():
    """Gives every test the same numbers, whichever run before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def brute_force(real, fake, k):
    """Precision, recall, density and coverage, one pair after the other."""

    def distance(a, b):
        return math.sqrt(sum((x - y) ** 2 for x, y in zip(a.tolist(), b.tolist(), strict=True)))

    def radius(points, i):
        return sorted(distance(points[i], other) for j, other in enumerate(points) if j != i)[k - 1]

    real_radii, fake_radii = ([radius(points, i) for i in range(len(points))] for points in (real, fake))
    in_real = [[distance(y, x) <= r for x, r in zip(real, real_radii, strict=True)] for y in fake]
    in_fake = [[distance(x, y) <= r for y, r in zip(fake, fake_radii, strict=True)] for x in real]
    return (
        np.mean([any(row) for row in in_real]),
        np.mean([any(row) for row in in_fake]),
        sum(map(sum, in_real)) / (k * len(fake)),
        np.mean([any(row[i] for row in in_real) for i in range(len(real))]),
    )


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("discrete", [False, True])
def test_neighbours_against_brute_force(k, discrete, monkeypatch):
    monkeypatch.setattr(neighbours_file, "NUMBERS_PER_BLOCK", 100)  # blocks of a few rows
    real, fake = RNG.normal(size=(33, 7)), RNG.normal(0.6, 1.2, size=(27, 7))
    if discrete:  # binary: ties, and examples at one place
        real, fake = (real > 0).astype(float), (fake > 0.2).astype(float)
    found = *precision_recall(real, fake, k), *density_coverage(real, fake, k)
    np.testing.assert_allclose(found, brute_force(real, fake, k), rtol=1e-12)
    assert len(set(found)) > 1
    together = list(all_four(real, fake, 1, k).values())
    np.testing.assert_allclose(together, [*precision_recall(real, fake, 1), *found[2:]], rtol=1e-12)


def test_identical_disjoint_and_shuffled_sets():
    real = RNG.normal(size=(300, 3)).astype(np.float32)
    assert precision_recall(real, real) == (1.0, 1.0)
    assert precision_recall(real, real + 1000.0) == (0.0, 0.0)
    # each ball holds its centre's double and k neighbours
    assert density_coverage(real, real, 5) == (pytest.approx(6 / 5), 1.0)
    assert density_coverage(real, real - 1000.0) == (0.0, 0.0)
    fake = RNG.normal(0.5, 2.0, size=(200, 3)).astype(np.float32)
    for measure in (precision_recall, density_coverage):
        before, after = measure(real, fake), measure(RNG.permutation(real), RNG.permutation(fake))
        assert before == after
    assert abs(mmd(real, fake, 1.0)[0] - mmd(real[::-1], fake[::-1], 1.0)[0]) < 1e-12
    assert abs(frechet_distance(real, fake) - frechet_distance(real[::-1], fake[::-1])) < 1e-9


@pytest.mark.parametrize("side", [0, 1])
def test_a_diverged_example_changes_its_own_ball_alone(side):
    sets = RNG.normal(size=(300, 10)), RNG.normal(1.0, 1.0, size=(300, 10))
    before = all_four(*check_features(*sets))
    sets[side][7] = (-1) ** (1 - side) * 3e7  # away from the other set, of which its own ball holds none
    after = all_four(*check_features(*sets))
    for name in ("precision", "recall", "density", "coverage"):
        assert after[name] == pytest.approx(before[name], abs=0.02), name


def test_precision_and_recall_tell_the_two_sides_apart():
    real = RNG.normal(size=(400, 2))
    narrow = 0.1 * RNG.normal(size=(300, 2))
    precision, recall = precision_recall(real, narrow)
    assert precision == 1.0 and recall < 0.2
    precision, recall = precision_recall(narrow, real)
    assert precision < 0.2 and recall == 1.0
    density, coverage = density_coverage(real, narrow)
    assert density > 0.6 and coverage < 0.1
    density, coverage = density_coverage(narrow, real)
    assert density < 0.1 < coverage


def test_density_and_coverage_of_equal_distributions():
    n, m, k = 60, 40, 5
    found = np.array(
        [density_coverage(RNG.normal(size=(n, 3)), RNG.normal(size=(m, 3)), k) for _ in range(400)]
    )
    coverage = 1.0 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    stats.assert_mean_close(found, [1.0, coverage], smallest_bug=0.06)


def kernel_mean(shift, first, second, size, bandwidth):
    """E k(x, y) for x ~ N(0, first^2 I), y ~ N(shift, second^2 I), each of `size` numbers."""
    wide = bandwidth**2 + first**2 + second**2
    return (bandwidth**2 / wide) ** (size / 2) * math.exp(-size * shift**2 / (2 * wide))


def test_squared_mmd_pair_by_pair():
    x, y, width = RNG.normal(size=(12, 2)), RNG.normal(size=(11, 2)), 0.6

    def mean(first, second):
        return np.mean(
            [math.exp(-(math.dist(a, b) ** 2) / (2 * width**2)) for a in first for b in second if a is not b]
        )

    x, y = list(x), list(y)
    exact = mean(x, x) + mean(y, y) - 2 * mean(x, y)
    assert mmd(x, y, width)[0] == pytest.approx(exact, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.4, 1.5)])
def test_squared_mmd_is_unbiased_with_an_honest_error(shift, scale):
    size, bandwidth, n, m = 3, 1.7, 40, 30
    found = np.array(
        [
            mmd(RNG.normal(size=(n, size)), RNG.normal(shift, scale, size=(m, size)), bandwidth)
            for _ in range(500)
        ]
    )
    exact = (
        kernel_mean(0.0, 1.0, 1.0, size, bandwidth)
        + kernel_mean(0.0, scale, scale, size, bandwidth)
        - 2.0 * kernel_mean(shift, 1.0, scale, size, bandwidth)
    )
    stats.assert_mean_close(found[:, 0], exact, smallest_bug=0.015)  # the biased one is off by 0.03
    ratio = np.mean(found[:, 1] ** 2) / found[:, 0].var()
    assert (1.5 < ratio < 3.0) if shift == 0.0 else (0.8 < ratio < 1.4)  # twice the variance where equal


def test_the_bandwidth_is_the_median_distance_of_the_real_examples():
    real, fake = RNG.normal(size=(103, 2)), RNG.normal(size=(50, 2))  # an odd number of pairs
    distances = [math.dist(a, b) for i, a in enumerate(real) for b in real[:i]]
    assert mmd(real, fake) == pytest.approx(mmd(real, fake, float(np.median(distances))))
    with pytest.raises(UserError, match="all the same"):
        mmd(np.ones((20, 2)), fake[:20])


def test_the_bandwidth_of_many_examples_does_not_depend_on_their_order(monkeypatch):
    monkeypatch.setattr(discrepancy_file, "MEDIAN_OF", 300)
    classes = np.arange(10).repeat(150)
    real = np.eye(10)[classes] * 5.0 + RNG.normal(
        0.0, 0.3, size=(1500, 10)
    )  # sorted: 5 sqrt(2) from class to class
    found = discrepancy_file.median_distance(real)
    assert found == discrepancy_file.median_distance(real)
    assert found == pytest.approx(5.0 * math.sqrt(2.0), rel=0.05)
    assert found == pytest.approx(discrepancy_file.median_distance(RNG.permutation(real)), rel=0.02)


def with_moments(mean, covariance, count):
    """Examples whose mean and covariance are exactly these."""
    noise = RNG.normal(size=(count, len(mean)))
    noise -= noise.mean(axis=0)
    noise @= np.linalg.inv(np.linalg.cholesky(np.cov(noise, rowvar=False))).T
    return mean + noise @ np.linalg.cholesky(covariance).T


def test_frechet_distance_of_two_gaussians():
    first, second = np.diag([1.0, 4.0, 9.0]), np.diag([4.0, 1.0, 16.0])
    turn = np.linalg.qr(RNG.normal(size=(3, 3)))[0]  # commuting: the roots differ by 1, 1 and 1
    mean = np.array([1.0, -2.0, 0.5])
    sets = with_moments(mean, turn @ first @ turn.T, 50), with_moments(0 * mean, turn @ second @ turn.T, 60)
    assert frechet_distance(*sets) == pytest.approx(mean @ mean + 3.0, rel=1e-9)
    # not commuting, in two dimensions: Tr sqrt(C_1 C_2) = sqrt(Tr C_1 C_2 + 2 sqrt(det C_1 C_2))
    first, second = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([[1.0, -0.5], [-0.5, 3.0]])
    root = math.sqrt(np.trace(first @ second) + 2 * math.sqrt(np.linalg.det(first) * np.linalg.det(second)))
    sets = with_moments(np.zeros(2), first, 30), with_moments(np.ones(2), second, 40)
    assert frechet_distance(*sets) == pytest.approx(2.0 + 7.0 - 2.0 * root, rel=1e-9)
    assert abs(frechet_distance(sets[0], sets[0])) < 1e-6
    flat = np.repeat(RNG.normal(size=(10, 2)), 20, axis=1)  # 10 examples of rank 2 in 40 dimensions
    assert np.isfinite(frechet_distance(flat, flat[:5])) and frechet_distance(
        flat, flat + 1.0
    ) == pytest.approx(40.0)


def test_jackknife_of_means_is_their_standard_error():
    errors = []
    for _ in range(300):
        real, fake = RNG.normal(size=(80, 1)), 2.0 * RNG.normal(size=(60, 1))
        values, error = jackknife(lambda a, b: {"gap": a.mean() - b.mean()}, real, fake)
        assert values["gap"] == real.mean() - fake.mean()
        errors.append(error["gap"] ** 2)
    stats.assert_mean_close(errors, 1 / 80 + 4 / 60, smallest_bug=0.02)


@pytest.mark.slow
def test_standard_errors_of_the_neighbour_figures():
    def one():
        return jackknife(all_four, RNG.normal(size=(150, 4)), RNG.normal(0.3, 1.2, size=(150, 4)))

    found = [one() for _ in range(150)]
    for name in ("precision", "recall", "density", "coverage"):
        variance = np.var([values[name] for values, _ in found])
        mean = np.mean([errors[name] ** 2 for _, errors in found])
        assert 0.8 < mean / variance < 3.5, (name, mean / variance)


def test_samples_beside_real_examples():
    real, good, bad = (
        RNG.normal(size=(201, 3)),
        RNG.normal(size=(150, 3)),
        RNG.normal(1.0, 0.3, size=(150, 3)),
    )
    of_good, of_bad = sample_quality(real, good, 3), sample_quality(real, bad, 3)
    assert set(of_good.fake) == set(quality.METRICS) == set(of_bad.real_standard_error)
    assert (of_good.num_reference, of_good.num_compared) == (101, 100)
    assert of_good.real == of_bad.real  # the baseline does not depend on the samples
    for name, sign in {"recall": 1, "coverage": 1, "mmd": -1, "frechet": -1}.items():
        error = of_bad.fake_standard_error[name] + of_bad.real_standard_error[name]
        assert sign * (of_bad.real[name] - of_bad.fake[name]) > 4 * error, name
        assert abs(of_good.real[name] - of_good.fake[name]) < 4 * math.hypot(
            of_good.fake_standard_error[name], of_good.real_standard_error[name]
        )
    reference, held_out = halves(201, 3)
    assert sorted([*reference, *held_out]) == list(range(201)) and len(reference) == 101
    assert of_good.fake["frechet"] == pytest.approx(frechet_distance(real[reference], good[:100]))
    assert of_good.real["frechet"] == pytest.approx(frechet_distance(real[reference], real[held_out]))
    assert sample_quality(real, good[:40]).num_compared == 40
    assert sample_quality(real, real[halves(201)[1]]).fake == sample_quality(real, good).real


X = np.zeros((30, 2))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: precision_recall(X, X[:3]),
            "fake features do not fit; expected numbers .* more than 3 rows",
        ),
        (lambda: density_coverage(X[:5], X), "real features do not fit"),
        (lambda: precision_recall(X, X, 0), "k is not a positive integer"),
        (lambda: mmd(X, np.zeros((30, 3))), "differ in width; expected 2; received 3"),
        (lambda: mmd(X, X, 0.0), "bandwidth is out of range"),
        (lambda: frechet_distance(X, X * np.nan), "not finite; received 30 bad rows, the first at example 0"),
        (lambda: frechet_distance(X[0], X), "do not fit"),
        (lambda: frechet_distance(X, X.astype(str)), "do not fit"),
        (lambda: sample_quality(X[:23], X), "too few examples"),
        (lambda: sample_quality(X, X[:11]), "at least 24 real and 12 generated ones; received 30 and 11"),
    ],
)
def test_bad_features_are_refused_in_one_line(call, told):
    with pytest.raises(UserError, match=told) as error:
        call()
    assert "\n" not in str(error.value)
