"""The sections of the report that tell numbers.

A section is a function of the `Story` that returns its HTML, or, where it does not apply, the reason in one `Absent`.
"""

from __future__ import annotations

import shlex

from tfvae.training.config import SETTINGS
from tfvae.training.report import markup
from tfvae.training.report.story import MINUS, Story, estimate, number
from tfvae.training.settings import reported


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
    ]
    if facts.differences:
        rows.insert(1, ("Not as published", "; ".join(facts.differences)))
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
    ]
    rows += reported(SETTINGS, config)
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


def _layers(story: Story) -> str:
    units = story.result.get("units_by_layer") or [story.config["latent_size"]]
    if len(units) == 1:
        return f"{units[0]} units"
    return f"{len(units)} layers of {', '.join(map(str, units))} units, from the bottom up"
