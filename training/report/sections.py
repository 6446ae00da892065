"""The sections of the report that tell numbers.

A section is a function of the `Story` that returns its HTML, or, where it does not apply, the reason in one `Absent`.
"""

from __future__ import annotations

import shlex

from tfvae.training.report import markup
from tfvae.training.report.story import MINUS, PLUS_MINUS, Story, estimate, number


class Absent(str):
    """Why a section is left out."""


def trained(story: Story) -> list[str] | Absent:
    """What was trained: model, data, estimator, settings, versions, command line."""
    config, facts, sizes = story.config, story.facts, story.facts.sizes
    shape = " x ".join(map(str, facts.event_shape))
    options = ", ".join(f"{name} {value:g}" for name, value in config["estimator_options"].items())
    particles = f"K = {config['num_samples']}" + (
        f", {config['backward_particles']} of them in the backward pass"
        if config["backward_particles"]
        else ""
    )
    epochs = len(story.history)
    rows = [
        ("Preset", f"{config['preset']}: {facts.summary}"),
        ("Model", f"{facts.model}, {number(facts.parameters, 0)} parameters"),
        (
            "Data",
            f"{config['dataset']}, examples of {shape}: {number(sizes['train'], 0)} to train on, "
            f"{number(sizes['validation'], 0)} for validation, {number(sizes['test'], 0)} for the test",
        ),
        ("Binarisation", _binarised(config["binarize"])),
        ("Likelihood", config["likelihood"]),
    ]
    if config["condition"] != "none":
        rows.append(("Condition", config["condition"]))
    if facts.latents:
        rows += [
            ("Latents", f"{facts.latents}, {_layers(story)}"),
            ("Posterior and prior", f"{config['posterior']} and {config['prior']}"),
            ("Estimator", config["estimator"] + (f" ({options})" if options else "") + f", {particles}"),
        ]
    rows += [
        (
            "Steps",
            f"{number(epochs * facts.steps, 0)}: {epochs} of {config['epochs']} epochs in batches of "
            f"{config['batch_size']}",
        ),
        ("Learning rate", f"{config['learning_rate']:g}, {config['schedule']}"),
    ]
    if config["kl_warmup"]:
        rows.append(("KL warm-up", f"{config['kl_warmup']} epochs"))
    if config["free_bits"]:
        rows.append(("Free bits", f"{config['free_bits']:g} nats for each unit"))
    if config["patience"]:
        rows.append(
            ("Early stopping", f"after {config['patience']} epochs without a better validation bound")
        )
    if config["mixed_precision"] != "none":
        rows.append(("Precision", config["mixed_precision"]))
    rows.append(("Seed", str(config["seed"])))
    rows.append(
        ("Versions", ", ".join(f"{name} {version}" for name, version in story.content["versions"].items()))
    )
    if story.content.get("data_sha256"):
        rows.append(("SHA-256 of the data", story.content["data_sha256"]))
    return [
        markup.table(("", "Setting"), rows, "Settings of the run"),
        markup.heading("Command line"),
        markup.code(shlex.join(story.content.get("argv") or ["not recorded"])),
        markup.folded(
            "All settings",
            markup.table(
                ("Name", "Value"), [(name, str(value)) for name, value in config.items()], "config.json"
            ),
        ),
    ]


