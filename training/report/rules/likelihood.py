"""Rules of distrust: whether the likelihood is known as well as it seems, and of what it is one."""

from __future__ import annotations

from tfvae.evaluation.estimate import FEW, WIDE, few_chains
from tfvae.training.report.content import ReportContent
from tfvae.training.report.rules.finding import EXAMPLES, SIGMAS, Finding, doubt, fine

SHARE_OF_FEW = 0.25  # of the examples with few effective particles
SHARE_OF_UNRELIABLE = 0.05  # of the examples with too heavy a tail of weights
PARTICLES = 1000
DISAGREE = 0.1  # nats between two estimates


def few_particles(content: ReportContent) -> Finding | None:
    """Whether a few particles carry the estimates of many examples."""
    result, share = content.result, content.share_of_few()
    if (
        content.annealed
        or not content.has("effective_sample_size", "num_samples")
        or result["num_samples"] < 2
    ):
        return None
    seen = content.fill(
        "the median example has {effective_sample_size:,.1f} effective particles of {num_samples:,}"
    )
    if share is not None:
        seen += f", and {share:.0%} of the examples have at most {FEW}"
    if result["effective_sample_size"] >= FEW and (share or 0.0) <= SHARE_OF_FEW:
        return fine("Effective particles:", seen)
    other = ", or check with annealed importance sampling" * (content.facts.latents == "continuous")
    return doubt(
        "Few particles carry the likelihood.",
        f"In this run {seen}. Such an estimate lies below log p(x) more often than not, and its own error is "
        f"understated: read the likelihood as a loose lower bound. Take more with --num-samples{other}.",
    )


def heavy_tails(content: ReportContent) -> Finding | None:
    """Whether the weights of some examples have so heavy a tail that their mean is not to be trusted."""
    if content.annealed or not content.has("pareto_k", "pareto_k_threshold", "unreliable_share"):
        return None
    seen = content.fill(
        "the median Pareto k is {pareto_k:.2f}; {unreliable_share:.1%} of the examples are above "
        "{pareto_k_threshold:.2f}"
    )
    if content.result["unreliable_share"] <= SHARE_OF_UNRELIABLE:
        return fine("Tail of the weights:", seen)
    other = ", or anneal (--method ais)" * (content.facts.latents == "continuous")
    return doubt(
        "The weights have a heavy tail.",
        f"Over the examples, {seen}, or too near it to tell. There the largest weights have most likely not been "
        "drawn: the estimate is too low, however many particles seem effective, and its Monte Carlo error is no "
        f"error bar. Take more particles with --num-samples{other}.",
    )


def small_k(content: ReportContent) -> Finding | None:
    """Whether the bound is one of few particles."""
    if content.annealed or not content.has("num_samples"):
        return None
    if content.result["num_samples"] >= PARTICLES:
        return fine("Particles:", content.fill("K = {num_samples:,} for each example"))
    return doubt(
        content.fill("K = {num_samples:,} is small."),
        "The mean of the estimates is a lower bound on the log-likelihood that tightens with K. Published results "
        f"use K = 5,000; differences of less than a nat to them mean nothing below K = {PARTICLES:,}.",
    )


def noisy_particles(content: ReportContent) -> Finding | None:
    """Whether the error bar comes from the particles rather than from the examples."""
    result = content.result
    if not content.has("nll_monte_carlo_standard_error", "nll_standard_error", "num_samples"):
        return None
    what, option = ("chains", "--chains") if content.annealed else ("particles", "--num-samples")
    seen = content.fill("±{nll_monte_carlo_standard_error:,.3f} of ±{nll_standard_error:,.3f} nats")
    if result["nll_monte_carlo_standard_error"] <= 0.5 * result["nll_standard_error"]:
        return fine("Monte Carlo error:", f"the {what} alone make {seen}")
    return doubt(
        f"The error bar is made of {what}.",
        f"The {what} alone make {seen}: another --seed gives another number. Take more with {option}.",
    )


def chains_that_count(content: ReportContent) -> Finding | None:
    """Whether a few chains of annealed importance sampling carry the estimates."""
    if not content.annealed:
        return None
    seen = content.fill("the median example has {effective_chains:,.1f} effective chains of {num_chains:,}")
    if not few_chains(content.result["effective_chains"], content.result["num_chains"]):
        return fine("Effective chains:", seen)
    return doubt(
        "Few chains carry the likelihood.",
        f"In this run {seen}: the chains have not come close to the posterior, and the estimate lies too low. Give "
        "them more --num-temperatures, or more --chains.",
    )


def rough_scale(content: ReportContent) -> Finding | None:
    """Whether a few chains alone carry the fit of the observation scale."""
    if not content.has("scale_effective_chains", "scale_chains"):
        return None
    seen = content.fill(
        "the median validation example has {scale_effective_chains:,.1f} effective chains of {scale_chains:,}"
    )
    if not few_chains(content.result["scale_effective_chains"], content.result["scale_chains"]):
        return fine("Fit of the observation scale:", seen)
    return doubt(
        "The observation scale is rough.",
        f"Where it was fitted, {seen}: another scale may make the data likelier, and the likelihood is rather too low. "
        "tfvae.evaluation.fit_observation_scale takes more temperatures and chains.",
    )


