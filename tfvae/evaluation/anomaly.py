"""Anomalies: examples whose log p(x) is lower than that of examples which are known to be usual."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from tfvae.checks import UserError, not_finite, number_in

LARGEST_RATE = 0.5  # of false alarms
ROUNDING = 1e-12  # relative, so that 0.05 * 20 is 1 whatever its last bit


@dataclass(frozen=True, repr=False)
class Anomalies:
    """Which of N examples are anomalous.

    Attributes:
        scores: -log p(x), [N], nats: the higher, the less usual.
        p_values: share of usual examples that are at least as unusual, the example counted among them, [N].
        anomalous: whether the p-value is at most the rate of false alarms, [N], bool.
        threshold: the score above which an example is anomalous, nats.
    """

    scores: np.ndarray
    p_values: np.ndarray
    anomalous: np.ndarray
    threshold: float

    def __repr__(self) -> str:
        """How many examples are anomalous, in one line."""
        found = f"{int(self.anomalous.sum()):,} of {len(self.scores):,} examples"
        return f"<{type(self).__name__}: {found} score above {self.threshold:.2f} nats>"


def find_anomalies(log_prob: ArrayLike, usual: ArrayLike, false_alarms: float = 0.01) -> Anomalies:
    """Finds the examples whose log p(x) is too low at a chosen rate of false alarms.

        p_i = (1 + #{j : usual_j <= log_prob_i}) / (M + 1),  anomalous where p_i <= false_alarms

    If an example and the M usual ones are exchangeable, such as draws from one population that the model was not
    trained on, it is called anomalous with a probability of at most `false_alarms`, whatever the model. That is the
    average over sets of usual examples: for one set the rate varies by about sqrt(false_alarms / M).

    Args:
        log_prob: log p(x) of N examples, [N], nats.
        usual: log p(x) of M usual examples that the model was not trained on, estimated in the same way, [M], nats.
        false_alarms: rate of false alarms, above 0 and at most 0.5; M must be at least 1 / false_alarms - 1.

    Returns:
        anomalies: `Anomalies`.

    Raises:
        UserError: if the rate is out of range or too small for M examples, an array has another shape, or a number is
            NaN or infinite.

    Example:
        >>> found = find_anomalies([-3.0, -90.0], usual=range(-19, 0), false_alarms=0.05)
        >>> found.anomalous.tolist(), found.threshold
        ([False, True], 19.0)

    References:
        Laxhammar, Falkman: Conformal prediction for distribution-independent anomaly detection in streaming vessel data
        (2010).
        Bates, Candes, Lei, Romano, Sesia: Testing for outliers with conformal p-values (2023), equation 1.
    """
    number_in("false_alarms", false_alarms, 0.0, LARGEST_RATE, open_low=True)
    found, known = _checked("log_prob", log_prob), np.sort(_checked("usual", usual))
    rank = math.floor(false_alarms * (len(known) + 1) * (1.0 + ROUNDING))
    if not rank:
        raise UserError(
            f"{len(known)} usual examples are too few for a rate of false alarms of {false_alarms:g}",
            expected=f"at least {math.ceil(1.0 / false_alarms) - 1}",
            received=len(known),
            fix=f"take a rate of at least {1.0 / (len(known) + 1):.2g}, or more validation examples",
        )
    below = np.searchsorted(known, found, side="right")
    return Anomalies(-found, (1 + below) / (len(known) + 1), below < rank, -float(known[rank - 1]))


def _checked(name: str, log_prob: ArrayLike) -> np.ndarray:
    """Returns log-likelihoods in float64: [N]."""
    values = np.asarray(log_prob, np.float64)
    expected, problem = "finite numbers [N]", f"{name} does not hold log-likelihoods"
    if values.ndim != 1:
        raise UserError(problem, expected=expected, received=f"shape {values.shape}")
    if broken := not_finite(values):
        count, first = broken
        raise UserError(
            problem, expected=expected, received=f"{count} that are not finite, the first at {first}"
        )
    return values