def likelihood(story: Story) -> list[str] | Absent:
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
        rows.append(
            (
                "of this, Monte Carlo",
                f"{PLUS_MINUS} {number(particles, 4)} nats",
                f"from the K = {number(result['num_samples'], 0)} particles alone, for exactly these examples",
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
    if story.has("likelihood_scale"):
        rows.append(
            ("Scale of the likelihood", f"{result['likelihood_scale']:.4g}", "of the values as they are")
        )
    body = [markup.table(("", "Value", "What it is"), rows, f"Likelihood of {of}")]
    body += [markup.paragraph(text) for text in _how_it_was_made(story, exact)]
    body += _ais(story)
    if "effective_sample_sizes" in story.pictures:
        body.append(markup.heading("Effective particles"))
        body.append(
            markup.paragraph(
                "The likelihood of an example is the mean of K importance weights. If q(z|x) fits the posterior, all "
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
            "The estimate is the logarithm of a mean, which lies below log p(x) in expectation: with too few particles "
            "the model looks worse than it is, never better."
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
        gain = estimate(result["nll_gain"], result.get("nll_gain_standard_error"), "nats")
        texts.append(
            f"Beside it, the run {result['against']} has "
            f"{estimate(result['against_nll'], result.get('against_nll_standard_error'), 'nats')} on the same "
            f"examples; that is higher by {gain}."
        )
    return texts


def _ais(story: Story) -> list[str]:
    """What annealed importance sampling says, where it was run."""
    names = (
        ("ais_nll", "Negative log-likelihood by AIS"),
        ("bdmc_lower", "Lower bound on simulated data"),
        ("bdmc_upper", "Upper bound on simulated data"),
        ("bdmc_gap", "Gap between the two"),
    )
    result = story.result
    rows = [
        (title, estimate(result[name], result.get(f"{name}_standard_error"), "nats"))
        for name, title in names
        if story.has(name)
    ]
    if not rows:
        return []
    return [
        markup.heading("Annealed importance sampling"),
        markup.table(("", "Value"), rows, "Estimates that do not rest on q(z|x) alone"),
    ]


def gap(story: Story) -> list[str] | Absent:
    """How much the bound loses, and to what."""
    result = story.result
    if story.facts.latents is None:
        return Absent("the model has no latents, its bound is the likelihood itself.")
    if not story.has("inference_gap"):
        return Absent(
            f"{result.get('gap_missing') or 'it was not computed; tfvae evaluate --gap does that'}."
        )
    rows = [
        (title, estimate(result[name], result.get(f"{name}_standard_error"), "nats"), text)
        for name, title, text in (
            ("inference_gap", "Inference gap", f"log p(x) {MINUS} ELBO: all that the bound loses"),
            (
                "approximation_gap",
                "of this, approximation",
                "lost even by the best q of the family for this x",
            ),
            ("amortization_gap", "of this, amortisation", "lost because one encoder serves all examples"),
        )
        if story.has(name)
    ]
    of = (
        f"{number(result['gap_num_examples'], 0)} examples"
        if story.has("gap_num_examples")
        else "the examples"
    )
    body = [
        markup.paragraph(
            "Training raises the evidence lower bound. How far it lies below log p(x) is found by improving q for each "
            "example by itself, from the encoder's answer on, and looking at what is gained and what remains."
        ),
        markup.table(("", "Value", "What it is"), rows, f"Mean over {of}"),
    ]
    if story.has("gap_verdict"):
        body.append(markup.paragraph(f"Is the bound loose, and why? {_sentence(result['gap_verdict'])}"))
    return body


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def rate_distortion(story: Story) -> list[str] | Absent:
    """How many nats the codes take, and how many are left to tell."""
    if story.facts.latents is None:
        return Absent("the model has no latents.")
    if not story.has("rate", "distortion"):
        return Absent(f"{story.result.get('rate_missing') or 'rate and distortion were not computed'}.")
    result = story.result
    rows = [
        (title, estimate(result[name], result.get(f"{name}_standard_error"), "nats"), text)
        for name, title, text in (
            ("rate", "Rate", "KL(q(z|x) || p(z)): what the codes tell of an example, at most"),
            ("distortion", "Distortion", f"{MINUS}log p(x|z): what is left to tell once the code is known"),
        )
    ]
    body = [
        markup.table(("", "Value", "What it is"), rows, "Mean over the examples"),
        markup.paragraph(
            "Their sum is the negative evidence lower bound. Models with the same bound may divide it differently: a "
            "rate near 0 means that the latents are ignored, a distortion near 0 that everything is in the code."
        ),
    ]
    if "rate_distortion" in story.pictures:
        body.append(markup.figure(story.pictures["rate_distortion"]))
    return body


def _binarised(kind: str) -> str:
    return {
        "dynamic": "dynamic: drawn afresh from the grey values at every step",
        "static": "static: drawn once from the grey values",
        "threshold": "threshold: white where a grey value is above one half",
        "none": "none: the values as they are",
    }[kind]


def _layers(story: Story) -> str:
    units = story.result.get("units_by_layer") or [story.config["latent_size"]]
    if len(units) == 1:
        return f"{units[0]} units"
    return f"{len(units)} layers of {', '.join(map(str, units))} units, from the bottom up"
