"""Rules of distrust: what the curves of an adversarial game say, and whether samples leave out parts of the data."""

from __future__ import annotations

import math

from tfvae import comparisons
from tfvae.training.report.content import ReportContent
from tfvae.training.report.rules.finding import SIGMAS, Finding, doubt, fine

REAL, FAKE = 0.9, 0.1  # mean D on examples and on samples of a discriminator that has won
VANISHED = 0.05  # of the largest gradient that there was
OF_A_CLASS = 20  # samples for each class, below which one may be missing by chance
LEFT_OUT = 0.7  # of the coverage or recall of real examples in the place of samples


def discriminator_won(content: ReportContent) -> Finding | None:
    """Whether the discriminator tells all samples from examples in the end."""
    real, fake = _end(content, "real_output"), _end(content, "fake_output")
    if not _classifies(content) or real is None or fake is None:
        return None
    seen = f"the mean D is {real:.2f} on examples and {fake:.2f} on samples, in the last tenth of training"
    if real <= REAL or fake >= FAKE:
        return fine("Balance of the game:", seen)
    return doubt(
        "The discriminator has won.",
        f"In this run {seen}: it tells them apart at once, and the generator learns little more. Lower "
        "--discriminator-learning-rate, add --r1-penalty, or take a larger generator.",
    )


def saturated(content: ReportContent) -> Finding | None:
    """Whether the generator's gradient has vanished while the discriminator wins."""
    fake = _end(content, "fake_output")
    sizes = [row["output_gradient"] for row in content.history if "output_gradient" in row]
    end, largest = _end(content, "output_gradient"), max(sizes, default=0.0)
    if not _classifies(content) or fake is None or end is None or not largest > 0:
        return None
    seen = f"the gradient at a sample ended at {end / largest:.1%} of its largest value"
    if fake >= FAKE or end >= VANISHED * largest:
        return fine("Gradient of the generator:", seen)
    return doubt(
        "The generator is saturated.",
        f"The discriminator gives samples a mean D of {fake:.2f}, and {seen}: training has stopped moving them. "
        "--cost non-saturating keeps its gradient there; so does a weaker discriminator.",
    )


def modes_left_out(content: ReportContent) -> Finding | None:
    """Whether samples lie near a part of the real examples alone."""
    pairs = [name for name in ("coverage", "recall") if content.has(name, f"{name}_real")]
    if content.facts.compares is None or not pairs:
        return None
    result, low = content.result, []
    for name in pairs:
        errors = [result.get(f"{one}_standard_error") or 0.0 for one in (name, f"{name}_real")]
        lost = result[f"{name}_real"] - result[name]
        if result[name] < LEFT_OUT * result[f"{name}_real"] and lost > SIGMAS * math.hypot(*errors):
            low.append(name)
    seen = " and ".join(
        f"{name} {result[name]:.2f}, of real examples {result[f'{name}_real']:.2f}" for name in pairs
    )
    if content.has("classes_covered", "num_classes", "quality_examples"):
        covered, classes = result["classes_covered"], result["num_classes"]
        seen += f"; {covered} of {classes} classes"
        if covered < classes and result["quality_examples"] >= OF_A_CLASS * classes:
            low.append("classes")
    if not low:
        return fine("Modes:", seen)
    return doubt(
        "Modes are left out.",
        f"Samples reach only a part of the data ({seen}): the generator has collapsed onto fewer kinds of examples. "
        "Good-looking samples do not show it, nor do the costs. Try another --cost, --r1-penalty or more "
        "--discriminator-steps.",
    )


def _classifies(content: ReportContent) -> bool:
    """Returns whether the run has a discriminator whose outputs are probabilities."""
    from tfvae.comparisons.adversarial import Adversarial

    cost = content.config.get("cost")
    if cost is None:
        return False
    game = comparisons.get(cost, "critic")
    return isinstance(game, Adversarial) and game.probabilistic


def _end(content: ReportContent, name: str) -> float | None:
    """Returns the mean of a metric of training over the last tenth of the epochs, None where it is not known."""
    values = [row[name] for row in content.history if name in row and math.isfinite(row[name])]
    last = values[-(len(values) // 10 or 1) :]
    return sum(last) / len(last) if last else None
