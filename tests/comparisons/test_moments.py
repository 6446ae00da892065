"""The maximum mean discrepancy against its closed form for two Gaussians.

E k(x, y) = det(I + (S1 + S2) / s)^-1/2 exp(-1/2 d' (s I + S1 + S2)^-1 d),  d the difference of the means
"""

import numpy as np
import pytest
import tensorflow as tf
from kit.stats import assert_mean_close

from tfvae import comparisons
from tfvae.checks import UserError
from tfvae.comparisons.moments import median_bandwidth, squared_discrepancy, squared_distances

BANDWIDTHS = (0.5, 2.0)
RNG = np.random.default_rng(0)
MEANS = np.array([[0.0, 0.0], [0.8, -0.3]])
SCALES = np.array([[1.0, 0.5], [0.7, 1.2]])  # of independent units


def mean_kernel(one, other):
    d, spread = MEANS[one] - MEANS[other], SCALES[one] ** 2 + SCALES[other] ** 2
    return sum(
        np.prod(1 + spread / s) ** -0.5 * np.exp(-0.5 * np.sum(d**2 / (s + spread))) for s in BANDWIDTHS
    )


def sets(count, one, other, replicate):
    rng = np.random.default_rng([replicate, one, other])
    return (
        tf.constant(MEANS[which] + SCALES[which] * rng.normal(size=(size, 2)))
        for which, size in ((one, count), (other, count + 3))
    )


@pytest.mark.parametrize(("one", "other"), [(0, 1), (0, 0)])
def test_the_unbiased_estimate_has_the_mean_of_the_closed_form(one, other):
    """Kills: pairs of a point with itself counted, a kernel of exp(-d^2 / s), a cross term taken once."""
    estimates = [squared_discrepancy(*sets(12, one, other, i), BANDWIDTHS, unbiased=True) for i in range(800)]
    expected = mean_kernel(one, one) + mean_kernel(other, other) - 2 * mean_kernel(one, other)
    assert_mean_close(np.array(estimates), expected, smallest_bug=0.05)


def test_the_biased_estimate_counts_each_point_with_itself():
    x, y = sets(12, 0, 1, 0)
    k = lambda x, y: sum(np.exp(-((x[:, None] - y[None]) ** 2).sum(-1) / (2 * s)) for s in BANDWIDTHS)  # noqa: E731
    x, y = x.numpy(), y.numpy()
    by_hand = k(x, x).mean() + k(y, y).mean() - 2 * k(x, y).mean()
    np.testing.assert_allclose(squared_discrepancy(x, y, BANDWIDTHS), by_hand, rtol=1e-10)
    root = comparisons.get({"name": "mmd", "bandwidths": BANDWIDTHS})(x, y)
    np.testing.assert_allclose(root, by_hand**0.5, rtol=1e-10)


@pytest.mark.parametrize("options", [{"root": True}, {"root": False}, {"root": False, "unbiased": True}])
def test_the_gradient_at_the_samples_is_that_of_differences(options):
    cost = comparisons.get({"name": "mmd", "bandwidths": BANDWIDTHS, **options})
    x, y = sets(6, 0, 1, 1)
    with tf.GradientTape() as tape:
        tape.watch(y)
        value = cost(x, y)
    gradient, step = tape.gradient(value, y).numpy(), 1e-6
    for place in [(0, 0), (3, 1), (8, 0)]:
        moved = [y.numpy(), y.numpy()]
        for sign, copy in zip((1, -1), moved, strict=True):
            copy[place] += sign * step
        slope = (float(cost(x, moved[0])) - float(cost(x, moved[1]))) / (2 * step)
        np.testing.assert_allclose(gradient[place], slope, rtol=1e-5, atol=1e-9)


def test_equal_sets_have_no_distance_and_a_finite_gradient():
    x = tf.constant(RNG.normal(size=(5, 3)).astype(np.float32))
    y = tf.identity(x)
    with tf.GradientTape() as tape:
        tape.watch(y)
        value = comparisons.get("mmd")(x, y)
    assert float(value) < 1e-3 and np.isfinite(tape.gradient(value, y)).all()


def test_distances_far_from_the_origin_keep_their_digits():
    x = RNG.normal(size=(6, 2))
    exact = ((x[:, None] - x[None]) ** 2).sum(-1)
    far = tf.constant((x + 1e3).astype(np.float32))
    rounding = 1e3 * 2**-23 * 8  # of the coordinates themselves
    np.testing.assert_allclose(squared_distances(far, far), exact, atol=4 * rounding)


@pytest.mark.parametrize("count", [4, 5])
def test_the_median_is_over_pairs_of_different_points(count):
    x = RNG.normal(size=(count, 3))
    pairs = [((x[i] - x[j]) ** 2).sum() for i in range(count) for j in range(i)]
    np.testing.assert_allclose(median_bandwidth(tf.constant(x)), np.median(pairs), rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"bandwidths": (1.0, 0.0)}, "bandwidth is not a positive number"),
        ({"bandwidths": ()}, "bandwidth is not a positive number"),
        ({"unbiased": True}, "may be negative and has no root"),
    ],
)
def test_bad_options_are_one_line(options, says):
    with pytest.raises(UserError, match=says) as caught:
        comparisons.get({"name": "mmd", **options})
    assert "\n" not in str(caught.value)
