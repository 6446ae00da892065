"""The sections of the report that show pictures, and the numbers that belong to them."""

from __future__ import annotations

from tfvae.training.report import markup
from tfvae.training.report.sections import Absent
from tfvae.training.report.story import PLUS_MINUS, Story, estimate, number

QUALITY = (  # name, title, what it is
    ("precision", "Precision", "share of samples that lie among real examples; higher is better"),
    ("recall", "Recall", "share of real examples that lie among samples; higher is better"),
    (
        "density",
        "Density",
        "precision that counts in how many neighbourhoods a sample lies; higher is better",
    ),
    ("coverage", "Coverage", "share of real examples with a sample near by; higher is better"),
    (
        "mmd",
        "Squared MMD",
        "maximum mean discrepancy, unbiased, so near 0 and at times below it; lower is better",
    ),
    ("frechet", "Squared Fr\u00e9chet distance", "between Normals with the moments of each; lower is better"),
)


def samples(story: Story) -> list[str]:
    """Samples beside real data, with figures of quality and what real data get."""
    pictures = story.pictures
    body = [markup.figure(pictures[name]) for name in ("conditional", "points") if name in pictures]
    beside = [pictures[name] for name in ("real", "drawn", "means") if name in pictures]
    if beside:
        body.append(markup.side_by_side(beside))
    return body + _quality(story)


def _quality(story: Story) -> list[str]:
    result = story.result
    if not story.has(*(name for name, _, _ in QUALITY)):
        reason = result.get("quality_missing") or "they were not computed"
        return [markup.paragraph(f"No figures of quality: {reason}.", "quiet")]

    def told(name: str) -> str:
        return estimate(result[name], result.get(f"{name}_standard_error"))

    rows = [(title, told(name), told(f"{name}_real"), text) for name, title, text in QUALITY]
    space = "the pixels themselves" if story.facts.images else "the points themselves"
    if result.get("features") == "classifier":
        space = "the features of a small classifier that was trained on the labels of the training examples"
        if story.has("features_accuracy"):
            space += f" (it tells {result['features_accuracy']:.1%} of the test labels)"
    count = number(result.get("quality_examples"), 0)
    means = result.get("samples") == "means"
    judged = f"The means of {count} samples" if means else f"{count} samples, as they are drawn,"
    return [
        markup.heading("How good the samples are"),
        markup.paragraph(
            f"Distances are those of {space}. {judged} were compared with real "
            f"{result['split']} examples. "
            "A perfect model would get what real examples get that were held out from these and put in the place of "
            "the samples: read each figure beside that baseline, not beside 0 or 1."
        ),
        markup.table(
            ("", "Samples", "Real in their place", "What it is"),
            rows,
            f"Figures of {count} on each side, {PLUS_MINUS} standard error by the jackknife",
        ),
    ]


def reconstructions(story: Story) -> list[str] | Absent:
    """Held-out examples and what their codes bring back."""
    if story.facts.latents is None:
        return Absent("the model has no latents.")
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
    if not story.has("active_units", "units_by_layer", "active_threshold"):
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
            f"{text}: the variance over the examples of the mean of their posterior is above "
            f"{result['active_threshold']:g}, in squared latent units. "
            "An idle unit has the prior for a posterior, whatever the example, and costs no rate."
        )
    ]
    if "unit_variances" in story.pictures:
        body.append(markup.figure(story.pictures["unit_variances"]))
    return body


def codes(story: Story) -> list[str] | Absent:
    """What the codes know of the labels."""
    if story.facts.latents is None:
        return Absent("the model has no latents.")
    if not story.has("knn_accuracy", "linear_probe_accuracy"):
        return Absent(f"{story.result.get('codes_missing') or 'the codes were not asked for labels'}.")
    result = story.result
    rows = [
        (title, _share(result[name], result.get(f"{name}_standard_error")), text)
        for name, title, text in (
            ("knn_accuracy", "Nearest neighbours", "the vote of the five nearest training codes"),
            ("linear_probe_accuracy", "Linear probe", "logistic regression on the codes"),
            ("code_chance", "Chance", "naming the most frequent label"),
        )
        if story.has(name)
    ]
    count = number(result.get("code_examples"), 0)
    return [
        markup.paragraph(
            "Labels took no part in training. Two simple classifiers learned them from the codes of training examples "
            f"and were asked about the codes of {count} {result['split']} examples."
        ),
        markup.table(("", "Labels told", "What it is"), rows, "What the codes tell of the labels"),
    ]


def _share(value: float, error: float | None) -> str:
    return estimate(100 * value, None if error is None else 100 * error, "%")


def curves(story: Story) -> list[str] | Absent:
    """How training went."""
    if "loss_curves" not in story.pictures:
        return Absent("there is no history.csv.")
    return [markup.figure(story.pictures["loss_curves"])]
