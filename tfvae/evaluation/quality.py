"""How good samples are, beside how good real examples are by the same measure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tfvae.checks import UserError
from tfvae.evaluation.discrepancy import median_distance, squared_frechet, squared_mmd
from tfvae.evaluation.jackknife import Figures, jackknife
from tfvae.evaluation.neighbours import all_four, check_features

FIGURES = ("precision", "recall", "density", "coverage", "mmd", "frechet")
FEWEST = 24  # real examples: groups of both halves can then be left out and each example keep its neighbours


@dataclass(frozen=True)
class SampleQuality:
    """Figures of generated examples, and of real ones in their place, against the same real examples.

    Each dictionary has the names of `FIGURES`: precision, recall (k = 3), density, coverage (k = 5), mmd (squared,
    unbiased), frechet (squared); see the functions of these names.

    Attributes:
        fake: of generated examples.
        fake_standard_error: by `jackknife`, from the scatter of both sets.
        real: of held-out real examples: what a perfect model would get.
        real_standard_error: of these.
        num_reference: real examples that both were compared with.
        num_compared: generated examples, and held-out real ones.
    """

    fake: Figures
    fake_standard_error: Figures
    real: Figures
    real_standard_error: Figures
    num_reference: int
    num_compared: int


def halves(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Splits examples 0 .. count - 1 at random: rows of the reference, and of the examples held out from it.

    Args:
        count: of examples.
        seed: non-negative integer.

    Returns:
        reference: [ceil(count / 2)], ascending.
        held_out: [floor(count / 2)], ascending.
    """
    order = np.random.default_rng(seed).permutation(count)
    cut = -(-count // 2)
    return np.sort(order[:cut]), np.sort(order[cut:])


def sample_quality(real, fake, seed: int = 0) -> SampleQuality:
    """Compares generated examples with real ones in a feature space, and real ones with themselves.

    One half of the real examples is the reference. Generated examples and the other half, equally many, are each
    compared with it: every figure depends on how many examples there are, so that only figures of equally many can be
    told apart. Where examples are generated given a condition, take the conditions of `halves(N, seed)[1]`, so that
    none is generated from what the reference shows.

    Args:
        real: features of real examples, [N, F], N >= 24.
        fake: features of generated ones, [M, F]; the first floor(N / 2) of them are used.
        seed: of the halves.

    Returns:
        quality: `SampleQuality`.

    Raises:
        UserError: if the features are too few or do not fit; see `precision_recall`.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if min(len(real), 2 * len(fake)) < FEWEST:
        raise UserError(
            "there are too few examples to judge samples by",
            expected=f"at least {FEWEST} real and {FEWEST // 2} generated ones",
            received=f"{len(real)} and {len(fake)}",
        )
    reference, held_out = (real[rows] for rows in halves(len(real), seed))
    count = min(len(held_out), len(fake))
    sets = [check_features(reference, others[:count]) for others in (fake, held_out)]
    bandwidth = median_distance(sets[0][0])

    def figures(first, second):
        discrepancies = {
            "mmd": squared_mmd(first, second, bandwidth),
            "frechet": squared_frechet(first, second),
        }
        return all_four(first, second) | discrepancies

    of_fake, of_real = (jackknife(figures, *pair) for pair in sets)
    return SampleQuality(*of_fake, *of_real, num_reference=len(reference), num_compared=count)
