"""The log-likelihood of a generator at many observation scales, from one run of annealed chains."""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae import random
from tfvae.checks import CHAINS, TEMPERATURES, UserError, positive_int, shown
from tfvae.evaluation.ais import examples_at_once
from tfvae.evaluation.annealing import Annealing
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.estimate import of_log_weights
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.neighbours import distance_blocks
from tfvae.evaluation.per_example import with_error
from tfvae.evaluation.schedules import geometric, turn_of
from tfvae.models.contract import Implicit

SAMPLES = 1000  # of the model, from whose distances to the examples a range of scales is found
POINTS = 33  # scales of that range
BELOW, ABOVE = (
    100.0,
    2.0,
)  # how far the range goes beyond the variances of the nearest sample and of all samples


@dataclass(frozen=True, repr=False)
class ScaleCurve:
    """Estimates of log p(x) of N examples at S observation scales.

    Attributes:
        scales: [S], ascending.
        log_prob: [S, N], nats; its expectation is at most log p(x).
        standard_error: of `log_prob`, [S, N], nats; see `tfvae.evaluation.estimate.Estimate`.
        effective_sample_size: of the chains' weights, [S, N].
    """

    scales: np.ndarray
    log_prob: np.ndarray
    standard_error: np.ndarray
    effective_sample_size: np.ndarray

    def __repr__(self) -> str:
        """The best scale with its mean log p(x), in one line."""
        best = f"log p(x) {with_error(self.log_prob[self.place])} nats at scale {self.scales[self.place]:.4g}"
        ends = f"of {len(self.scales)} from {self.scales[0]:.4g} to {self.scales[-1]:.4g}"
        return f"<{type(self).__name__}: {best}, the best {ends}, N = {self.log_prob.shape[1]:,}>"

    @property
    def place(self) -> int:
        """Number of the scale with the largest mean log p(x)."""
        return int(np.argmax(self.log_prob.mean(axis=1)))

    @property
    def vertex(self) -> float:
        """Scale at the top of the parabola, in log s, through the best scale and its neighbours on either side.

        Raises:
            UserError: if the best scale is the first or the last one, so that a better one may lie outside.
        """
        place = self.place
        if place in (0, len(self.scales) - 1):
            raise UserError(
                f"log p(x) is largest at the {'last' if place else 'first'} of the observation scales",
                expected="a maximum between two of them",
                received=f"{self.scales[place]:.4g} of {self.scales[0]:.4g} to {self.scales[-1]:.4g}",
                fix="give a grid that goes further; without a maximum the generator reproduces the examples exactly",
            )
        around = slice(place - 1, place + 2)
        logs = np.log(self.scales[around])
        second, first, _ = np.polyfit(logs - logs[1], self.log_prob.mean(axis=1)[around], 2)
        return float(np.exp(logs[1] - 0.5 * first / second))


