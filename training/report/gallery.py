"""The sections of the report that show pictures, and the numbers that belong to them."""

from __future__ import annotations

from tfvae.training.report import markup
from tfvae.training.report.sections import Absent
from tfvae.training.report.story import Story, estimate, number


def samples(story: Story) -> list[str] | Absent:
    """Samples beside real data, with figures of quality and what real data get."""
    pictures = story.pictures
    body = []
    if "conditional" in pictures:
        body.append(markup.figure(pictures["conditional"]))
    elif "points" in pictures:
        body.append(markup.figure(pictures["points"]))
    beside = [pictures[name] for name in ("real", "drawn", "means") if name in pictures]
    if beside:
        body.append(markup.side_by_side(beside))
    return body or Absent("there are no pictures of this kind of data.")


def reconstructions(story: Story) -> list[str] | Absent:
    """Held-out examples and what their codes bring back."""
    if story.facts.latents is None:
        return Absent("the model has no codes to reconstruct from.")
    if "reconstructions" not in story.pictures:
        return Absent("there is no picture of this kind of data.")
    body = [markup.figure(story.pictures["reconstructions"])]
    if "canvas" in story.pictures:
        body += [markup.heading("Step by step"), markup.figure(story.pictures["canvas"])]
    return body


def latent_map(story: Story) -> list[str] | Absent:
    """Where the examples lie among the codes."""
    if story.facts.latents is None:
        return Absent("the model has no latents.")
    found = [story.pictures[name] for name in ("latent_map", "manifold") if name in story.pictures]
    return [markup.figure(picture) for picture in found] or Absent("there is no picture of it.")


def active_units(story: Story) -> list[str] | Absent:
    """Which latent units follow the data, and how much."""
    if not story.has("active_units", "units_by_layer"):
        return Absent("the model has no latents.")
    result = story.result
    active, units = result["active_units_by_layer"], result["units_by_layer"]
    text = f"{sum(active)} of {sum(units)} latent units are active"
    if len(units) > 1:
        text += " (from the bottom up " + ", ".join(
            f"{mine} of {all_}" for mine, all_ in zip(active, units, strict=True)
        )
        text += ")"
    body = [
        markup.paragraph(
            f"{text}: over the examples the mean of their posterior varies by more than 0.01, in squared latent units. "
            "An idle unit has the prior for a posterior, whatever the example, and costs no rate."
        )
    ]
    if "unit_variances" in story.pictures:
        body.append(markup.figure(story.pictures["unit_variances"]))
    return body


def codes(story: Story) -> list[str] | Absent:
    """What the codes know of the labels."""
    if story.facts.latents is None:
        return Absent("the model has no codes.")
    if not story.facts.labels:
        return Absent("the data have no labels to tell from the codes.")
    return Absent("the codes were not asked for the labels.")


def curves(story: Story) -> list[str] | Absent:
    """How training went."""
    if "loss_curves" not in story.pictures:
        return Absent("there is no history.csv.")
    return [markup.figure(story.pictures["loss_curves"])]
