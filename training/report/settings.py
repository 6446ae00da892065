"""The settings of a run as the report writes them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from tfvae.training.report.content import ReportContent
from tfvae.training.report.numbers import fill


def settings(content: ReportContent) -> dict[str, Any]:
    """Returns name to value of what was trained: settings, facts, versions and the command line."""
    config, facts, origin = content.config, content.facts, content.content
    options = ", ".join(f"{name} {value:g}" for name, value in (config["estimator_options"] or {}).items())
    backward = config["backward_particles"]
    return {
        **config,
        **vars(facts),
        **facts.sizes,
        "differences": "; ".join(facts.differences),
        "shape": " x ".join(map(str, facts.event_shape)),
        "layers": _layers(content),
        "options": f" ({options})" if options else "",
        "backward": f", {backward} of them in the backward pass" if backward else "",
        "generated_from": _generated_from(config) if facts.compares else "",
        "taken": len(content.history) * facts.steps,
        "ran": len(content.history),
        "versions": ", ".join(f"{name} {version}" for name, version in origin["versions"].items()),
        "data_sha256": origin.get("data_sha256"),
        "command": shlex.join(origin.get("argv") or ["not recorded"]),
    }


def _generated_from(config: Mapping[str, Any]) -> str:
    """Returns the latents that a model generates from; "" where it has none."""
    return "" if config["prior"] == "none" else f"{config['latent_size']} units, {config['prior']}"


def rows_of_set(values: Mapping[str, Any], rows: Iterable[tuple[str, str, str]]) -> list[tuple[str, str]]:
    """Returns (title, text) of the rows (name, title, text) whose name stands for something that was set."""
    return [
        (title, fill(text, values)) for name, title, text in rows if values[name] not in (None, "", 0, "none")
    ]


def _layers(content: ReportContent) -> str:
    units = content.result.get("units_by_layer") or [content.config["latent_size"]]
    if len(units) == 1:
        return f"{units[0]} units"
    return f"{len(units)} layers of {', '.join(map(str, units))} units, from the bottom up"
