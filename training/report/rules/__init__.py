"""What to distrust in an evaluation: explicit rules on its numbers, each of which speaks up or says that it is content.

A rule is silent, None, where the numbers that it needs are not there.
"""

from __future__ import annotations

from tfvae.training.report.content import ReportContent
from tfvae.training.report.rules import game, likelihood, model, samples
from tfvae.training.report.rules.finding import Finding

RULES = (
    likelihood.few_particles,
    likelihood.heavy_tails,
    likelihood.small_k,
    likelihood.noisy_particles,
    likelihood.chains_that_count,
    likelihood.rough_scale,
    likelihood.annealing_disagrees,
    likelihood.wide_bounds,
    likelihood.normalizers_disagree,
    likelihood.few_examples,
    likelihood.part_of_the_split,
    likelihood.seen_in_training,
    model.large_gap,
    model.unfinished_gap,
    model.overfitting,
    model.not_settled,
    model.idle_units,
    game.discriminator_won,
    game.saturated,
    game.modes_left_out,
    samples.pixels_alone,
    samples.few_samples,
    samples.means_judged,
    samples.better_than_real,
    likelihood.density,
)


def findings(content: ReportContent) -> list[Finding]:
    """Returns what each rule says that has something to go by, in the order of `RULES`."""
    return [found for rule in RULES if (found := rule(content)) is not None]
