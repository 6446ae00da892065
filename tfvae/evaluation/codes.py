"""Classification of labels from codes, by nearest neighbours and by a linear probe."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, not_finite, positive_int

Labelled = tuple[np.ndarray, np.ndarray]  # codes and labels


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a classifier on test examples.

    Attributes:
        accuracy: share of the test examples that are classified correctly.
        count: number of test examples.
        chance: accuracy of a classifier that always names the most frequent training label.
    """

    accuracy: float
    count: int
    chance: float

    @property
    def standard_error(self) -> float:
        """Standard error sqrt(p (1 - p) / count) from the test examples, for this fitted classifier."""
        return math.sqrt(self.accuracy * (1.0 - self.accuracy) / self.count)


def knn_accuracy(
    train_codes: ArrayLike,
    train_labels: ArrayLike,
    test_codes: ArrayLike,
    test_labels: ArrayLike,
    k: int = 5,
) -> Accuracy:
    """Classifies each test code by a vote of the k nearest training codes.

    Distances are Euclidean and codes are not scaled, so that units without variance have little influence.

    Args:
        train_codes, test_codes: codes, [N, F] and [M, F].
        train_labels, test_labels: class labels, integers, [N] and [M].
        k: number of neighbours, at most N.

    Returns:
        result: accuracy on the test codes.

    Raises:
        UserError: if codes and labels do not fit each other, are not finite, or are fewer than `k`.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> labels = (points[:, 0] > 0).astype(int)
        >>> evaluation.knn_accuracy(points, labels, points, labels).accuracy > 0.8
        True
    """
    from sklearn.neighbors import KNeighborsClassifier

    train, test = _check(train_codes, train_labels, test_codes, test_labels)
    if positive_int("k", k) > len(train[0]):
        raise UserError("k is more than the training codes", expected=f"1 to {len(train[0])}", received=k)
    return _score(KNeighborsClassifier(k, algorithm="brute"), train, test)


def linear_probe(
    train_codes: ArrayLike, train_labels: ArrayLike, test_codes: ArrayLike, test_labels: ArrayLike
) -> Accuracy:
    """Classifies each test code by multinomial logistic regression, with each unit scaled to variance 1.

    Args:
        train_codes, test_codes: codes, [N, F] and [M, F].
        train_labels, test_labels: class labels, integers, [N] and [M], with at least two classes in training.

    Returns:
        result: accuracy on the test codes.

    Raises:
        UserError: if codes and labels do not fit each other, are not finite, or all training labels are equal.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation
        >>> points = np.random.default_rng(0).normal(size=(60, 2))
        >>> labels = (points[:, 0] > 0).astype(int)
        >>> evaluation.linear_probe(points, labels, points, labels).accuracy > 0.8
        True

    References:
        Alain, Bengio: Understanding intermediate layers using linear classifier probes (2016).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = _check(train_codes, train_labels, test_codes, test_labels)
    if len(np.unique(train[1])) < 2:
        raise UserError("a probe needs several labels", expected="at least 2", received="1 in training")
    return _score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)), train, test)


def _check(
    train_codes: ArrayLike, train_labels: ArrayLike, test_codes: ArrayLike, test_labels: ArrayLike
) -> list[Labelled]:
    """Returns (codes, labels) of training and test, with codes in float64."""
    pairs = []
    for name, codes, labels in (("training", train_codes, train_labels), ("test", test_codes, test_labels)):
        codes, labels = np.asarray(codes), np.asarray(labels)
        fits = codes.ndim == 2 and codes.dtype.kind in "buif" and labels.dtype.kind in "iu"
        if not fits or labels.shape != codes.shape[:1] or not codes.size:
            raise UserError(
                f"the {name} codes and labels do not fit",
                expected="numbers [N, F] and integers [N]",
                received=f"{codes.dtype} of shape {codes.shape} and {labels.dtype} of shape {labels.shape}",
            )
        if broken := not_finite(codes):
            raise UserError(
                f"the {name} codes are not finite",
                received=f"{broken[0]} bad ones, the first at example {broken[1]}",
            )
        pairs.append((codes.astype(np.float64), labels))
    if pairs[0][0].shape[1] != pairs[1][0].shape[1]:
        raise UserError(
            "training and test codes differ in width",
            expected=pairs[0][0].shape[1],
            received=pairs[1][0].shape[1],
        )
    return pairs


def _score(classifier: Any, train: Labelled, test: Labelled) -> Accuracy:
    predicted = classifier.fit(*train).predict(test[0])
    names, counts = np.unique(train[1], return_counts=True)
    return Accuracy(
        accuracy=float(np.mean(predicted == test[1])),
        count=len(predicted),
        chance=float(np.mean(test[1] == names[np.argmax(counts)])),
    )
