"""Rules of distrust: whether the likelihood is known as well as it seems, and of what it is one."""

from __future__ import annotations

from tfvae.evaluation.estimate import FEW
from tfvae.training.report.finding import EXAMPLES, SIGMAS, Finding
from tfvae.training.report.story import PLUS_MINUS, Story, estimate, number

SHARE_OF_FEW = 0.25  # of the examples with few effective particles
SHARE_OF_UNRELIABLE = 0.05  # of the examples with too heavy a tail of weights
PARTICLES = 1000
CHAINS = 0.25  # of the chains that should count
DISAGREE, BOUNDS = 0.1, 1.0  # nats between two estimates, and between two bounds


def few_particles(story: Story) -> Finding | None:
    """Whether a few particles carry the estimates of many examples."""
    result = story.result
    if not story.has("effective_sample_size", "num_samples") or result["num_samples"] < 2 or _annealed(story):
        return None
    median, count, share = result["effective_sample_size"], result["num_samples"], story.share_of_few()
    seen = f"the median example has {number(median, 1)} effective particles of {number(count, 0)}"
    if share is not None:
        seen += f", and {share:.0%} of the examples have at most {FEW}"
    if median < FEW or (share or 0.0) > SHARE_OF_FEW:
        other = ", or check with annealed importance sampling" * (story.facts.latents == "continuous")
        return Finding(
            True,
            "Few particles carry the likelihood.",
            f"In this run {seen}. Such an estimate lies below log p(x) more often than not, and its own error is "
            f"understated: read the likelihood as a loose lower bound. Take more with --num-samples{other}.",
        )
    return Finding(False, "Effective particles:", f"{seen}.")


def heavy_tails(story: Story) -> Finding | None:
    """Whether the weights of some examples have so heavy a tail that their mean is not to be trusted."""
    result = story.result
    if not story.has("pareto_k", "pareto_k_threshold", "unreliable_share") or _annealed(story):
        return None
    share, limit = result["unreliable_share"], number(result["pareto_k_threshold"])
    seen = (
        f"the median Pareto k is {number(result['pareto_k'])}; {share:.1%} of the examples are above {limit}"
    )
    if share > SHARE_OF_UNRELIABLE:
        other = ", or anneal (--method ais)" * (story.facts.latents == "continuous")
        return Finding(
            True,
            "The weights have a heavy tail.",
            f"Over the examples, {seen}, or too near it to tell. There the largest weights have most likely not been "
            "drawn: the estimate is too low, however many particles seem effective, and its Monte Carlo error is no "
            f"error bar. Take more particles with --num-samples{other}.",
        )
    return Finding(False, "Tail of the weights:", f"{seen}.")


def small_k(story: Story) -> Finding | None:
    """Whether the bound is one of few particles."""
    if not story.has("num_samples") or _annealed(story):
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
    what, option = ("chains", "--chains") if _annealed(story) else ("particles", "--num-samples")
    if particles > 0.5 * whole:
        return Finding(
            True,
            f"The error bar is made of {what}.",
            f"The {what} alone make {seen}: another --seed gives another number. Take more with {option}.",
        )
    return Finding(False, "Monte Carlo error:", f"the {what} alone make {seen}.")


def few_chains(story: Story) -> Finding | None:
    """Whether a few chains of annealed importance sampling carry the estimates."""
    if not _annealed(story):
        return None
    median, count = story.result["effective_chains"], story.result["num_chains"]
    seen = f"the median example has {number(median, 1)} effective chains of {number(count, 0)}"
    if median < max(2.0, CHAINS * count):
        return Finding(
            True,
            "Few chains carry the likelihood.",
            f"In this run {seen}: the chains have not come close to the posterior, and the estimate lies too low. Give "
            "them more --num-temperatures, or more --chains.",
        )
    return Finding(False, "Effective chains:", f"{seen}.")


def annealing_disagrees(story: Story) -> Finding | None:
    """Whether annealed importance sampling gives another likelihood than importance sampling."""
    result = story.result
    if not _annealed(story) or not story.has("importance_nll"):
        return None
    difference = result["importance_nll"] - result["nll"]
    error = result.get("nll_monte_carlo_standard_error") or 0.0
    seen = f"{estimate(abs(difference), error, 'nats')} {'more' if difference > 0 else 'less'}"
    if abs(difference) > max(SIGMAS * error, DISAGREE):
        worse = "importance sampling" if difference > 0 else "annealed importance sampling"
        return Finding(
            True,
            "Two estimates of the likelihood disagree.",
            f"The negative log-likelihood comes out {seen} by importance sampling than by annealed importance "
            f"sampling. Both estimate log p(x) from below in expectation, so that of {worse} is the "
            "worse one: do not quote it.",
        )
    return Finding(
        False, "Two estimates:", f"importance sampling gives {seen} than annealed importance sampling."
    )


def wide_bounds(story: Story) -> Finding | None:
    """Whether bidirectional Monte Carlo leaves room for a large error."""
    result = story.result
    if not story.has("simulated_gap"):
        return None
    seen = estimate(result["simulated_gap"], result.get("simulated_gap_standard_error"), "nats")
    if result["simulated_gap"] > BOUNDS:
        return Finding(
            True,
            "The bounds on the likelihood lie far apart.",
            f"On examples drawn from the model the lower and the upper bound are {seen} apart, so the estimate may be "
            "as far off. Give the chains more --num-temperatures.",
        )
    return Finding(False, "Bounds from both sides:", f"{seen} apart on examples drawn from the model.")


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


def _annealed(story: Story) -> bool:
    """Returns whether the likelihood is one of annealed importance sampling."""
    return story.result.get("method") == "ais"
