"""The page: the sections that apply in order, and what stands above and below them."""

from __future__ import annotations

import json

from tfvae.checks import UserError
from tfvae.evaluation.estimate import FEW
from tfvae.training.config import SETTINGS
from tfvae.training.report import rules
from tfvae.training.report.content import ReportContent
from tfvae.training.report.sections import SECTIONS, Section
from tfvae.training.report.settings import rows_of_set, settings
from tfvae.training.settings import reported, told


def page(content: ReportContent) -> str:
    """Returns the report as one HTML document, which refers to nothing outside itself.

    Every text is escaped by the templates, and nowhere else.

    Raises:
        UserError: if Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise UserError(
            "the report needs Jinja2, which is not installed", fix="pip install jinja2"
        ) from error

    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    about = [section for section in SECTIONS if content.facts.compares in section.kinds]
    reasons = {section.title: section.absent(content) for section in about}
    absent = {title: reason for title, reason in reasons.items() if reason is not None}
    sections = [section for section in about if section.title not in absent]
    sections.append(Section("distrust", "What to distrust"))
    if absent:
        sections.append(Section("absent", "What is not here"))
    sections.append(Section("numbers", "Every number"))
    findings = rules.findings(content)
    return environment.get_template("page.html").render(
        content=content,
        config=content.config,
        facts=content.facts,
        result=content.result,
        pictures=content.pictures,
        numbers=[
            (name, value if isinstance(value, str) else json.dumps(value))
            for name, value in content.result.items()
        ],
        settings=settings(content),
        chosen={name: value for name, value in content.config.items() if told(SETTINGS[name], value)},
        rows_of_set=rows_of_set,
        reported=reported(SETTINGS, content.config),
        few=FEW,
        sections=sections,
        absent=absent,
        findings=findings,
        fired=[finding for finding in findings if finding.fired],
    )
