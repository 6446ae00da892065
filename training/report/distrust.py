"""What to distrust in an evaluation: explicit rules on its numbers, each of which speaks up or says that it is content.

A rule is silent, None, where the numbers that it needs are not there.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from tfvae.training.report.story import FEW, PLUS_MINUS, Story, estimate, number

SHARE_OF_FEW = 0.25  # of the examples with few effective particles
PARTICLES = 1000
EXAMPLES = 1000
GAP, OVERFIT, SETTLED = 3.0, 1.0, 0.5  # nats
SIGMAS = 3.0  # standard errors, of a difference, that count as real
INACTIVE = 0.2  # share of the latent units
COLLAPSED = 0.1  # nats of rate
FEATURES = 0.8  # of the labels that features should tell


class Finding(NamedTuple):
    """What a rule says.

    Attributes:
        fired: whether it found something to distrust.
        heading: in a few words.
        text: why, and what to do.
    """

    fired: bool
    heading: str
    text: str


def findings(story: Story) -> list[Finding]:
    """Returns what each rule says that has something to go by, in the order of `RULES`."""
    return [found for rule in RULES if (found := rule(story)) is not None]


def few_particles(story: Story) -> Finding | None:
    """Whether a few particles carry the estimates of many examples."""
    result = story.result
    if not story.has("effective_sample_size", "num_samples") or result["num_samples"] < 2:
        return None
    median, count, share = result["effective_sample_size"], result["num_samples"], story.share_of_few()
    seen = f"the median example has {number(median, 1)} effective particles of {number(count, 0)}"
    if share is not None:
        seen += f", and {share:.0%} of the examples have at most {FEW}"
    if median < FEW or (share or 0.0) > SHARE_OF_FEW:
        return Finding(
            True,
            "Few particles carry the likelihood.",
            f"In this run {seen}. Such an estimate lies below log p(x) more often than not, and its own error is "
            "understated: read the likelihood as a loose lower bound. Take more with --num-samples, or check with "
            "annealed importance sampling.",
        )
    return Finding(False, "Effective particles:", f"{seen}.")


def small_k(story: Story) -> Finding | None:
    """Whether the bound is one of few particles."""
    if not story.has("num_samples"):
        return None
    count = story.result["num_samples"]
    if count < PARTICLES:
        return Finding(
            True,
            f"K = {number(count, 0)} is small.",
            "The mean of the estimates is a lower bound on the log-likelihood that tightens with K. Published results "
            f"use K = 5,000; differences of less than a nat to them mean nothing below K = {number(PARTICLES, 0)}.",
        )
    return Finding(False, "Particles:", f"K = {number(count, 0)} for each example.")


def noisy_particles(story: Story) -> Finding | None:
    """Whether the error bar comes from the particles rather than from the examples."""
    if not story.has("nll_monte_carlo_standard_error", "nll_standard_error", "num_samples"):
        return None
    particles, whole = (
        story.result[name] for name in ("nll_monte_carlo_standard_error", "nll_standard_error")
    )
    seen = f"{PLUS_MINUS}{number(particles, 3)} of {PLUS_MINUS}{number(whole, 3)} nats"
    if particles > 0.5 * whole:
        return Finding(
            True,
            "The error bar is made of particles.",
            f"The particles alone make {seen}: another --seed gives another number. Take more with --num-samples.",
        )
    return Finding(False, "Monte Carlo error:", f"the particles alone make {seen}.")


def few_examples(story: Story) -> Finding | None:
    """Whether the number rests on few examples."""
    count, error = story.result["num_examples"], story.result.get("nll_standard_error")
    if count < EXAMPLES:
        return Finding(
            True,
            f"Only {number(count, 0)} examples.",
            f"The likelihood is a mean over {number(count, 0)} examples; the error bar of {PLUS_MINUS}"
            f"{number(error)} nats is itself estimated from them and blind to rare examples that the model cannot "
            "explain. Two models evaluated on the same examples can be told apart more finely: use --against.",
        )
    return Finding(False, "Examples:", f"{number(count, 0)}.")


def part_of_the_split(story: Story) -> Finding | None:
    """Whether examples were left out."""
    count, split = story.result["num_examples"], story.result["split"]
    whole = story.facts.sizes.get(split, count)
    if count < whole:
        return Finding(
            True,
            f"A part of the {split} set.",
            f"{number(count, 0)} of {number(whole, 0)} examples, the first of a fixed shuffle, were evaluated. "
            "Numbers on the whole set may differ by more than the last digits; leave --limit out to publish one.",
        )
    return Finding(False, "The split:", f"all {number(whole, 0)} {split} examples were evaluated.")


def seen_in_training(story: Story) -> Finding | None:
    """Whether the examples played a part in training."""
    split = story.result["split"]
    if split == "train":
        text = "The model was fitted to these very examples: this is no likelihood of new ones."
    elif split == "validation":
        text = "Settings, and with --patience the epoch, were chosen on these examples: the number is optimistic."
    else:
        return Finding(False, "Held out:", "the test examples played no part in training.")
    return Finding(True, f"Evaluated on the {split} set.", f"{text} Evaluate with --split test.")


def large_gap(story: Story) -> Finding | None:
    """Whether the bound that was trained lies far below the likelihood."""
    result = story.result
    if not story.has("inference_gap"):
        return None
    gap, error = result["inference_gap"], result.get("inference_gap_standard_error")
    seen = f"log p(x) {estimate(gap, error, 'nats')} above the evidence lower bound"
    if gap > GAP:
        advice = "Do not read a training bound of this model as its likelihood."
        parts = result.get("amortization_gap"), result.get("approximation_gap")
        if None not in parts and parts[0] > parts[1]:
            advice += " Most of it is the encoder's: a larger one, or more training of it, would close it."
        elif None not in parts:
            advice += " Most of it is the family's: a more flexible --posterior, or more particles in training, would."
        return Finding(True, "The bound is loose.", f"There is {seen}. {advice}")
    return Finding(False, "Inference gap:", f"{seen}.")


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


def annealing_disagrees(story: Story) -> Finding | None:
    """Whether annealed importance sampling gives another likelihood than importance sampling."""
    result = story.result
    if not story.has("ais_nll", "nll"):
        return None
    difference = result["nll"] - result["ais_nll"]
    errors = [
        result.get(name) or 0.0
        for name in ("nll_monte_carlo_standard_error", "ais_nll_monte_carlo_standard_error")
    ]
    error = math.hypot(*errors)
    seen = f"{estimate(abs(difference), error, 'nats')} {'more' if difference > 0 else 'less'} for importance sampling"
    if abs(difference) > max(SIGMAS * error, 0.1):
        lower = "importance sampling" if difference > 0 else "annealed importance sampling"
        return Finding(
            True,
            "Two estimates of the likelihood disagree.",
            f"The negative log-likelihood comes out {seen} than for annealed importance sampling. Both are lower "
            f"bounds on log p(x) in expectation, so that of {lower} is the worse one: do not quote it.",
        )
    return Finding(False, "Annealed importance sampling:", f"agrees; {seen}.")


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
            f"{seen}: the decoder ignores them. Codes, latent map and reconstructions mean nothing; try --kl-warmup "
            "or --free-bits.",
        )
    if active < (1 - INACTIVE) * units:
        return Finding(
            True,
            "Idle latent units.",
            f"Only {seen}; the others equal the prior whatever the example. The latent size says little about how "
            "much the model encodes: the rate does.",
        )
    return Finding(False, "Active units:", f"{seen}.")


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


def density(story: Story) -> Finding | None:
    """Whether the nats are those of a density."""
    config, result = story.config, story.result
    if config["likelihood"] == "bernoulli":
        if config["binarize"] == "none" and story.facts.grey:
            return Finding(
                True,
                "Grey pixels under a Bernoulli likelihood.",
                "The number is no log-likelihood of anything: it can be compared with nothing but the same settings. "
                "Use --binarize dynamic, or a likelihood of grey pixels.",
            )
        return None
    if "bits_per_dimension" in result:
        return None
    return Finding(
        True,
        "Nats of a density.",
        "The likelihood is a density of real values. It depends on their units, has no zero and can grow without "
        "bound as the scale of the likelihood shrinks: compare it with models of the same values alone.",
    )


RULES = (
    few_particles,
    small_k,
    noisy_particles,
    annealing_disagrees,
    few_examples,
    part_of_the_split,
    seen_in_training,
    large_gap,
    unfinished_gap,
    overfitting,
    not_settled,
    idle_units,
    pixels_alone,
    few_samples,
    means_judged,
    better_than_real,
    density,
)

ALWAYS = (
    (
        "One training run.",
        "The error bars come from the examples and the particles. Another training seed gives another model, and "
        "differences between seeds are in none of them.",
    ),
    (
        "Choices made by looking.",
        "If settings were chosen by their test numbers, or by the pictures above, these flatter the model. Pictures "
        "show the first examples of a fixed shuffle and samples of fixed seeds: they were not picked, and they say "
        "little about likelihood.",
    ),
)
