"""Precision, recall, density and coverage of generated examples, from nearest-neighbour balls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, not_finite, positive_int

NUMBERS_PER_BLOCK = 2**22  # float64 distances in memory at a time: 32 MiB
ROUNDING = (
    1e-10  # fraction of the pair's squared norms; a distance this close to a radius is a tie, which is inside
)


def precision_recall(real: ArrayLike, fake: ArrayLike, k: int = 3) -> tuple[float, float]:
    """Returns improved precision and recall: the share of each set that lies in the manifold of the other.

        f(a, B) = 1 if |a - b| <= |b - NN_k(b, B)| for at least one b of B, otherwise 0
        precision = mean_j f(fake_j, real)        recall = mean_i f(real_i, fake)

    NN_k(b, B) is the k-th nearest neighbour of b among the others of B. Balls are closed, so that ties count as inside.
    Discrete features such as binary pixels have ties.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        k: number of the neighbour that sets the radius, less than N and M.

    Returns:
        precision, recall: in [0, 1]. Both are 1 for identical sets, and high but below 1 for equal distributions.

    Raises:
        UserError: if the features are not finite matrices of one width, or are too few for `k`.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> evaluation.precision_recall(points, points + 100.0)
        (0.0, 0.0)

    References:
        Kynkaanniemi, Karras, Laine, Lehtinen, Aila: Improved precision and recall metric for assessing generative
        models (2019), equations 1 and 2, k = 3.
    """
    reals, fakes = check_features(real, fake, above=positive_int("k", k))
    (_, in_real), (_, in_fake) = _counts(reals, fakes, (k,))[0], _counts(fakes, reals, (k,))[0]
    return float(np.mean(in_real > 0)), float(np.mean(in_fake > 0))


def density_coverage(real: ArrayLike, fake: ArrayLike, k: int = 5) -> tuple[float, float]:
    """Returns density and coverage: the number of real balls around a fake, the share of real balls with a fake.

        density  = 1/(k M) sum_j sum_i 1{|fake_j - real_i| <= r_i}
        coverage = 1/N sum_i 1{some fake_j has |fake_j - real_i| <= r_i}

    r_i is the distance from real_i to its k-th nearest neighbour. For equal continuous distributions E[density] = 1 and
    E[coverage] = 1 - prod_{i=1..k} (N - i) / (N + M - i). Density can exceed 1. Balls are closed, see
    `precision_recall`.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        k: number of the neighbour that sets the radius, less than N.

    Returns:
        density: >= 0.
        coverage: in [0, 1].

    Raises:
        UserError: if the features do not fit, see `precision_recall`.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> evaluation.density_coverage(points, points + 100.0)
        (0.0, 0.0)

    References:
        Naeem, Oh, Uh, Choi, Yoo: Reliable fidelity and diversity metrics for generative models (2020), section 3,
        where k = 5; lemmas 1 and 2 for the expectations.
    """
    reals, fakes = check_features(real, fake, above=positive_int("k", k))
    ((per_real, per_fake),) = _counts(reals, fakes, (k,))
    return float(np.mean(per_fake) / k), float(np.mean(per_real > 0))


def all_four(real: np.ndarray, fake: np.ndarray, nearest: int = 3, dense: int = 5) -> dict[str, float]:
    """Returns `precision_recall` with k = nearest and `density_coverage` with k = dense, from shared distances."""
    (_, in_real), (per_real, per_fake) = _counts(real, fake, (nearest, dense))
    ((_, in_fake),) = _counts(fake, real, (nearest,))
    return {
        "precision": float(np.mean(in_real > 0)),
        "recall": float(np.mean(in_fake > 0)),
        "density": float(np.mean(per_fake) / dense),
        "coverage": float(np.mean(per_real > 0)),
    }


def check_features(real: ArrayLike, fake: ArrayLike, above: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of features in float64, centred at the median of the first.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F].
        above: number that N and M must exceed.

    Raises:
        UserError: if they are not finite matrices of one width, or have too few rows.
    """
    sets = {"real": np.asarray(real), "fake": np.asarray(fake)}
    for name, values in sets.items():
        if values.ndim != 2 or values.dtype.kind not in "buif" or len(values) <= above:
            raise UserError(
                f"the {name} features do not fit",
                expected=f"numbers [N, F] with more than {above} rows",
                received=f"{values.dtype} of shape {values.shape}",
            )
        if broken := not_finite(values):
            raise UserError(
                f"the {name} features are not finite",
                received=f"{broken[0]} bad rows, the first at example {broken[1]}",
            )
    first, second = (values.astype(np.float64) for values in sets.values())
    if first.shape[1] != second.shape[1]:
        raise UserError(
            "real and fake features differ in width", expected=first.shape[1], received=second.shape[1]
        )
    centre = np.round(np.median(first, axis=0))  # whole numbers: distances of integer features stay exact
    return first - centre, second - centre


def distance_blocks(first: np.ndarray, second: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields squared Euclidean distances by blocks of rows of `first`: (rows, [rows, len(second)])."""
    from sklearn.metrics import pairwise_distances_chunked

    room = NUMBERS_PER_BLOCK * 8 / 2**20
    start = 0
    for squared in pairwise_distances_chunked(first, second, working_memory=room, squared=True):
        rows = slice(start, start + len(squared))
        start = rows.stop
        yield rows, squared


def _squared_radii(points: np.ndarray, ks: tuple[int, ...]) -> np.ndarray:
    """Returns the squared distance to the k-th nearest neighbour among the others, for each k: [len(ks), N]."""
    radii = np.empty((len(ks), len(points)))
    places = [k - 1 for k in ks]
    for rows, squared in distance_blocks(points, points):
        own = np.arange(rows.start, rows.stop)
        squared[own - rows.start, own] = np.inf
        radii[:, rows] = np.partition(squared, places, axis=1)[:, places].T
    return radii


def _counts(
    centres: np.ndarray, points: np.ndarray, ks: tuple[int, ...]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns, for each k, the number of points in each centre's ball and the number of balls around each point."""
    radii = _squared_radii(centres, ks)
    of_centres, of_points = (ROUNDING * np.sum(values**2, axis=1) for values in (centres, points))
    radii += of_centres
    per_centre, per_point = (np.zeros((len(ks), len(values)), np.int64) for values in (centres, points))
    for rows, squared in distance_blocks(centres, points):
        squared -= of_points
        for index in range(len(ks)):
            inside = squared <= radii[index, rows, np.newaxis]
            per_centre[index, rows] = np.count_nonzero(inside, axis=1)
            per_point[index] += np.count_nonzero(inside, axis=0)
    return list(zip(per_centre, per_point, strict=True))
