"""What to distrust in an evaluation: explicit rules on its numbers, each of which speaks up or says that it is content.

A rule is silent, None, where the numbers that it needs are not there.
"""

from __future__ import annotations

from tfvae.training.report import doubts_likelihood, doubts_model, doubts_samples
from tfvae.training.report.finding import Finding
from tfvae.training.report.story import Story

RULES = (
    doubts_likelihood.few_particles,
    doubts_likelihood.heavy_tails,
    doubts_likelihood.small_k,
    doubts_likelihood.noisy_particles,
    doubts_likelihood.few_chains,
    doubts_likelihood.annealing_disagrees,
    doubts_likelihood.wide_bounds,
    doubts_likelihood.few_examples,
    doubts_likelihood.part_of_the_split,
    doubts_likelihood.seen_in_training,
    doubts_model.large_gap,
    doubts_model.unfinished_gap,
    doubts_model.overfitting,
    doubts_model.not_settled,
    doubts_model.idle_units,
    doubts_samples.pixels_alone,
    doubts_samples.few_samples,
    doubts_samples.means_judged,
    doubts_samples.better_than_real,
    doubts_likelihood.density,
)

ALWAYS = (
    (
        "One training run.",
        "The error bars come from the examples and the particles. Another training seed gives another model, and "
        "differences between seeds are in none of them.",
    ),
    (
        "Choices made by looking.",
        "If settings were chosen by their test numbers, or by the pictures above, these flatter the model. Pictures "
        "show the first examples of a fixed shuffle and samples of fixed seeds: they were not picked, and they say "
        "little about likelihood.",
    ),
)


def findings(story: Story) -> list[Finding]:
    """Returns what each rule says that has something to go by, in the order of `RULES`."""
    return [found for rule in RULES if (found := rule(story)) is not None]