def annealing_disagrees(content: ReportContent) -> Finding | None:
    """Whether annealed importance sampling gives another likelihood than importance sampling."""
    if not content.annealed or not content.has("importance_nll"):
        return None
    gap = content.result["importance_nll"] - content.result["nll"]
    error = content.result.get("nll_monte_carlo_standard_error") or 0.0
    seen = content.fill("{gap:nats}", gap=abs(gap), gap_standard_error=error) + (
        " more" if gap > 0 else " less"
    )
    if abs(gap) <= max(SIGMAS * error, DISAGREE):
        return fine("Two estimates:", f"importance sampling gives {seen} than annealed importance sampling")
    return doubt(
        "Two estimates of the likelihood disagree.",
        f"The negative log-likelihood comes out {seen} by importance sampling than by annealed importance sampling. "
        "Both estimate log p(x) from below in expectation, so that of "
        f"{'' if gap > 0 else 'annealed '}importance sampling is the worse one: do not quote it.",
    )


def wide_bounds(content: ReportContent) -> Finding | None:
    """Whether bidirectional Monte Carlo leaves room for a large error."""
    if not content.has("simulated_gap"):
        return None
    if content.result["simulated_gap"] <= WIDE:
        seen = content.fill("{simulated_gap:nats} apart on examples drawn from the model")
        return fine("Bounds from both sides:", seen)
    return doubt(
        "The bounds on the likelihood lie far apart.",
        content.fill(
            "On examples drawn from the model the lower and the upper bound are {simulated_gap:nats} apart, so the "
            "estimate may be as far off. Give the chains more --num-temperatures."
        ),
    )


def normalizers_disagree(content: ReportContent) -> Finding | None:
    """Whether a density learned another integral than annealing finds."""
    if not content.has("log_normalizer", "log_normalizer_standard_error", "learned_log_normalizer"):
        return None
    result = content.result
    gap = result["learned_log_normalizer"] - result["log_normalizer"]
    error = result["log_normalizer_standard_error"]
    seen = content.fill("{gap:nats}", gap=abs(gap), gap_standard_error=error) + (
        " above" if gap > 0 else " below"
    )
    if abs(gap) <= max(SIGMAS * error, DISAGREE):
        return fine("Log-normaliser:", f"the learned log Z lies {seen} that of annealing")
    return doubt(
        "The learned log-normaliser is off.",
        f"The learned log Z lies {seen} that of annealing from the noise. Where the chains are right, training has not "
        "converged or the noise does not cover the data: train longer, or take noise that is nearer to the data. Where "
        "they are wrong, as another --seed shows, so is the likelihood.",
    )


def few_examples(content: ReportContent) -> Finding | None:
    """Whether the number rests on few examples."""
    if content.result["num_examples"] >= EXAMPLES:
        return fine("Examples:", content.fill("{num_examples:,}"))
    return doubt(
        content.fill("Only {num_examples:,} examples."),
        content.fill(
            "The likelihood is a mean over {num_examples:,} examples; the error bar of ±{nll_standard_error:,.2f} nats "
            "is itself estimated from them and blind to rare examples that the model cannot explain. Two models "
            "evaluated on the same examples can be told apart more finely: use --against."
        ),
    )


def part_of_the_split(content: ReportContent) -> Finding | None:
    """Whether examples were left out."""
    count, split = content.result["num_examples"], content.result["split"]
    whole = content.facts.sizes.get(split, count)
    if count >= whole:
        return fine("The split:", f"all {whole:,} {split} examples were evaluated")
    return doubt(
        f"A part of the {split} set.",
        f"{count:,} of {whole:,} examples, the first of a fixed shuffle, were evaluated. "
        "Numbers on the whole set may differ by more than the last digits; leave --limit out to publish one.",
    )


def seen_in_training(content: ReportContent) -> Finding | None:
    """Whether the examples played a part in training."""
    split = content.result["split"]
    if split == "train":
        text = "The model was fitted to these very examples: this is no likelihood of new ones."
    elif split == "validation":
        text = "Settings, and with --patience the epoch, were chosen on these examples: the number is optimistic."
    else:
        return fine("Held out:", "the test examples played no part in training")
    return doubt(f"Evaluated on the {split} set.", f"{text} Evaluate with --split test.")


def density(content: ReportContent) -> Finding | None:
    """Whether the nats are those of a density."""
    if content.config["likelihood"] == "bernoulli":
        if content.config["binarize"] != "none" or not content.facts.grey:
            return None
        return doubt(
            "Grey pixels under a Bernoulli likelihood.",
            "The number is no log-likelihood of anything: it can be compared with nothing but the same settings. "
            "Use --binarize dynamic, or a likelihood of grey pixels.",
        )
    if "bits_per_dimension" in content.result:
        return None
    return doubt(
        "Nats of a density.",
        "The likelihood is a density of real values. It depends on their units, has no zero and can grow without "
        "bound as the scale of the likelihood shrinks: compare it with models of the same values alone.",
    )
