"""Number of statistically different bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, int_from, number_in
from tfvae.evaluation.neighbours import check_features


@dataclass(frozen=True, repr=False)
class DifferentBins:
    """Bins of the feature space that hold too many or too few generated examples.

    Attributes:
        real: share of the compared real examples in each bin, [bins].
        fake: share of the generated examples in each bin, [bins].
        different: whether the two shares differ significantly, [bins], bool.
        level: level of the test; for equal distributions this share of the bins differs by chance.
    """

    real: np.ndarray
    fake: np.ndarray
    different: np.ndarray
    level: float

    def __repr__(self) -> str:
        """The share of the bins that differ with its standard error, in one line."""
        found = f"{self.share:.3f} +- {self.standard_error:.3f} of {len(self.different)} bins differ"
        return f"<{type(self).__name__}: {found}, level {self.level:g}>"

    @property
    def share(self) -> float:
        """Share of the bins that differ, NDB / K."""
        return float(self.different.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of `share` as that of independent bins, which they nearly are."""
        return math.sqrt(self.share * (1.0 - self.share) / len(self.different))


def different_bins(
    real: ArrayLike, fake: ArrayLike, num_bins: int = 20, level: float = 0.05, seed: int = 0
) -> DifferentBins:
    """Compares how many real and generated examples fall into each of K bins.

    Bins are the cells of k-means on one half of the real examples. The other half and the generated examples are
    counted, and each bin has a two-proportion z-test:

        z = (p - q) / sqrt(P (1 - P) (1/n + 1/m)),  P = (n p + m q) / (n + m)

    of shares p of n real and q of m generated examples; a bin differs where |z| is above the two-sided quantile. Bins
    that the generator misses, or fills too much, are found; what is wrong within a bin is not.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        num_bins: K, at most a tenth of N / 2 and of M: the test wants some ten examples in a bin.
        level: level of the test.
        seed: non-negative 32-bit integer that determines halves and bins.

    Returns:
        result: `DifferentBins`.

    Raises:
        UserError: if the features do not fit, there are too few for the bins, or the level is not in (0, 1).

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> evaluation.different_bins(points, points + 100.0, num_bins=2).share
        1.0

    References:
        Richardson, Weiss: On GANs and GMMs (2018), the section on NDB.
    """
    from sklearn.cluster import KMeans

    reals, fakes = check_features(real, fake)
    number_in("level", level, 0.0, 1.0, open_low=True)
    most = min(len(reals) // 2, len(fakes)) // 10
    int_from(2, "num_bins", num_bins)
    if num_bins > most:
        raise UserError(
            "there are too few examples for so many bins",
            expected=f"at most {most} bins",
            received=num_bins,
        )
    order = np.random.default_rng(seed).permutation(len(reals))
    half = len(reals) // 2
    means = KMeans(num_bins, n_init=1, random_state=seed).fit(reals[order[:half]])
    counts = [
        np.bincount(means.predict(values), minlength=num_bins) for values in (reals[order[half:]], fakes)
    ]
    n, m = (each.sum() for each in counts)
    shares = counts[0] / n, counts[1] / m
    pooled = (counts[0] + counts[1]) / (n + m)
    error = np.sqrt(pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m))
    gap = np.abs(shares[0] - shares[1])
    return DifferentBins(*shares, gap > NormalDist().inv_cdf(1.0 - level / 2.0) * error, level)
