"""The section of the report that tells the likelihood."""

from __future__ import annotations

from tfvae.training.report import markup
from tfvae.training.report.story import MINUS, PLUS_MINUS, SPACE, Story, estimate, number

BESIDE = ", with which the chains are compared,"


def likelihood(story: Story) -> list[str]:
    """The likelihood of the examples, with its errors and with what the particles say of it."""
    result = story.result
    exact = not story.has("num_samples")
    of = f"{number(result['num_examples'], 0)} {result['split']} examples"
    error = result.get("nll_standard_error")
    rows = [
        (
            "Negative log-likelihood",
            estimate(result["nll"], error, "nats"),
            f"mean of {MINUS}log p(x); lower is better. The error is the standard error of this mean as an "
            "estimate for all examples of this kind",
        )
    ]
    if not exact:
        particles = result.get("nll_monte_carlo_standard_error")
        drawn = f"K = {number(result['num_samples'], 0)} particles"
        rows.append(
            (
                "of this, Monte Carlo",
                f"{PLUS_MINUS} {number(particles, 4)} nats".replace(" ", SPACE),
                f"from the {'chains' if result.get('method') == 'ais' else drawn} alone, for exactly these examples",
            )
        )
    if story.has("bits_per_dimension"):
        rows.append(
            (
                "Bits per dimension",
                number(result["bits_per_dimension"], 4),
                f"the same, for each stored number of {result['levels']} levels",
            )
        )
    if story.has("elbo") and not exact:
        rows.append(
            (
                "Evidence lower bound",
                estimate(result["elbo"], result.get("elbo_standard_error"), "nats"),
                f"mean of log p(x, z) {MINUS} log q(z|x); what a bound of one particle trains on",
            )
        )
    if story.has("train_elbo"):
        rows.append(
            (
                "the same, training",
                estimate(result["train_elbo"], result.get("train_elbo_standard_error"), "nats"),
                f"for {number(result.get('train_elbo_examples'), 0)} training examples",
            )
        )
    if story.has("effective_sample_size"):
        rows.append(
            (
                "Effective sample size",
                f"{number(result['effective_sample_size'], 1)} of {number(result['num_samples'], 0)}",
                "particles, the median example",
            )
        )
    if story.has("pareto_k", "unreliable_share"):
        rows.append(
            (
                "Tail of the weights, Pareto k",
                number(result["pareto_k"], 2),
                f"the median example; {result['unreliable_share']:.1%} of the examples have too heavy a tail for "
                "importance sampling",
            )
        )
    if story.has("likelihood_scale"):
        rows.append(
            ("Scale of the likelihood", f"{result['likelihood_scale']:.4g}", "of the values as they are")
        )
    body = [markup.table(("", "Value", "What it is"), rows, f"Likelihood of {of}")]
    body += [markup.paragraph(text) for text in _how_it_was_made(story, exact)]
    body += _annealed(story)
    if "effective_sample_sizes" in story.pictures:
        body.append(markup.heading("Effective particles"))
        body.append(
            markup.paragraph(
                f"Importance sampling{BESIDE if result.get('method') == 'ais' else ''} takes the mean of K weights for "
                "the likelihood of an example. If q(z|x) fits the posterior, all "
                "weights count alike and the effective sample size is near K; if it does not, a few large weights make "
                "the mean. With fewer than about ten, larger weights have most likely been missed: the estimate is too "
                "low, and its error bar, computed from the weights that were seen, is too short."
            )
        )
        body.append(markup.figure(story.pictures["effective_sample_sizes"]))
    return body


def _how_it_was_made(story: Story, exact: bool) -> list[str]:
    result, config = story.result, story.config
    texts = []
    if exact:
        texts.append("The model has no latent variables: its log-likelihood is exact.")
    else:
        texts.append(
            "The estimate is the logarithm of a mean, which lies below log p(x) in expectation: with too few "
            f"{'chains' if result.get('method') == 'ais' else 'particles'} the model tends to look worse than it is."
        )
    if story.has("condition"):
        texts.append(
            f"The model is conditional: the number is that of the {result.get('scored_values')} values that the "
            f"condition ({result['condition']}) does not show, given the condition."
        )
    if config["binarize"] in ("dynamic", "static"):
        texts.append(
            "The pixels were drawn once from the grey values, with a fixed seed. Numbers on data that were binarised "
            "in another way are not comparable."
        )
    if story.has("against"):
        gain = result["nll_gain"]
        size = estimate(abs(gain), result.get("nll_gain_standard_error"), "nats")
        texts.append(
            f"Beside it, the run {result['against']} has "
            f"{estimate(result['against_nll'], result.get('against_nll_standard_error'), 'nats')} on the same "
            f"examples; that is {'lower' if gain < 0 else 'higher'} by {size}."
        )
    return texts


def _annealed(story: Story) -> list[str]:
    """What the chains of annealed importance sampling say, where there were some."""
    if story.result.get("method") != "ais":
        return []
    result = story.result
    count = number(result["num_chains"], 0)
    rows = [
        (
            "Chains",
            count,
            f"for each example, of {number(result['num_temperatures'], 0)} temperatures, from the {result['init']}",
        ),
        ("Effective chains", f"{number(result['effective_chains'], 1)} of {count}", "the median example"),
    ]
    if story.has("acceptance"):
        rows.append(("Accepted", f"{result['acceptance']:.0%}", "of the moves of Hamiltonian Monte Carlo"))
    rows.append(
        (
            "Importance sampling",
            f"{number(result['importance_nll'])} nats".replace(" ", SPACE),
            f"the negative log-likelihood from K = {number(result['num_samples'], 0)} particles of q(z|x), to compare",
        )
    )
    if story.has("simulated_gap"):
        of = f"on {number(result['simulated_examples'], 0)} examples drawn from the model"
        rows += [
            (
                "Lower bound",
                f"{number(result['simulated_lower'])} nats".replace(" ", SPACE),
                f"of log p(x), {of}",
            ),
            ("Upper bound", f"{number(result['simulated_upper'])} nats".replace(" ", SPACE), "of the same"),
            (
                "Gap between them",
                estimate(result["simulated_gap"], result.get("simulated_gap_standard_error"), "nats"),
                "on average these chains are off by no more, as far as real examples are like these",
            ),
        ]
    return [
        markup.heading("Annealed importance sampling"),
        markup.paragraph(
            "The likelihood above is that of chains that move from the prior or from q(z|x) to the posterior: it does "
            "not rest on q alone. The chains were also run backward from exact posterior samples where examples were "
            "drawn from the model, which bounds log p(x) from above."
            if story.has("simulated_gap")
            else "The likelihood above is that of chains that move from the prior or from q(z|x) to the posterior: it "
            "does not rest on q alone."
        ),
        markup.table(("", "Value", "What it is"), rows, "What the chains say"),
    ]
