"""Rules of distrust: whether the model is what its number makes of it."""

from __future__ import annotations

import math

from tfvae.evaluation.estimate import FEW
from tfvae.training.report.finding import SIGMAS, Finding
from tfvae.training.report.story import Story, estimate, number

GAP, OVERFIT, SETTLED = 3.0, 1.0, 0.5  # nats
INACTIVE = 0.2  # share of the latent units
COLLAPSED = 0.1  # nats of rate


def large_gap(story: Story) -> Finding | None:
    """Whether the bound that was trained lies far below the likelihood."""
    result = story.result
    if not story.has("inference_gap"):
        return None
    gap, error = result["inference_gap"], result.get("inference_gap_standard_error")
    seen = f"{estimate(gap, error, 'nats')} below log p(x)"
    if gap > GAP:
        advice = "Do not read a training bound of this model as its likelihood."
        parts = result.get("amortization_gap"), result.get("approximation_gap")
        if None not in parts and parts[0] > parts[1]:
            advice += " Most of it is the encoder's: a larger one, or more training of it, would close it."
        elif None not in parts:
            advice += " Most of it is the family's: a more flexible --posterior, or more particles in training, would."
        return Finding(True, "The bound is loose.", f"It lies {seen}. {advice}")
    return Finding(False, "Inference gap:", f"the evidence lower bound lies {seen}.")


def unfinished_gap(story: Story) -> Finding | None:
    """Whether the parts of the inference gap can be told apart, and whether it is known at all."""
    result = story.result
    if not story.has("inference_gap", "gap_converged"):
        return None
    size = result.get("gap_effective_sample_size")
    if size is not None and size < FEW:
        return Finding(
            True,
            "The inference gap is too small.",
            f"It was measured against a likelihood that rests on {number(size, 1)} effective particles (median), and "
            "such a likelihood lies too low: the gap, and its approximation part, are larger than they look.",
        )
    if not result["gap_converged"]:
        return Finding(
            True,
            "The best q was not reached.",
            "The search for the best q of each example was still gaining when it ended: amortisation is larger and "
            "approximation smaller than they look. Give it more with --gap-steps.",
        )
    return Finding(False, "Parts of the gap:", "the search for the best q of each example had converged.")


def overfitting(story: Story) -> Finding | None:
    """Whether examples of the training set fare better than held-out ones."""
    if not story.has("train_elbo", "elbo") or story.result["split"] == "train":
        return None
    result = story.result
    difference = result["train_elbo"] - result["elbo"]
    errors = [result.get(f"{name}_standard_error") or 0.0 for name in ("train_elbo", "elbo")]
    error = math.hypot(*errors)
    seen = f"{estimate(abs(difference), error, 'nats')} {'higher' if difference > 0 else 'lower'} "
    seen += f"for training examples than for {result['split']} ones"
    what = "evidence lower bound" if story.facts.latents else "log-likelihood"
    if difference > max(OVERFIT, SIGMAS * error):
        return Finding(
            True,
            "The model is overfitted.",
            f"Its {what} is {seen}. The held-out number stands, but training longer makes it worse; "
            "--patience stops in time, and fewer units or more data help.",
        )
    return Finding(False, "Overfitting:", f"the {what} is {seen}.")


def not_settled(story: Story) -> Finding | None:
    """Whether the validation bound, or that of training where there is none, was still rising."""
    name = "val_bound" if any("val_bound" in row for row in story.history) else "bound"
    bounds = [row[name] for row in story.history if name in row and math.isfinite(row[name])]
    span = max(1, len(bounds) // 10)
    if len(bounds) < 4:
        return None
    last, before = bounds[-span:], bounds[-2 * span : -span]
    rise = sum(last) / span - sum(before) / span
    seen = f"the {'validation' if name == 'val_bound' else 'training'} bound "
    seen += f"{'rose' if rise > 0 else 'fell'} by {number(abs(rise))} nats over the last "
    seen += f"{span} of {len(bounds)} epochs" if span > 1 else "epoch"
    if rise > SETTLED:
        return Finding(
            True,
            "Training had not settled.",
            f"At the end {seen}: the number is that of an unfinished model. Train with more --epochs.",
        )
    return Finding(False, "Training had settled:", f"{seen}.")


def idle_units(story: Story) -> Finding | None:
    """Whether latent units, or all of them, carry nothing."""
    result = story.result
    if not story.has("active_units", "units_by_layer"):
        return None
    active, units = result["active_units"], sum(result["units_by_layer"])
    seen = f"{active} of {units} latent units follow the data"
    rate = result.get("rate")
    if active == 0 or (rate is not None and rate < COLLAPSED):
        return Finding(
            True,
            "The latents have collapsed.",
            (
                f"{seen}: the decoder ignores them"
                if active == 0
                else f"The codes hold {number(rate)} nats in all"
            )
            + ". Codes, latent map and reconstructions mean nothing; try --kl-warmup or --free-bits.",
        )
    if active < (1 - INACTIVE) * units:
        return Finding(
            True,
            "Idle latent units.",
            f"Only {seen}; the others equal the prior whatever the example. The latent size says little about how "
            "much the model encodes: the rate does.",
        )
    return Finding(False, "Active units:", f"{seen}.")
