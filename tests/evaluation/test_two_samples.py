"""Kernel distance, classifier test, bins and classes: nominal for equal distributions, and what they must notice.

Mutations, each seen to break a test here: the pairs of an example with itself kept, features centred before the
kernel, a test on the training half, the variance of a bin doubled.
"""

import numpy as np
import pytest
from kit.stats import assert_mean_close

from tfvae.checks import UserError
from tfvae.evaluation import classes_covered, classifier_test, different_bins, kernel_distance

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def same_numbers():
    """Gives every test the same numbers, whichever run before it."""
    RNG.bit_generator.state = np.random.default_rng(0).bit_generator.state


def with_a_hole(count):
    """A mixture of three clusters of which the last one is missing."""
    return clusters(count, 2)


def clusters(count, kinds=3):
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    return centres[RNG.integers(kinds, size=count)] + 0.5 * RNG.normal(size=(count, 2))


def test_the_kernel_distance_of_normals_on_a_line():
    """E (a b + 1)^3 = 1 + 3 E[a] E[b] + 3 E[a^2] E[b^2] + E[a^3] E[b^3] for independent a and b."""

    def moments(mean, sd):
        return np.array([1.0, mean, mean**2 + sd**2, mean**3 + 3 * mean * sd**2])

    gap = moments(0.3, 1.0) - moments(-0.2, 1.4)
    expected = np.dot([1.0, 3.0, 3.0, 1.0], gap**2)
    pairs = [(RNG.normal(0.3, 1.0, (60, 1)), RNG.normal(-0.2, 1.4, (40, 1))) for _ in range(300)]
    found = np.array([kernel_distance(*pair, subsets=4) for pair in pairs])
    assert_mean_close(found[:, 0], expected, smallest_bug=4.5)
    assert 0.8 < np.mean(found[:, 1] ** 2) / np.var(found[:, 0]) < 1.2


def test_the_kernel_distance_of_equal_distributions_has_mean_zero():
    found = [kernel_distance(RNG.normal(size=(40, 3)), RNG.normal(size=(40, 3)))[0] for _ in range(300)]
    assert_mean_close(np.array(found), 0.0, smallest_bug=0.3)


def test_a_classifier_is_at_chance_for_equal_distributions():
    scores = []
    for seed in range(40):
        found = classifier_test(clusters(100), clusters(120), seed=seed)
        assert found.count == 100 and found.chance == 0.5
        scores.append((found.accuracy - 0.5) * 2 * np.sqrt(found.count))
    assert_mean_close(np.array(scores), 0.0, smallest_bug=1.2)
    assert 0.6 < np.std(scores) < 1.5


def test_a_classifier_tells_what_differs():
    assert classifier_test(clusters(400), clusters(400) + 20).accuracy == 1.0
    missing = classifier_test(clusters(400), with_a_hole(400))
    expected = (
        1 / 3 * 1 / 2 + 1 / 2
    )  # all of the lost cluster, and the others by their share: 2/3 fakes of 5/3
    assert abs(missing.accuracy - expected) < 5 * missing.standard_error and missing.accuracy > 0.6


def test_bins_differ_by_chance_at_the_level_of_the_test():
    shares = [different_bins(clusters(400), clusters(300), 10, seed=seed).share for seed in range(40)]
    assert_mean_close(np.array(shares), 0.05, smallest_bug=0.08)


def test_bins_of_a_lost_mode_differ():
    found = different_bins(clusters(1000), with_a_hole(500), 12)
    lost = found.fake < 0.01
    assert lost.sum() >= 2 and found.different[lost].all()
    np.testing.assert_allclose([found.real.sum(), found.fake.sum()], 1.0)
    assert found.share > 0.5 > 5 * 0.05 and 0 < found.standard_error < 0.2


def test_two_proportions_by_hand():
    real = np.repeat([[0.0], [10.0]], 100, axis=0)
    fake = np.repeat([[0.0], [10.0]], [55, 45], axis=0)
    assert not different_bins(real, fake, 2).different.any()
    fake = np.repeat([[0.0], [10.0]], [80, 20], axis=0)
    found = different_bins(real, fake, 2)
    assert found.different.all() and set(np.round(found.fake, 6)) == {0.2, 0.8}


def test_a_class_counts_from_a_tenth_of_its_share():
    real = np.repeat([2, 5, 9], [50, 30, 20])
    found = classes_covered(real, np.repeat([2, 5, 9], [95, 3, 1]))
    assert found.classes.tolist() == [2, 5, 9] and found.covered.tolist() == [True, True, False]
    assert found.count == 2 and classes_covered(real, real).count == 3


X = np.zeros((30, 2))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: kernel_distance(X, X[:19]), "too few examples for so many subsets; .*20 of each kind"),
        (lambda: kernel_distance(X, X, 1), "subsets"),
        (lambda: kernel_distance(X * np.nan, X), "not finite"),
        (lambda: classifier_test(X, X[:3]), "fake features do not fit"),
        (lambda: classifier_test(X, X, 40), "k is more than the training codes"),
        (lambda: different_bins(X, X, 2), "too few examples for so many bins; expected at most 1"),
        (lambda: different_bins(X, X, 2, level=0.0), "level is out of range"),
        (lambda: classes_covered(X, X), "classes do not fit; expected integers"),
        (lambda: classes_covered([], [1]), "classes do not fit"),
    ],
)
def test_bad_input_is_one_line(call, says):
    with pytest.raises(UserError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)
