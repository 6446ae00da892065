"""The classes that a generator covers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, number_in


@dataclass(frozen=True, repr=False)
class ClassesCovered:
    """Shares of the classes among real and generated examples.

    Attributes:
        classes: the classes of the real examples, ascending, [C].
        real: share of each among the real examples, [C].
        fake: share of each among the generated ones, [C].
        covered: whether the generator makes the class, [C], bool.
    """

    classes: np.ndarray
    real: np.ndarray
    fake: np.ndarray
    covered: np.ndarray

    def __repr__(self) -> str:
        """How many classes are covered, in one line."""
        return f"<{type(self).__name__}: {self.count} of {len(self.classes)} classes>"

    @property
    def count(self) -> int:
        """Number of classes covered."""
        return int(self.covered.sum())


def classes_covered(real: ArrayLike, fake: ArrayLike, least: float = 0.1) -> ClassesCovered:
    """Returns which classes a generator makes: those with at least a tenth of their share among real examples.

    Args:
        real: classes that a classifier gives to real examples, integers, [N]. The same classifier for both, so that its
            errors are in both.
        fake: classes that it gives to generated examples, integers, [M].
        least: share of a class, relative to its share among real examples, from which on it counts as covered.

    Returns:
        result: `ClassesCovered`.

    Raises:
        UserError: if they are not integers, there are none, or `least` is not in (0, 1].

    Example:
        >>> import numpy as np, tfvae
        >>> found = tfvae.evaluation.classes_covered(np.repeat([0, 1, 2], 30), np.repeat([0, 2], 40))
        >>> found.count, found.covered.tolist()
        (2, [True, False, True])
    """
    sets = [np.asarray(values) for values in (real, fake)]
    for values in sets:
        if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values):
            raise UserError(
                "classes do not fit",
                expected="integers [N]",
                received=f"{values.dtype} of shape {values.shape}",
            )
    number_in("least", least, 0.0, 1.0, open_low=True)
    classes = np.unique(sets[0])
    shares = [np.mean(values == classes[:, np.newaxis], axis=1) for values in sets]
    return ClassesCovered(classes, shares[0], shares[1], shares[1] >= least * shares[0])
