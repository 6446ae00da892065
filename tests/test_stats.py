"""Each statistical assertion passes on good input and fails on bad."""

import numpy as np
import pytest
from kit import stats
from scipy import special

RNG_SEED = 20


@pytest.fixture
def rng():
    return np.random.default_rng(RNG_SEED)


def test_mean_close_accepts_the_mean_and_rejects_a_shift(rng):
    samples = rng.normal([1.0, -2.0], [1.0, 3.0], size=(4000, 2))
    stats.assert_mean_close(samples, [1.0, -2.0])
    stats.assert_mean_close(samples.T, [1.0, -2.0], axis=1)
    with pytest.raises(AssertionError, match=r"kl: element \(1,\) is off by [+-]\d+\.\d+ standard errors"):
        stats.assert_mean_close(samples, [1.0, -1.5], name="kl")


def test_mean_close_reports_the_worst_element_with_its_figures(rng):
    samples = np.stack([rng.permutation([-1.0, 1.0] * 50) + shift for shift in (0.0, 9.0, 4.0)], axis=-1)
    error = np.sqrt(100 / 99) / 10
    text = rf"element \(1,\).*mean 9, expected 0, standard error {error:.3g}, n 100; 2 of 3 elements fail"
    with pytest.raises(AssertionError, match=text):
        stats.assert_mean_close(samples, 0.0)


def test_mean_close_counts_in_standard_errors_of_the_mean():
    samples = np.tile([-1.0, 1.0], 5000)
    error = samples.std(ddof=1) / 100
    stats.assert_mean_close(samples, 4.99 * error)
    for shift in (5.01 * error, -5.01 * error):
        with pytest.raises(AssertionError, match="standard errors"):
            stats.assert_mean_close(samples, shift)
    stats.assert_mean_close(samples, 5.01 * error, max_z=6.0)


def test_mean_close_rejects_a_correct_mean_about_as_often_as_it_should(rng):
    def fails(row):
        try:
            stats.assert_mean_close(row, 0.0, max_z=1.959964)
        except AssertionError:
            return True
        return False

    rejected = sum(fails(row) for row in rng.normal(size=(2000, 200)))
    assert abs(rejected - 100) < 5 * np.sqrt(2000 * 0.05 * 0.95)


def test_constant_samples_must_equal_the_expectation():
    constant = np.full(7, 0.1) * 3
    stats.assert_mean_close(constant, 0.3)
    stats.assert_mean_close(np.zeros(7), 0.0)
    for wrong in (0.3 * (1 + 1e-11), 0.0):
        with pytest.raises(AssertionError, match="standard errors"):
            stats.assert_mean_close(constant, wrong)


def test_mean_close_says_when_it_has_no_power(rng):
    samples = rng.normal(size=100)
    with pytest.raises(AssertionError, match="test has no power"):
        stats.assert_mean_close(samples, 0.0, smallest_bug=0.1)
    stats.assert_mean_close(rng.normal(size=10_000), 0.0, smallest_bug=0.1)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_fail(rng, bad):
    samples = rng.normal(size=(100, 2))
    samples[3, 1] = bad
    with pytest.raises(AssertionError, match=r"not finite; first at \(3, 1\)"):
        stats.assert_mean_close(samples, 0.0)
    with pytest.raises(AssertionError, match="not finite"):
        stats.assert_paired_not_greater(samples, samples + 1)
    with pytest.raises(AssertionError, match="not finite"):
        stats.assert_variance_near_one(samples)


def test_shapes_that_do_not_fit_are_errors():
    samples = np.zeros((5, 2))
    for expected in (np.zeros(5), np.zeros((2, 2)), np.zeros((1, 2)), np.zeros((5, 2))):
        with pytest.raises(ValueError, match="does not fit"):
            stats.assert_mean_close(samples, expected)
    with pytest.raises(ValueError, match="too few samples"):
        stats.assert_mean_close(np.zeros((1, 2)), 0.0)
    with pytest.raises(ValueError, match="too few samples"):
        stats.assert_mean_close(1.0, 0.0)
    with pytest.raises(ValueError, match="nothing to test"):
        stats.assert_mean_close(np.zeros((5, 0)), 0.0)
    with pytest.raises(ValueError, match="equal shapes"):
        stats.assert_paired_less(np.zeros(5), np.zeros((5, 1)))


def test_paired_less_uses_the_pairing(rng):
    shared = rng.normal(scale=10.0, size=500)
    a, b = shared + rng.normal(scale=0.1, size=500), shared + 0.1
    stats.assert_paired_less(a, b)
    stats.assert_paired_not_greater(a, b)
    with pytest.raises(AssertionError, match="mean of b - a"):
        stats.assert_paired_less(a, rng.permutation(b))
    with pytest.raises(AssertionError, match="mean of a - b"):
        stats.assert_paired_not_greater(b, a)


