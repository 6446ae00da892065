"""A classifier that is asked to tell generated examples from real ones."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tfvae.evaluation.codes import Accuracy, knn_accuracy
from tfvae.evaluation.neighbours import check_features


def classifier_test(real: ArrayLike, fake: ArrayLike, k: int | None = None, seed: int = 0) -> Accuracy:
    """Classifier two-sample test: how often a classifier tells held-out generated examples from real ones.

    As many examples of each kind, in random order, are divided in halves. Each one of the second half is classified by
    the k nearest of the first. For equal distributions the accuracy is 1/2, with standard deviation 1 / (2 sqrt(n)) of
    n test examples, so that (accuracy - 1/2) 2 sqrt(n) is a z-score. Where it names every sample, it is 1. A missing
    mode shows as well as a wrong shape, if it shows in the features.

    Args:
        real: features of real examples, [N, F].
        fake: features of generated examples, [M, F], of which as many as the fewer of both are taken.
        k: number of neighbours; None for the odd number next to sqrt(n).
        seed: non-negative integer that determines the halves.

    Returns:
        result: `Accuracy`, with its standard error.

    Raises:
        UserError: if the features do not fit or there are fewer than 4 of a kind, or `k` is too large.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> evaluation.classifier_test(points, points + 100.0).accuracy
        1.0

    References:
        Lopez-Paz, Oquab: Revisiting classifier two-sample tests (2017), the nearest-neighbour classifier and the
        distribution of the accuracy under the null hypothesis.
    """
    sets = check_features(real, fake, above=3)
    count = min(map(len, sets))
    generator = np.random.default_rng(seed)
    first, second = (generator.permutation(values)[:count] for values in sets)
    half = count // 2
    train, test = (np.concatenate([first[part], second[part]]) for part in (slice(half), slice(half, None)))
    labels = [np.repeat([0, 1], len(values) // 2) for values in (train, test)]
    nearest = min(math.isqrt(len(train)) // 2 * 2 + 1, len(train)) if k is None else k
    return knn_accuracy(train, labels[0], test, labels[1], nearest)
