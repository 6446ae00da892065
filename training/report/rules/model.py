"""Rules of distrust: whether the model is what its number makes of it."""

from __future__ import annotations

import math

from tfvae.evaluation.estimate import FEW
from tfvae.training.report.content import ReportContent
from tfvae.training.report.rules.finding import SIGMAS, Finding, doubt, fine

GAP, OVERFIT, SETTLED = 3.0, 1.0, 0.5  # nats
INACTIVE = 0.2  # share of the latent units
COLLAPSED = 0.1  # nats of rate


def large_gap(content: ReportContent) -> Finding | None:
    """Whether the bound that was trained lies far below the likelihood."""
    result = content.result
    if not content.has("inference_gap"):
        return None
    if result["inference_gap"] <= GAP:
        seen = "the evidence lower bound lies {inference_gap:nats} below log p(x)"
        return fine("Inference gap:", content.fill(seen))
    cause = ""
    if content.has("amortization_gap", "approximation_gap"):
        amortization = result["amortization_gap"] > result["approximation_gap"]
        cause = " Most of it is the encoder's: a larger one, or more training of it, would close it."
        if not amortization:
            cause = " Most of it is the family's: a more flexible --posterior, or more particles in training, would."
    return doubt(
        "The bound is loose.",
        content.fill("It lies {inference_gap:nats} below log p(x). ")
        + f"Do not read a training bound of this model as its likelihood.{cause}",
    )


def unfinished_gap(content: ReportContent) -> Finding | None:
    """Whether the parts of the inference gap can be told apart, and whether it is known at all."""
    if not content.has("inference_gap", "gap_converged"):
        return None
    size = content.result.get("gap_effective_sample_size")
    if size is not None and size < FEW:
        return doubt(
            "The inference gap is too small.",
            f"It was measured against a likelihood that rests on {size:.1f} effective particles (median), and "
            "such a likelihood lies too low: the gap, and its approximation part, are larger than they look.",
        )
    if content.result["gap_converged"]:
        return fine("Parts of the gap:", "the search for the best q of each example had converged")
    return doubt(
        "The best q was not reached.",
        "The search for the best q of each example was still gaining when it ended: amortisation is larger and "
        "approximation smaller than they look. Give it more with --gap-steps.",
    )


def overfitting(content: ReportContent) -> Finding | None:
    """Whether examples of the training set fare better than held-out ones."""
    result = content.result
    if not content.has("train_elbo", "elbo") or result["split"] == "train":
        return None
    lead = result["train_elbo"] - result["elbo"]
    error = math.hypot(*(result.get(f"{name}_standard_error") or 0.0 for name in ("train_elbo", "elbo")))
    seen = content.fill(
        "{what} is {lead:nats} {side} for training examples than for {split} ones",
        what="evidence lower bound" if content.facts.latents else "log-likelihood",
        lead=abs(lead),
        lead_standard_error=error,
        side="higher" if lead > 0 else "lower",
    )
    if lead <= max(OVERFIT, SIGMAS * error):
        return fine("Overfitting:", f"the {seen}")
    return doubt(
        "The model is overfitted.",
        f"Its {seen}. The held-out number stands, but training longer makes it worse; "
        "--patience stops in time, and fewer units or more data help.",
    )


def not_settled(content: ReportContent) -> Finding | None:
    """Whether the validation bound, or that of training where there is none, was still rising."""
    name = "val_bound" if any("val_bound" in row for row in content.history) else "bound"
    bounds = [row[name] for row in content.history if name in row and math.isfinite(row[name])]
    if len(bounds) < 4:
        return None
    span = len(bounds) // 10 or 1
    rise = (sum(bounds[-span:]) - sum(bounds[-2 * span : -span])) / span
    seen = (
        f"the {'validation' if name == 'val_bound' else 'training'} bound {'rose' if rise > 0 else 'fell'} by "
        f"{abs(rise):,.2f} nats over the last " + (f"{span} of {len(bounds)} epochs" if span > 1 else "epoch")
    )
    if rise <= SETTLED:
        return fine("Training had settled:", seen)
    return doubt(
        "Training had not settled.",
        f"At the end {seen}: the number is that of an unfinished model. Train with more --epochs.",
    )


def idle_units(content: ReportContent) -> Finding | None:
    """Whether latent units, or all of them, carry nothing."""
    if not content.has("active_units", "units_by_layer"):
        return None
    active, units = content.result["active_units"], sum(content.result["units_by_layer"])
    seen = f"{active} of {units} latent units follow the data"
    if active == 0 or (content.has("rate") and content.result["rate"] < COLLAPSED):
        return doubt(
            "The latents have collapsed.",
            (
                f"{seen}: the decoder ignores them"
                if active == 0
                else content.fill("The codes hold {rate:.2f} nats in all")
            )
            + ". Codes, latent map and reconstructions mean nothing; try --kl-warmup or --free-bits.",
        )
    if active >= (1 - INACTIVE) * units:
        return fine("Active units:", seen)
    return doubt(
        "Idle latent units.",
        f"Only {seen}; the others equal the prior whatever the example. The latent size says little about how "
        "much the model encodes: the rate does.",
    )
