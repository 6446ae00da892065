"""The result of `inference_gap`, computed from log-weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tfvae.evaluation.per_example import PerExample, check_finite, with_error

QUANTITIES = ("elbo", "best_elbo", "log_prob", "inference", "approximation", "amortization", "late_gain")
LITTLE = 0.05  # nats: negligible beside other gaps
TINY = 0.005  # nats: distance from the optimum at which an ascent typically ends


@dataclass(frozen=True, repr=False)
class InferenceGap:
    """The inference gap of N examples and its two parts, nats.

    Attributes:
        elbo: ELBO[q] of the encoder's q(z|x).
        best_elbo: ELBO[q*] of the best q* for each example.
        log_prob: log p(x).
        inference: inference gap, log p(x) - ELBO[q]. It is the sum of the next two.
        approximation: approximation gap, log p(x) - ELBO[q*], which the family of q cannot close.
        amortization: amortization gap, ELBO[q*] - ELBO[q], which the encoder causes.
        late_gain: increase of ELBO[q*] in the second half of the optimiser's steps, which are smaller. If it is not
            small beside `approximation`, more steps would move a part of that gap to `amortization`.
        effective_sample_size: effective size of the K particles from q* that gave `log_prob`, [N]; K if `log_prob`
            came from elsewhere.
        num_samples: number of particles K.
        steps: number of optimiser steps.
    """

    elbo: PerExample
    best_elbo: PerExample
    log_prob: PerExample
    inference: PerExample
    approximation: PerExample
    amortization: PerExample
    late_gain: PerExample
    effective_sample_size: np.ndarray
    num_samples: int
    steps: int

    def __repr__(self) -> str:
        """The gaps and what they are made from, in one line."""
        names = ("inference", "approximation", "amortization")
        gaps = [f"{name} gap {with_error(getattr(self, name).values)}" for name in names]
        effort = f"N = {len(self.effective_sample_size):,}, K = {self.num_samples:,}, {self.steps:,} steps"
        return f"<{type(self).__name__}: {', '.join(gaps)} nats, {effort}>"

    @property
    def converged(self) -> bool:
        """Whether the ascent to q* has converged, by the late gain: the change of ELBO[q*] in the second half.

        An ascent that ends below its start has not converged. Otherwise it has if the late gain meets one of these:

        * It is below a tenth of the amortization gap, and below 0.05 nats or a tenth of the approximation gap. With
          very short steps the second half gains as much as the first and fails this test.
        * It is within two standard errors, and these are at most 0.05 nats.
        * It is below 0.005 nats, and the first half gained no more. The encoder's q is then already the best one.
        """
        change, total = abs(self.late_gain.mean), self.amortization
        if total.mean < -max(TINY, 2.0 * total.monte_carlo_standard_error):
            return False
        ratio = min(0.1 * total.mean, max(LITTLE, 0.1 * self.approximation.mean))
        noise = min(2.0 * self.late_gain.monte_carlo_standard_error, LITTLE)
        return change < max(ratio, noise) or (change < TINY and total.mean < 2.0 * change)

    @property
    def share(self) -> float:
        """Approximation gap divided by inference gap, as a ratio of means; NaN if there is no gap."""
        whole = self.inference.mean
        return self.approximation.mean / whole if whole > 0 else math.nan

    def verdict(self) -> str:
        """Returns the reason why the bound is loose, as text."""
        whole, rest = self.inference, self.approximation
        if not whole.mean > 2.0 * whole.monte_carlo_standard_error:
            return "the bound is tight: the gap is within its error"
        if rest.mean < -2.0 * rest.monte_carlo_standard_error:
            return "undecided: log p(x) is estimated too low, under the bound of the best q for each example"
        remains = min(max(self.share, 0.0), 1.0)  # values outside [0, 1] are within the error
        percent, found = f"{100 * remains:.0f} %", "the best q for each example"
        if self.share <= 1 / 3:
            also = "" if self.converged else ", though its ascent has not converged"
            return f"because q is amortized: {found} closes {100 * (1 - remains):.0f} % of the gap{also}"
        if not self.converged:
            return f"undecided: the ascent to {found} has not converged, so far {percent} of the gap remains"
        reason = "because q is weak" if self.share >= 2 / 3 else "for both reasons"
        return f"{reason}: with {found} {percent} of the gap remains"


COLUMNS = (*QUANTITIES, *(f"{name} error" for name in QUANTITIES), "effective_sample_size")


def figures(log_weights: np.ndarray, start: int) -> np.ndarray:
    """Returns the columns of a block of examples.

    A mean over particles has the standard error sd / sqrt(K). log p(x), the logarithm of a mean, has that of the
    relative weight w_k / mean w (delta method). A difference has that of the differences.

    Args:
        log_weights: log-weights of q, of q* after the first ascent and of q*, [3, K, b], nats.
        start: number of the first example.

    Returns:
        columns: values in the order of `COLUMNS`, [columns, b].
    """
    check_finite("log-weights", log_weights, start)
    first, halfway, best = log_weights
    top = best.max(axis=0)
    weights = np.exp(best - top)
    log_prob = top + np.log(weights.mean(axis=0))
    relative = weights / weights.mean(axis=0)
    values = {
        "elbo": first.mean(axis=0),
        "best_elbo": best.mean(axis=0),
        "log_prob": log_prob,
        "inference": log_prob - first.mean(axis=0),
        "approximation": log_prob - best.mean(axis=0),
        "amortization": (best - first).mean(axis=0),
        "late_gain": (best - halfway).mean(axis=0),
    }
    terms = {
        "elbo": first,
        "best_elbo": best,
        "log_prob": relative,
        "inference": relative - first,
        "approximation": relative - best,
        "amortization": best - first,
        "late_gain": best - halfway,
    }
    errors = {name: terms[name].std(axis=0, ddof=1) / math.sqrt(len(best)) for name in QUANTITIES}
    size = weights.sum(axis=0) ** 2 / (weights**2).sum(axis=0)
    return np.stack([*(values[name] for name in QUANTITIES), *(errors[name] for name in QUANTITIES), size])


def result_of(
    columns: Mapping[str, np.ndarray], log_prob: PerExample | None, num_samples: int, steps: int
) -> InferenceGap:
    """Returns the result.

    Args:
        columns: columns of all examples by name, [N] each.
        log_prob: another estimate of log p(x), or None for that of the particles from q*.
        num_samples: number of particles K.
        steps: number of optimiser steps.
    """
    quantities = {name: PerExample(columns[name], columns[f"{name} error"]) for name in QUANTITIES}
    size = columns["effective_sample_size"]
    if log_prob is not None:
        size = np.full_like(size, num_samples)
        quantities["log_prob"] = log_prob
        for gap, bound in (("inference", "elbo"), ("approximation", "best_elbo")):
            other = quantities[bound]
            quantities[gap] = PerExample(
                log_prob.values - other.values, np.hypot(log_prob.standard_error, other.standard_error)
            )
    return InferenceGap(**quantities, effective_sample_size=size, num_samples=num_samples, steps=steps)
