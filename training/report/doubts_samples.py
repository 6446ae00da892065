"""Rules of distrust: what the figures of quality are worth."""

from __future__ import annotations

import math

from tfvae.training.report.finding import EXAMPLES, SIGMAS, Finding
from tfvae.training.report.story import Story, number

FEATURES = 0.8  # of the labels that features should tell


def pixels_alone(story: Story) -> Finding | None:
    """Whether samples were judged by their pixels, or by features that hardly tell the labels."""
    result = story.result
    if not story.has("features", "precision"):
        return None
    if result["features"] == "pixels":
        return Finding(
            True,
            "Samples were judged value by value.",
            "Without labels there were no features but the values themselves. Distances of pixels see shifts and "
            "thickness rather than shape: read the figures of quality beside their baselines, and beside no other "
            "feature space.",
        )
    accuracy = result.get("features_accuracy")
    if accuracy is not None and accuracy < FEATURES:
        return Finding(
            True,
            "Weak features.",
            f"The classifier whose features judge the samples tells only {accuracy:.0%} of the test labels: what it "
            "cannot see, the figures of quality cannot either.",
        )
    return Finding(False, "Feature space:", "that of a classifier of the labels.")


def few_samples(story: Story) -> Finding | None:
    """Whether the figures of quality rest on few examples."""
    if not story.has("quality_examples"):
        return None
    count = story.result["quality_examples"]
    if count < EXAMPLES:
        return Finding(
            True,
            f"Samples judged by {number(count, 0)}.",
            "Every figure of quality depends on how many examples there are, the Fr\u00e9chet distance most. Compare "
            "with the baseline of as many real examples beside it, never with figures of other numbers of examples.",
        )
    return Finding(False, "Samples judged:", f"{number(count, 0)} on each side.")


def means_judged(story: Story) -> Finding | None:
    """Whether means stood in for samples."""
    if story.result.get("samples") != "means":
        return None
    return Finding(
        True,
        "Means were judged in the place of samples.",
        "The data are grey and draws of a Bernoulli likelihood are black and white: the figures of quality are those "
        "of means, which are smoother than anything the model would draw.",
    )


def better_than_real(story: Story) -> Finding | None:
    """Whether samples look more like the data than data do."""
    result, beaten = story.result, []
    if not story.has("precision", "precision_real"):
        return None
    for name, sign in (("precision", 1), ("density", 1), ("coverage", 1), ("frechet", -1)):
        names = (name, f"{name}_real")
        if not story.has(*names, *(f"{one}_standard_error" for one in names)):
            continue
        lead = sign * (result[name] - result[f"{name}_real"])
        if lead > SIGMAS * math.hypot(*(result[f"{one}_standard_error"] for one in names)):
            beaten.append(name)
    if beaten:
        return Finding(
            True,
            "Samples beat real data.",
            f"In {' and '.join(beaten)} samples do better than held-out real examples. No model can: samples that are "
            "too typical, without the rarer shapes, or copies of training examples look so. Read recall and coverage.",
        )
    return Finding(False, "Samples against the baseline:", "they beat real examples in nothing.")