def test_paired_less_needs_evidence_and_not_greater_needs_none(rng):
    a, b = rng.normal(size=(2, 500))
    stats.assert_paired_not_greater(a, b)
    stats.assert_paired_not_greater(b, a)
    for pair in ((a, b), (b, a)):
        with pytest.raises(AssertionError):
            stats.assert_paired_less(*pair)


def test_paired_elements_are_tested_one_by_one(rng):
    a = rng.normal(size=(500, 3))
    b = a + rng.normal([1.0, -1.0, 1.0], 1.0, size=(500, 3))
    for check in (stats.assert_paired_less, stats.assert_paired_not_greater):
        with pytest.raises(AssertionError, match=r"element \(1,\)"):
            check(a, b)
        check(a[:, [0, 2]], b[:, [0, 2]])


def test_pairs_that_differ_by_rounding_are_equal(rng):
    a = rng.normal(size=100) - 90.0
    b = a * (1 + 4e-16 * rng.choice([0, 1], size=100))
    for pair in ((a, b), (b, a), (a, a)):
        stats.assert_paired_not_greater(*pair)
        with pytest.raises(AssertionError):
            stats.assert_paired_less(*pair)
    stats.assert_paired_less(a, a + 1.0)
    with pytest.raises(AssertionError):
        stats.assert_paired_not_greater(a + 1.0, a)


def test_chi_square_uniform(rng):
    stats.assert_chi_square_uniform(np.bincount(rng.integers(10, size=10_000), minlength=10))
    skewed = rng.choice(10, p=np.append(np.full(9, 0.095), 0.145), size=10_000)
    with pytest.raises(AssertionError, match=r"9 degrees of freedom, p 1e-06\); cell 9 has"):
        stats.assert_chi_square_uniform(np.bincount(skewed, minlength=10))
    with pytest.raises(AssertionError):
        stats.assert_chi_square_uniform([1000, 0])


def test_chi_square_limit_is_the_quantile_at_the_stated_p_value():
    limit = special.chdtri(1, 1e-6)
    shift = np.sqrt(limit * 1e8 / 2)
    stats.assert_chi_square_uniform([1e8 + np.floor(shift), 1e8 - np.floor(shift)])
    with pytest.raises(AssertionError):
        stats.assert_chi_square_uniform([1e8 + np.ceil(shift), 1e8 - np.ceil(shift)])


@pytest.mark.parametrize("counts", [[3, 4], [10], [10.5, 9.5], [-1, 100], [np.nan, 10]])
def test_chi_square_refuses_what_it_cannot_judge(counts):
    with pytest.raises(ValueError, match="expected"):
        stats.assert_chi_square_uniform(counts)


def test_variance_near_one(rng):
    scores = rng.normal(size=(100, 10))
    stats.assert_variance_near_one(scores)
    stats.assert_variance_near_one(scores, mean=0.0)
    for factor in (np.sqrt(2.0), np.sqrt(0.5)):
        with pytest.raises(AssertionError, match="outside"):
            stats.assert_variance_near_one(factor * scores)


def test_a_biased_score_shows_only_about_the_known_mean(rng):
    scores = rng.normal(1.0, 1.0, size=1000)
    stats.assert_variance_near_one(scores)
    with pytest.raises(AssertionError, match="outside"):
        stats.assert_variance_near_one(scores, mean=0.0)


@pytest.mark.parametrize("p_over_2", [5e-7, 1 - 5e-7])
def test_variance_interval_is_two_sided_at_the_stated_p_value(p_over_2):
    edge = special.chdtri(40, p_over_2) / 40
    inside, outside = (1.001, 0.999) if p_over_2 > 0.5 else (0.999, 1.001)
    scores = np.tile([-1.0, 1.0], 20) * np.sqrt(edge)
    stats.assert_variance_near_one(scores * np.sqrt(inside), mean=0.0)
    with pytest.raises(AssertionError, match="outside"):
        stats.assert_variance_near_one(scores * np.sqrt(outside), mean=0.0)


def test_variance_says_when_it_has_no_power(rng):
    with pytest.raises(AssertionError, match="test has no power"):
        stats.assert_variance_near_one(rng.normal(size=20), smallest_bug=2.0)
    stats.assert_variance_near_one(rng.normal(size=1000), smallest_bug=2.0)
    with pytest.raises(ValueError, match="needs z-scores"):
        stats.assert_variance_near_one([1.0])