def scale_curve(
    model: Implicit,
    data: Any,
    grid: Any = None,
    *,
    num_temperatures: int = 500,
    num_chains: int = 8,
    num_leapfrog: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
) -> ScaleCurve:
    """Estimates log p(x), p(x) = E_z N(x; g(z), s^2 I), at many scales s at once, by annealed importance sampling.

    Chains that anneal to the smallest scale a pass every larger one: at temperature t they are at

        p(z) N(x; g(z), a^2 I)^t  =  constant * p(z) N(x; g(z), s^2 I),  s = a / sqrt(t)

    so that their weights there, with the constant, estimate p(x) at s without bias. All scales share the chains, and
    their comparison has little noise. Temperatures are those of `tfvae.evaluation.schedules.geometric`.

    Args:
        model: `Implicit` model, such as a GAN; its own scale does not matter.
        data: see `log_marginal`.
        grid: scales, at least 3, [S]; None for those between which the best one must lie, as distances of samples from
            the examples tell. Above, it cannot exceed the root of the mean squared distance for each number of x.
        num_temperatures: temperatures to the smallest scale, beside those of the grid.
        num_chains, num_leapfrog, seed, progress, store: see `ais`.

    Returns:
        curve: `ScaleCurve`.

    Raises:
        UserError: if an argument is out of range, the data or the model do not fit, or a log-weight is NaN or infinite.

    Example:
        >>> import numpy as np, keras, tfvae
        >>> parts = keras.layers.Dense(3), keras.layers.Dense(1)
        >>> model = tfvae.GAN(*parts, prior=tfvae.distributions.StandardNormal(2), observation_scale=0.5)
        >>> x = np.ones((4, 3), "float32")
        >>> tfvae.evaluation.scale_curve(model, x, [0.5, 0.75, 1.0], num_temperatures=5).scales.tolist()
        [0.5, 0.75, 1.0]

    References:
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        the observation model of generators without a likelihood.
    """
    if not isinstance(model, Implicit):
        raise UserError(
            "an observation scale belongs to a generator without a likelihood",
            expected="an implicit model such as a GAN",
            received=f"a {type(model).__name__}",
        )
    num_temperatures = positive_int("num_temperatures", num_temperatures, TEMPERATURES)
    num_chains = positive_int("num_chains", num_chains, CHAINS)
    scales = None if grid is None else _checked(grid)
    data = as_examples(model, data)
    scales = _between(model, data.x, seed) if scales is None else scales
    earlier, model.observation_scale = model.observation_scale, float(scales[0])
    try:
        temperatures, stops = _with_scales(geometric(turn_of(model), num_temperatures), scales)
        seeds = random.fold(random.as_seed(seed), "scale curve")
        annealing = Annealing(model, "prior", num_chains, num_leapfrog, seeds)
        powers, ceiling = temperatures[[*stops, -1], np.newaxis, np.newaxis], model.ceiling()
        shift = (1.0 - powers) * ceiling + 0.5 * math.prod(model.event_shape) * np.log(powers)

        def estimate(start: int, stop: int) -> np.ndarray:
            x = model.check_examples(**data[start:stop].arguments())
            steps = annealing.step_sizes(x, start, temperatures)
            stages = annealing.stages(x, start, temperatures, steps, stops=stops)
            log_weights = np.stack([stage.log_weights for stage in stages]) + shift
            found = np.stack([of_log_weights(each, start)[:3] for each in log_weights[::-1]], axis=1)
            return found.reshape(-1, stop - start)

        size = examples_at_once(model, num_chains, None)
        columns = in_blocks(len(data), size, estimate, store, progress, data.rows)
    finally:
        model.observation_scale = earlier
    return ScaleCurve(scales, *np.split(columns, 3))


def _between(model: Implicit, x: np.ndarray, seed: int) -> np.ndarray:
    """Returns scales between which the best one lies, as distances of samples from examples [N, ...] tell.

    At the best scale s^2 = E |x - g(z)|^2 / D over the posterior, which is at most that over the prior.
    """
    size = math.prod(model.event_shape)
    samples = np.asarray(model.sample(SAMPLES, seed=seed), np.float64).reshape(-1, size)
    blocks = [squared for _, squared in distance_blocks(x.reshape(-1, size).astype(np.float64), samples)]
    mean, nearest = (
        np.mean(np.concatenate([of(each, axis=1) for each in blocks])) for of in (np.mean, np.min)
    )
    if nearest > (1.0 - 1e-6) * mean:
        raise UserError("all samples of the generator are the same", expected="samples that differ")
    return np.sqrt(np.geomspace(max(nearest / BELOW, 1e-9 * mean), ABOVE * mean, POINTS) / size)


def _with_scales(temperatures: np.ndarray, scales: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Returns temperatures with those of the scales among them, and the places of all scales but the least, ascending.

    The temperatures are float64 numbers that float32 holds exactly.
    """
    own = ((scales[0] / scales[:0:-1]) ** 2).astype(np.float32).astype(np.float64)
    together = np.union1d(temperatures.astype(np.float32).astype(np.float64), own)
    return together, np.searchsorted(together, own).tolist()


def _checked(grid: Any) -> np.ndarray:
    """Returns the scales of a grid, ascending.

    Raises:
        UserError: if they are fewer than three different positive numbers.
    """
    scales = np.unique(np.asarray(grid, np.float64).ravel())
    if len(scales) < 3 or not np.isfinite(scales).all() or scales[0] <= 0:
        raise UserError(
            "the grid of observation scales does not fit",
            expected="at least 3 different positive numbers",
            received=shown(grid),
        )
    return scales
