"""Statistical assertions: each compares a random quantity with its truth in units of its standard error.

All of them assume independent replicates, enough of them for the mean to be nearly normal (some hundreds),
and fixed seeds in the caller. With |z| < 5 a correct element fails about once in 1.7 million.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

NEGLIGIBLE = 1e-12  # relative spread below which samples count as constant
_POWER = 5.0  # standard errors that a bug must exceed before a test of it has power


def _moments(samples: np.ndarray, axis: int, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard error, sd / sqrt(n), along `axis`; sd up to 1e-12 of `scale` is 0."""
    n = samples.shape[axis] if samples.ndim else 0
    if n < 2:
        raise ValueError(f"too few samples along axis {axis}; expected >= 2; received {n}")
    if not samples.size:
        raise ValueError(f"there is nothing to test; expected an element; received shape {samples.shape}")
    sd = samples.std(axis=axis, ddof=1)
    return samples.mean(axis=axis), np.where(sd <= NEGLIGIBLE * scale, 0.0, sd / np.sqrt(n))


def _z_scores(mean: np.ndarray, expected: np.ndarray, error: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Returns (mean - expected) / error; at error 0: 0 if the two agree to 1e-12 of `scale`, else +-inf."""
    gap = mean - expected
    exact = np.where(np.abs(gap) <= NEGLIGIBLE * scale, 0.0, np.copysign(np.inf, gap))
    return np.where(error > 0, gap / np.where(error > 0, error, 1.0), exact)


def _finite(values: ArrayLike, name: str) -> np.ndarray:
    values = np.asarray(values, np.float64)
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        index = tuple(map(int, bad[0]))
        raise AssertionError(f"{name or 'values'}: {len(bad)} not finite; first at {index}: {values[index]}")
    return values


def assert_mean_close(
    samples: ArrayLike,
    expected: ArrayLike,
    *,
    axis: int = 0,
    max_z: float = 5.0,
    name: str = "",
    smallest_bug: float | None = None,
) -> None:
    """Asserts that the mean of `samples` is `expected`: |z| < max_z for every element.

        z = (mean - expected) / (sd / sqrt(n)),  sd with divisor n - 1

    Samples whose sd is at most 1e-12 of their largest magnitude count as constant (sd 0, rounding aside):
    their mean must equal `expected` to 1e-12 relative. At `expected` = 0 the only constant to pass is 0.

    Args:
        samples: replicates along `axis`, any shape.
        expected: the truth, of exactly the shape of the mean, or a scalar for all elements.
        axis: axis of the replicates.
        max_z: standard errors at which a deviation counts as a failure.
        name: what is tested, for the message.
        smallest_bug: smallest deviation worth catching, in units of `samples`.

    Raises:
        AssertionError: an element is off (the message names the worst), a sample is not finite, or 5 standard
            errors exceed `smallest_bug`, so that the test would not notice such a bug.
        ValueError: fewer than two replicates, or shapes that do not fit.
    """
    __tracebackhide__ = True
    samples, expected = _finite(samples, name), _finite(expected, f"{name} expected")
    magnitude = np.abs(samples).max(axis=axis, initial=0.0)
    mean, error = _moments(samples, axis, magnitude)
    if expected.ndim and expected.shape != mean.shape:
        raise ValueError(f"`expected` does not fit; expected shape {mean.shape}; received {expected.shape}")
    expected = np.broadcast_to(expected, mean.shape)
    z = _z_scores(mean, expected, error, np.maximum(np.abs(mean), np.abs(expected)))
    worst = np.unravel_index(np.argmax(np.abs(z)), z.shape)
    label, n, failures = name or "mean", samples.shape[axis], int(np.sum(~(np.abs(z) < max_z)))
    if failures:
        raise AssertionError(
            f"{label}: element {tuple(map(int, worst))} is off by {z[worst]:+.2f} standard errors"
            f" (limit {max_z:g}): mean {mean[worst]:.8g}, expected {expected[worst]:.8g},"
            f" standard error {error[worst]:.3g}, n {n}; {failures} of {z.size} elements fail"
        )
    if smallest_bug is not None and _POWER * error.max() > smallest_bug:
        raise AssertionError(
            f"{label}: test has no power: 5 standard errors are {_POWER * error.max():.3g},"
            f" more than the smallest bug worth catching, {smallest_bug:.3g}; n {n}"
        )


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns mean, standard error and z-score of a - b along axis 0."""
    a, b = _finite(a, "a"), _finite(b, "b")
    if a.shape != b.shape:
        raise ValueError(f"pairs need equal shapes; expected {a.shape}; received {b.shape}")
    scale = np.maximum(np.abs(a), np.abs(b)).max(axis=0, initial=0.0)
    mean, error = _moments(a - b, 0, scale)
    return mean, error, _z_scores(mean, np.zeros_like(mean), error, scale)


def assert_paired_less(a: ArrayLike, b: ArrayLike, *, min_z: float = 5.0, name: str = "") -> None:
    """Asserts that E[a] < E[b] beyond doubt: the mean of b - a is `min_z` or more standard errors above 0.

    Differences that are constant to 1e-12 of the values must be positive beyond that rounding.

    Args:
        a: replicates along axis 0, paired with `b` (same noise or same example); each element of further axes
            must pass.
        b: like `a`.
        min_z: standard errors required.
        name: what is tested, for the message.

    Raises:
        AssertionError: an element's difference is not positive enough.
        ValueError: unequal shapes or fewer than two pairs.
    """
    __tracebackhide__ = True
    mean, error, z = _paired(b, a)
    worst = np.unravel_index(np.argmin(z), z.shape)
    if not z[worst] >= min_z:
        raise AssertionError(
            f"{name or 'a < b'}: element {tuple(map(int, worst))}: mean of b - a is {mean[worst]:.8g},"
            f" {z[worst]:+.2f} standard errors of {error[worst]:.3g}; required {min_z:g}"
        )


def assert_paired_not_greater(a: ArrayLike, b: ArrayLike, *, max_z: float = 5.0, name: str = "") -> None:
    """Asserts that E[a] <= E[b] is credible: the mean of a - b is under `max_z` standard errors above 0.

    Differences that are constant to 1e-12 of the values must not be positive beyond that rounding.

    Args:
        a: replicates along axis 0, paired with `b` (same noise or same example); each element of further axes
            must pass.
        b: like `a`.
        max_z: standard errors at which an excess counts as a failure.
        name: what is tested, for the message.

    Raises:
        AssertionError: an element of `a` is significantly greater.
        ValueError: unequal shapes or fewer than two pairs.
    """
    __tracebackhide__ = True
    mean, error, z = _paired(a, b)
    worst = np.unravel_index(np.argmax(z), z.shape)
    if not z[worst] < max_z:
        raise AssertionError(
            f"{name or 'a <= b'}: element {tuple(map(int, worst))}: mean of a - b is {mean[worst]:.8g},"
            f" {z[worst]:+.2f} standard errors of {error[worst]:.3g}; limit {max_z:g}"
        )


def assert_chi_square_uniform(counts: ArrayLike, *, p_value: float = 1e-6, name: str = "") -> None:
    """Asserts that counts of independent draws come from equally likely cells (Pearson's test, upper tail).

        X2 = sum_i (counts_i - n / m)^2 / (n / m) <= q(1 - p_value)

    with n draws, m cells and q the quantile function of chi-square with m - 1 degrees of freedom.

    Args:
        counts: non-negative whole numbers, one per cell; any shape.
        p_value: probability with which uniform counts fail.
        name: what is tested, for the message.

    Raises:
        AssertionError: the counts are too uneven.
        ValueError: these are no counts, or fewer than two cells, or so few draws (under 5 per cell) that the
            approximation fails.
    """
    __tracebackhide__ = True
    counts = np.asarray(counts, np.float64).ravel()
    if counts.size < 2 or not np.all((counts >= 0) & (counts == np.floor(counts)) & np.isfinite(counts)):
        raise ValueError(f"these are no counts; expected two or more whole numbers >= 0; received {counts}")
    share = counts.mean()
    if share < 5:
        raise ValueError(f"too few draws for a chi-square test; expected >= 5 per cell; received {share:.3g}")
    dof, statistic = counts.size - 1, np.sum((counts - share) ** 2) / share
    limit = special.chdtri(dof, p_value)
    if not statistic <= limit:
        worst = int(np.argmax(np.abs(counts - share)))
        raise AssertionError(
            f"{name or 'counts'}: chi-square {statistic:.1f} exceeds {limit:.1f} ({dof} degrees of freedom,"
            f" p {p_value:g}); cell {worst} has {counts[worst]:.0f}, expected {share:.1f}"
        )


def assert_variance_near_one(
    z_scores: ArrayLike,
    *,
    p_value: float = 1e-6,
    mean: float | None = None,
    smallest_bug: float | None = None,
    name: str = "",
) -> None:
    """Asserts that independent normal z-scores have variance 1, so that their standard errors are honest.

    The sample variance must lie inside the two-sided chi-square interval

        [q(p_value / 2), q(1 - p_value / 2)] / dof,  q the quantile function of chi-square with dof

    degrees of freedom: n - 1 about the sample mean, or n about a known `mean` (then a bias counts too).

    Args:
        z_scores: (estimate - truth) / standard error, independent; any shape.
        p_value: probability with which honest scores fail.
        mean: known mean of the scores, or None.
        smallest_bug: a variance that ought to be caught, such as 4 for standard errors half their size.
        name: what is tested, for the message.

    Raises:
        AssertionError: the variance lies outside, a score is not finite, or the interval contains
            `smallest_bug`.
        ValueError: fewer than two scores.
    """
    __tracebackhide__ = True
    scores = _finite(z_scores, name).ravel()
    if scores.size < 2:
        raise ValueError(f"a variance needs z-scores; expected >= 2; received {scores.size}")
    dof = scores.size if mean is not None else scores.size - 1
    variance = np.sum((scores - (scores.mean() if mean is None else mean)) ** 2) / dof
    low, high = special.chdtri(dof, [1 - p_value / 2, p_value / 2]) / dof
    label, interval = name or "z-scores", f"[{low:.4g}, {high:.4g}]"
    if not low <= variance <= high:
        raise AssertionError(f"{label}: variance {variance:.4g} is outside {interval}, n {scores.size}")
    if smallest_bug is not None and low <= smallest_bug <= high:
        raise AssertionError(
            f"{label}: test has no power: the interval {interval} contains the variance worth catching,"
            f" {smallest_bug:.4g}; n {scores.size}"
        )
