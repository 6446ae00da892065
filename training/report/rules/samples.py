"""Rules of distrust: what the figures of quality are worth."""

from __future__ import annotations

import math

from tfvae.training.report.content import ReportContent
from tfvae.training.report.rules.finding import EXAMPLES, SIGMAS, Finding, doubt, fine

FEATURES = 0.8  # of the labels that features should tell


def pixels_alone(content: ReportContent) -> Finding | None:
    """Whether samples were judged by their pixels, or by features that hardly tell the labels."""
    if not content.has("features", "precision"):
        return None
    if content.result["features"] == "pixels":
        return doubt(
            "Samples were judged value by value.",
            "Without labels there were no features but the values themselves. Distances of pixels see shifts and "
            "thickness rather than shape: read the figures of quality beside their baselines, and beside no other "
            "feature space.",
        )
    accuracy = content.result.get("features_accuracy")
    if accuracy is None or accuracy >= FEATURES:
        return fine("Feature space:", "that of a classifier of the labels")
    return doubt(
        "Weak features.",
        f"The classifier whose features judge the samples tells only {accuracy:.0%} of the test labels: what it "
        "cannot see, the figures of quality cannot either.",
    )


def few_samples(content: ReportContent) -> Finding | None:
    """Whether the figures of quality rest on few examples."""
    if not content.has("quality_examples"):
        return None
    if content.result["quality_examples"] >= EXAMPLES:
        return fine("Samples judged:", content.fill("{quality_examples:,} on each side"))
    return doubt(
        content.fill("Samples judged by {quality_examples:,}."),
        "Every figure of quality depends on how many examples there are, the Fr\u00e9chet distance most. Compare "
        "with the baseline of as many real examples beside it, never with figures of other numbers of examples.",
    )


def means_judged(content: ReportContent) -> Finding | None:
    """Whether means stood in for samples."""
    if content.result.get("samples") != "means":
        return None
    return doubt(
        "Means were judged in the place of samples.",
        "The data are grey and draws of a Bernoulli likelihood are black and white: the figures of quality are those "
        "of means, which are smoother than anything the model would draw.",
    )


def better_than_real(content: ReportContent) -> Finding | None:
    """Whether samples look more like the data than data do."""
    result, beaten = content.result, []
    if not content.has("precision", "precision_real"):
        return None
    for name, sign in (("precision", 1), ("density", 1), ("coverage", 1), ("frechet", -1)):
        pair = (name, f"{name}_real")
        errors = [f"{one}_standard_error" for one in pair]
        if content.has(*pair, *errors):
            lead = sign * (result[name] - result[f"{name}_real"])
            if lead > SIGMAS * math.hypot(*(result[error] for error in errors)):
                beaten.append(name)
    if not beaten:
        return fine("Samples against the baseline:", "they beat real examples in nothing")
    return doubt(
        "Samples beat real data.",
        f"In {' and '.join(beaten)} samples do better than held-out real examples. No model can: samples that are "
        "too typical, without the rarer shapes, or copies of training examples look so. Read recall and coverage.",
    )
