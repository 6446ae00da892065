"""The result of `inference_gap`, and how log-weights become it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tfvae.evaluation.per_example import PerExample, check_finite

QUANTITIES = ("elbo", "best_elbo", "log_prob", "inference", "approximation", "amortization", "late_gain")
LITTLE = 0.05  # nats that do not matter beside other gaps
TINY = 0.005  # nats by which an ascent ends off its top


@dataclass(frozen=True)
class InferenceGap:
    """The inference gap of N examples and its two parts, nats.

    Attributes:
        elbo: ELBO[q], of the encoder's q(z|x).
        best_elbo: ELBO[q*].
        log_prob: log p(x).
        inference: log p(x) - ELBO[q].
        approximation: log p(x) - ELBO[q*], what the family of q cannot reach.
        amortization: ELBO[q*] - ELBO[q], what the encoder loses; the sum of the last two is the first.
        late_gain: how much the second half of the optimiser's steps, a slower ascent from where the first half ended,
            raised ELBO[q*]. Where it is not small beside `approximation`, more steps would shift more of that to
            `amortization`.
        effective_sample_size: of the K particles from q* that gave `log_prob`, [N]; K where that was given.
        num_samples: K.
        steps: of the optimiser.
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

    @property
    def converged(self) -> bool:
        """Whether the ascent had come to its end, by how much ELBO[q*] still changed in the second half of the steps.

        The change is less than a tenth of the amortization gap, as it is not where the steps are so short that the
        second ascent goes on as the first began; and less than 0.05 nats or a tenth of the approximation gap. A change
        within two standard errors will do, if these are no more than 0.05 nats. So will less than 0.005 nats where the
        encoder's q is the best one already: the ascent then has nowhere to go, and gains no more before than after.
        An ascent that ends below its start has not converged.
        """
        change, total = abs(self.late_gain.mean), self.amortization
        if total.mean < -max(TINY, 2.0 * total.monte_carlo_standard_error):
            return False
        ratio = min(0.1 * total.mean, max(LITTLE, 0.1 * self.approximation.mean))
        noise = min(2.0 * self.late_gain.monte_carlo_standard_error, LITTLE)
        return change < max(ratio, noise) or (change < TINY and total.mean < 2.0 * change)

    @property
    def share(self) -> float:
        """The approximation gap's share of the inference gap, as a ratio of means; NaN where there is no gap."""
        whole = self.inference.mean
        return self.approximation.mean / whole if whole > 0 else math.nan

    def verdict(self) -> str:
        """Returns why the bound is loose, in words."""
        whole, rest = self.inference, self.approximation
        if not whole.mean > 2.0 * whole.monte_carlo_standard_error:
            return "the bound is tight: the gap is within its error"
        if rest.mean < -2.0 * rest.monte_carlo_standard_error:
            return "undecided: log p(x) is estimated too low, under the bound of the best q for each example"
        remains = min(max(self.share, 0.0), 1.0)  # beyond that it is within its error
        percent, found = f"{100 * remains:.0f} %", "the best q for each example"
        if self.share <= 1 / 3:
            also = "" if self.converged else ", though its ascent has not converged"
            return f"because q is amortized: {found} closes {100 * (1 - remains):.0f} % of the gap{also}"
        if not self.converged:
            return f"undecided: the ascent to {found} has not converged, so far {percent} of the gap remains"
        reason = "because q is weak" if self.share >= 2 / 3 else "for both reasons"
        return f"{reason}: with {found} {percent} of the gap remains"


COLUMNS = (*QUANTITIES, *(f"{name} error" for name in QUANTITIES), "effective_sample_size")


def figures(log_weights, start):
    """Returns the columns of a block from the log-weights of q, of q* after the first ascent and of q*: [3, K, B].

    A mean over particles has the standard error sd / sqrt(K) of what it is a mean of; log p(x), the logarithm of a
    mean, that of the relative weight w_k / mean w (the delta method), and a difference that of the difference.
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


def result_of(columns, given, num_samples, steps) -> InferenceGap:
    """Returns the result for columns [N] by their names, with log p(x) as `given`, a `PerExample` or None."""
    quantities = {name: PerExample(columns[name], columns[f"{name} error"]) for name in QUANTITIES}
    size = columns["effective_sample_size"]
    if given is not None:
        size = np.full_like(size, num_samples)
        quantities["log_prob"] = given
        for gap, bound in (("inference", "elbo"), ("approximation", "best_elbo")):
            other = quantities[bound]
            quantities[gap] = PerExample(
                given.values - other.values, np.hypot(given.standard_error, other.standard_error)
            )
    return InferenceGap(**quantities, effective_sample_size=size, num_samples=num_samples, steps=steps)
