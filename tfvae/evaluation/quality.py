"""Quality of generated examples, compared with that of real examples by the same metrics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError
from tfvae.evaluation.bins import different_bins
from tfvae.evaluation.discrepancy import median_distance, squared_frechet, squared_mmd
from tfvae.evaluation.jackknife import Metrics, jackknife
from tfvae.evaluation.neighbours import all_four, check_features
from tfvae.evaluation.polynomial import kernel_distance
from tfvae.evaluation.two_sample import classifier_test

METRICS = (
    "precision",
    "recall",
    "density",
    "coverage",
    "mmd",
    "frechet",
    "kid",
    "classifier",
    "different_bins",
)
SUBSETS, BINS = 10, 20  # of `kernel_distance` and of `different_bins`, fewer where examples are few
FEWEST = (
    24  # fewest real examples: groups of both halves may be left out, and each example keeps its neighbours
)


@dataclass(frozen=True)
class SampleQuality:
    """Metrics of generated examples, and of real examples in their place, against the same reference.

    Each dictionary has the keys `METRICS`: precision and recall (k = 3), density and coverage (k = 5), mmd (squared,
    unbiased), frechet (squared), kid, classifier (accuracy) and different_bins (their share; not where examples are too
    few for bins). `precision_recall`, `density_coverage`, `mmd`, `frechet_distance`, `kernel_distance`,
    `classifier_test` and `different_bins` define them.

    Attributes:
        fake: metrics of generated examples.
        fake_standard_error: standard errors of `fake`: of the last three their own, of the others by `jackknife`.
        real: metrics of held-out real examples, which a perfect model would reach.
        real_standard_error: standard errors of `real`.
        num_reference: number of real examples in the reference.
        num_compared: number of generated examples, and of held-out real examples.
    """

    fake: Metrics
    fake_standard_error: Metrics
    real: Metrics
    real_standard_error: Metrics
    num_reference: int
    num_compared: int


def halves(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Divides examples 0 .. count - 1 at random into a reference and held-out examples.

    Args:
        count: number of examples.
        seed: non-negative integer that determines the division.

    Returns:
        reference: numbers of the reference examples, [ceil(count / 2)], ascending.
        held_out: numbers of the held-out examples, [floor(count / 2)], ascending.

    Example:
        >>> [len(half) for half in halves(5)]
        [3, 2]
    """
    order = np.random.default_rng(seed).permutation(count)
    cut = -(-count // 2)
    return np.sort(order[:cut]), np.sort(order[cut:])


def sample_quality(real: ArrayLike, fake: ArrayLike, seed: int = 0) -> SampleQuality:
    """Compares generated examples with real ones in a feature space, and real ones with themselves.

    One half of the real examples is the reference. The generated examples and the other half are each compared with it,
    in equal numbers, because every metric depends on the number of examples. For a conditional model generate from the
    conditions of `halves(N, seed)[1]`, so that no generated example depends on the reference.

    Args:
        real: features of real examples, [N, F], N >= 24.
        fake: features of generated examples, [M, F], of which the first floor(N / 2) are used.
        seed: non-negative integer that determines the halves.

    Returns:
        quality: metrics of both, with standard errors.

    Raises:
        UserError: if there are too few examples or the features do not fit, see `precision_recall`.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> evaluation.sample_quality(points, points[:30] + 100.0).fake["coverage"]
        0.0
    """
    reals, fakes = np.asarray(real), np.asarray(fake)
    if min(len(reals), 2 * len(fakes)) < FEWEST:
        raise UserError(
            "there are too few examples to judge samples by",
            expected=f"at least {FEWEST} real and {FEWEST // 2} generated ones",
            received=f"{len(reals)} and {len(fakes)}",
        )
    reference, held_out = (reals[rows] for rows in halves(len(reals), seed))
    count = min(len(held_out), len(fakes))
    pairs = [(reference, others[:count]) for others in (fakes, held_out)]
    sets = [check_features(*pair) for pair in pairs]
    bandwidth = median_distance(sets[0][0])

    def metrics(first: np.ndarray, second: np.ndarray) -> Metrics:
        discrepancies = {
            "mmd": squared_mmd(first, second, bandwidth),
            "frechet": squared_frechet(first, second),
        }
        return all_four(first, second) | discrepancies

    of_fake, of_real = (
        [
            found | other
            for found, other in zip(jackknife(metrics, *pair), _with_own_errors(*raw, seed), strict=True)
        ]
        for pair, raw in zip(sets, pairs, strict=True)
    )
    return SampleQuality(
        fake=of_fake[0],
        fake_standard_error=of_fake[1],
        real=of_real[0],
        real_standard_error=of_real[1],
        num_reference=len(reference),
        num_compared=count,
    )


def _with_own_errors(reference: np.ndarray, others: np.ndarray, seed: int) -> tuple[Metrics, Metrics]:
    """Returns the metrics that know their standard errors themselves, and these."""
    told = classifier_test(reference, others, seed=seed)
    found = {
        "kid": kernel_distance(reference, others, min(SUBSETS, len(others) // 2), seed),
        "classifier": (told.accuracy, told.standard_error),
    }
    bins = min(BINS, len(reference) // 2 // 10, len(others) // 10)
    if bins > 1:
        differing = different_bins(reference, others, bins, seed=seed)
        found["different_bins"] = (differing.share, differing.standard_error)
    return (
        {name: value for name, (value, _) in found.items()},
        {name: error for name, (_, error) in found.items()},
    )
