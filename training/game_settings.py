"""The settings of a run that trains a generator without a likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tfvae import comparisons
from tfvae.checks import LARGEST_DECAY, LARGEST_INT
from tfvae.training.defaults import generates, has_critic, of_options
from tfvae.training.settings import setting


def _of_game(name: str, help: str, **details: Any) -> Any:
    """Returns the field of a setting that a game alone has; its default is the preset's."""
    return setting(
        help, "optimisation", absent=None, applies=has_critic, needs="gan", **of_options(name), **details
    )


@dataclass(frozen=True)
class GameSettings:
    """Settings that are None for presets with a likelihood, all but `ema` for those without a discriminator too."""

    cost: str | None = _of_game(
        "cost", "Cost of the generator.", choices=tuple(comparisons.names("critic")), title="Cost"
    )
    discriminator_steps: int | None = _of_game(
        "discriminator_steps",
        "Steps of the discriminator for each of the generator.",
        ends=(1, LARGEST_INT),
        title="Discriminator",
        text="{discriminator_steps} to each step of the generator, at a learning rate of "
        "{discriminator_learning_rate:g}",
    )
    discriminator_learning_rate: float | None = setting(
        "Learning rate of the discriminator at the start.",
        "optimisation",
        default=lambda chosen: chosen.learning_rate,
        default_text="--learning-rate",
        ends=(1e-12, 1e3),
        metavar="RATE",
        absent=None,
        applies=has_critic,
        needs="gan",
    )
    gradient_penalty: float | None = _of_game(
        "gradient_penalty",
        "Weight of the penalty on slopes of the discriminator other than 1 between examples and samples; 10 is usual "
        "with --cost wasserstein.",
        ends=(0.0, 1e6),
        metavar="W",
        title="Gradient penalty",
        text="{gradient_penalty:g}, every {penalty_every} steps",
        quiet=0,
    )
    r1_penalty: float | None = _of_game(
        "r1_penalty",
        "Weight of the penalty R1 on slopes of the discriminator at examples.",
        ends=(0.0, 1e6),
        metavar="W",
        title="R1 penalty",
        text="{r1_penalty:g}, every {penalty_every} steps",
        quiet=0,
    )
    penalty_every: int | None = _of_game(
        "penalty_every",
        "Steps of the discriminator between two that pay its penalties, whose weights this multiplies.",
        ends=(1, LARGEST_INT),
    )
    ema: float | None = setting(
        "Decay of a running average of the generator's weights, such as 0.999. Where one is kept, samples, figures, "
        "validation, exports and `tfvae evaluate` use it in place of the weights.",
        "optimisation",
        default=None,
        default_text="no average",
        ends=(0.0, LARGEST_DECAY),
        metavar="DECAY",
        absent=None,
        applies=generates,
        needs="gan",
        title="Average of the weights",
        text="with decay {ema:g}; samples, figures and evaluation use it unless they say otherwise",
    )
