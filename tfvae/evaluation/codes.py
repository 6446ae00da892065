"""What codes tell of labels: nearest neighbours and a linear probe, fitted on some examples and scored on others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfvae.checks import UserError, not_finite, positive_int


@dataclass(frozen=True)
class Accuracy:
    """How well the labels of test examples were told.

    Attributes:
        accuracy: share of the test examples whose label was told.
        count: of these.
        chance: what naming the most frequent training label for each of them gives.
    """

    accuracy: float
    count: int
    chance: float

    @property
    def standard_error(self) -> float:
        """sqrt(p (1 - p) / count), of the test examples alone, the fitted classifier being what it is."""
        return math.sqrt(self.accuracy * (1.0 - self.accuracy) / self.count)


def knn_accuracy(train_codes, train_labels, test_codes, test_labels, k: int = 5) -> Accuracy:
    """Tells each test label by the vote of the k nearest training codes.

    Distances are Euclidean in the codes as they are: units that a model does not use hardly move, and so say little.

    Args:
        train_codes, test_codes: [N, F] and [M, F].
        train_labels, test_labels: integers, [N] and [M].
        k: neighbours, at most N.

    Returns:
        result: `Accuracy` on the test codes.

    Raises:
        UserError: if codes and labels do not fit each other, are not finite, or are fewer than `k`.
    """
    from sklearn.neighbors import KNeighborsClassifier

    train, test = _check(train_codes, train_labels, test_codes, test_labels)
    if positive_int("k", k) > len(train[0]):
        raise UserError("k is more than the training codes", expected=f"1 to {len(train[0])}", received=k)
    return _score(KNeighborsClassifier(k, algorithm="brute"), train, test)


def linear_probe(train_codes, train_labels, test_codes, test_labels) -> Accuracy:
    """Tells each test label by multinomial logistic regression on the codes, each unit scaled to variance 1.

    Args:
        train_codes, test_codes: [N, F] and [M, F].
        train_labels, test_labels: integers, [N] and [M], of at least two classes in training.

    Returns:
        result: `Accuracy` on the test codes.

    Raises:
        UserError: if codes and labels do not fit each other, are not finite, or training has one label alone.

    References:
        Alain, Bengio: Understanding intermediate layers using linear classifier probes (2016).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    train, test = _check(train_codes, train_labels, test_codes, test_labels)
    if len(np.unique(train[1])) < 2:
        raise UserError("a probe tells labels apart", expected="at least 2", received="1 in training")
    return _score(make_pipeline(StandardScaler(), LogisticRegression(max_iter=5000)), train, test)


def _check(train_codes, train_labels, test_codes, test_labels):
    """Returns (codes, labels) of training and test, codes in float64."""
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


def _score(classifier, train, test) -> Accuracy:
    told = classifier.fit(*train).predict(test[0])
    names, counts = np.unique(train[1], return_counts=True)
    return Accuracy(
        accuracy=float(np.mean(told == test[1])),
        count=len(told),
        chance=float(np.mean(test[1] == names[np.argmax(counts)])),
    )
