"""The page: its sections in order, and what stands above and below them."""

from __future__ import annotations

import html
import json
import string
from importlib import resources
from typing import Any

from tfvae.training.report import distrust, gallery, likelihood, markup, sections
from tfvae.training.report.story import MINUS, Story, estimate

SECTIONS = (  # name to link to, title, function
    ("trained", "What was trained", sections.trained),
    ("likelihood", "How likely the data are", likelihood.likelihood),
    ("gap", "What the bound loses: the inference gap", sections.gap),
    ("rate-distortion", "Rate and distortion", sections.rate_distortion),
    ("samples", "Samples beside real data", gallery.samples),
    ("reconstructions", "Reconstructions", gallery.reconstructions),
    ("latent-map", "The latent map", gallery.latent_map),
    ("active-units", "Active units", gallery.active_units),
    ("codes", "What the codes know", gallery.codes),
    ("curves", "How training went", gallery.curves),
)
LAST = ("distrust", "What to distrust")


def page(story: Story) -> str:
    """Returns the report as one HTML document, which refers to nothing outside itself."""
    found = distrust.findings(story)
    written, absent = [], []
    for name, title, function in SECTIONS:
        body = function(story)
        if isinstance(body, sections.Absent):
            absent.append((f"{title}:", str(body)))
        else:
            written.append((name, title, body))
    written.append((*LAST, _distrust(found)))
    if absent:
        written.append(("absent", "What is not here", [markup.items(absent)]))
    written.append(("numbers", "Every number", [_numbers(story.result)]))
    template = resources.files(__package__).joinpath("page.html").read_text("utf-8")
    return string.Template(template).substitute(
        title=html.escape(f"{story.name}: a tfvae report"),
        version=html.escape(story.content["versions"].get("tfvae", "")),
        header=_header(story, found, [(name, title) for name, title, _ in written]),
        sections="\n".join(markup.section(*entry) for entry in written),
    )


def _header(story: Story, found: list[distrust.Finding], entries: list[tuple[str, str]]) -> str:
    result = story.result
    of = f"{result['num_examples']:,} {result['split']} examples of {story.config['dataset']}"
    density = "p(x|condition)" if story.has("condition") else "p(x)"
    verdict = (
        f"{MINUS}log {density} = {estimate(result['nll'], result.get('nll_standard_error'), 'nats')} for {of}"
    )
    fired = sum(finding.fired for finding in found)
    link = f'<a href="#{LAST[0]}">{fired} thing{"s" * (fired != 1)} to distrust</a>'
    return "\n".join(
        [
            markup.paragraph(f"tfvae report: {story.facts.model}, preset {story.config['preset']}", "kind"),
            f"<h1>{html.escape(story.name)}</h1>",
            markup.paragraph(verdict, "verdict"),
            f"<p>The rules at the end found {link} in these numbers.</p>",
            markup.contents(entries),
        ]
    )


def _distrust(found: list[distrust.Finding]) -> list[str]:
    fired = [(finding.heading, finding.text) for finding in found if finding.fired]
    calm = [(finding.heading, finding.text) for finding in found if not finding.fired]
    body = [
        markup.paragraph(
            f"{len(found)} rules with fixed thresholds read the numbers of this report. "
            + ("These found something:" if fired else "None of them found anything.")
        )
    ]
    if fired:
        body.append(markup.items(fired, "warnings"))
    if calm:
        body.append(markup.heading("Looked at and found in order"))
        body.append(markup.items(calm, "quiet"))
    body.append(markup.heading("What no rule can see"))
    body.append(markup.items(distrust.ALWAYS))
    return body


def _numbers(result) -> str:
    rows = [(name, _plain(value)) for name, value in result.items()]
    return markup.folded(
        "evaluation.json", markup.table(("Name", "Value"), rows, "All that was written to evaluation.json")
    )


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
