"""The temperatures that chains go through, one schedule for each kind of model."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import TEMPERATURES, UserError, one_of, positive_int
from tfvae.evaluation.path import SCHEDULES, schedule_of
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Generative, Implicit

SIMULATED, DRAWS = 16, 256  # examples, and draws of the prior for each, that `turn_of` takes
LEAST = 1e-6  # scatter of log p(x|z), nats, for a model that makes the same of all latents


def temperatures_of(model: Generative, schedule: str | None, num_temperatures: int) -> np.ndarray:
    """Returns t_0 = 0 .. t_T = 1: [T + 1], float64 numbers that float32 holds exactly.

    Args:
        model: the model to anneal.
        schedule: "sigmoid" or "linear", see `schedule_of`; "geometric", see `geometric`; None for "geometric" where the
            model is implicit, and "sigmoid" where it is not.
        num_temperatures: T.
    """
    count = positive_int("num_temperatures", num_temperatures, TEMPERATURES)
    schedule = schedule or ("geometric" if isinstance(model, Implicit) else "sigmoid")
    if one_of("schedule", schedule, (*SCHEDULES, "geometric")) != "geometric":
        return schedule_of(schedule, count)
    return geometric(turn_of(model), count).astype(np.float32).astype(np.float64)


def geometric(turn: float, num_temperatures: int) -> np.ndarray:
    """Returns temperatures equally spaced in log(1 + t / turn): [T + 1],

        t_k = turn ((1 + 1 / turn)^(k / T) - 1)

    Below the turn chains are at the prior, where log p(x|z) scatters by the same amount at every t; steps are equal.
    Above it the likelihood rules, log p(x|z) scatters by sqrt(D / 2) / t for D latents, and steps grow with t. A sharp
    likelihood, such as that of a generator with a small observation scale, rules from a tiny t on, which the other
    schedules jump over.

    Args:
        turn: where the likelihood takes over from the prior.
        num_temperatures: T.
    """
    parts = np.linspace(0.0, math.log1p(1.0 / turn), num_temperatures + 1)
    found = turn * np.expm1(parts)
    found[-1] = 1.0
    return found


def turn_of(model: Generative) -> float:
    """Returns the t from which on the likelihood rules: sqrt(D / 2) / sd(log p(x|z)), D latents.

    The scatter is that over draws z of the prior, the mean of examples x that the model simulates.

    Raises:
        UserError: if the model has a condition.
    """
    if isinstance(model, Conditional):
        raise UserError(
            "a conditional model simulates nothing without conditions",
            expected='schedule="sigmoid" or "linear"',
            received='"geometric"',
        )
    noise = random.PhiloxNoise(random.fold(random.as_seed(0), "turn"), SIMULATED, 0)
    other = random.PhiloxNoise(random.fold(random.as_seed(0), "draws"), SIMULATED, 0)
    x = model.check_examples(np.zeros((SIMULATED, *model.event_shape), np.float32))
    generator = model.generator(x)
    drawn = tuple(z[0] for z in model.prior_latents(generator, noise, 1))
    x = model.check_examples(model.simulate(x, generator, drawn, noise))
    _, log_likelihood = model.log_joint(x, generator, model.prior_latents(generator, other, DRAWS))
    spread = float(tf.reduce_mean(tf.math.reduce_std(tf.cast(log_likelihood, tf.float64), axis=0)))
    return math.sqrt(0.5 * sum(map(math.prod, model.latent_shapes))) / max(spread, LEAST)
