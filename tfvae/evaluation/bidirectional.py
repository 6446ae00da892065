"""How far annealed importance sampling can be off: a lower and an upper bound on data from the model itself."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import memory, random
from tfvae.checks import UserError, positive_int
from tfvae.evaluation.ais import examples_at_once
from tfvae.evaluation.annealing import Annealing
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.estimate import of_log_weights
from tfvae.evaluation.per_example import mean_error, with_error
from tfvae.evaluation.schedules import temperatures_of
from tfvae.examples import Examples
from tfvae.models.conditional import Conditional
from tfvae.models.contract import Generative


@dataclass(frozen=True, repr=False)
class Sandwich:
    """Stochastic bounds of log p(x) for N examples that the model simulated, from C chains each way.

    Attributes:
        lower: by annealed importance sampling, [N], nats; its expectation is at most log p(x).
        lower_standard_error: of `lower`, [N], nats; see `Estimate`.
        upper: by the reverse chains, [N], nats; its expectation is at least log p(x).
        upper_standard_error: of `upper`, [N], nats, given the exact draw that the chains of an example share.
        num_temperatures: T.
        num_chains: C.
    """

    lower: np.ndarray
    lower_standard_error: np.ndarray
    upper: np.ndarray
    upper_standard_error: np.ndarray
    num_temperatures: int
    num_chains: int

    def __repr__(self) -> str:
        """The bounds and what they are made from, in one line."""
        bounds = f"log p(x) from {with_error(self.lower)} to {with_error(self.upper)} nats"
        effort = f"{self.num_chains:,} chains, {self.num_temperatures:,} temperatures"
        return f"<{type(self).__name__}: {bounds}, N = {len(self.lower):,}, {effort}>"

    @property
    def gap(self) -> float:
        """Mean of upper - lower, nats: in expectation at least as large as the mean bias of either bound."""
        return float((self.upper - self.lower).mean())

    @property
    def gap_standard_error(self) -> float:
        """Standard error of `gap`, sd(upper - lower) / sqrt(N), nats; NaN for a single example."""
        return mean_error(self.upper - self.lower)


def bdmc(
    model: Generative,
    num_examples: int = 100,
    num_temperatures: int = 1000,
    num_chains: int = 16,
    *,
    condition: np.ndarray | None = None,
    init: str = "prior",
    schedule: str | None = None,
    num_leapfrog: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
    block_size: int | None = None,
) -> Sandwich:
    """Bidirectional Monte Carlo: bounds log p(x) from both sides, for x simulated from the model.

    z is drawn from p(z) and x from p(x|z), which makes z an exact draw from p(z|x). `ais` gives the lower bound. The
    same chains run backwards from z, t going from 1 to 0, have weights with E[w'] = 1 / p(x), and

        log p(x) <= E[-log (1/C) sum_c w'_c]

    The gap is what AIS with these settings can be off on such data. On other data it is a hint, the better the more
    the model's samples are like them.

    Args:
        model: `Generative` model with continuous latents.
        num_examples: N.
        condition: [N, *condition_shape], for a model that has one: an example is simulated for each.
        num_temperatures, num_chains, init, schedule, num_leapfrog: see `ais`.
        seed: 32-bit integer.
        progress, store, block_size: see `ais`.

    Returns:
        result: `Sandwich`.

    Raises:
        UserError: if an argument is out of range, the model does not fit, or a log-weight is NaN or infinite.

    Example:
        >>> from tfvae import presets
        >>> result = bdmc(presets.create("digits"), 3, num_temperatures=3, num_chains=4)
        >>> result.lower.shape
        (3,)

    References:
        Grosse, Ghahramani, Adams: Sandwiching the marginal likelihood using bidirectional Monte Carlo (2015),
        section 3.
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        section 2.3.
    """
    num_examples = positive_int("num_examples", num_examples)
    temperatures = temperatures_of(model, schedule, num_temperatures)
    memory.check(f"{num_examples} simulated examples", 32.0 * num_examples, fix="simulate fewer")
    run_seed = random.fold(random.as_seed(seed), "bdmc")
    annealing = Annealing(model, init, num_chains, num_leapfrog, run_seed)
    given = None
    if isinstance(model, Conditional):
        given = np.asarray(model.check_condition(condition))
        if len(given) != num_examples:
            raise UserError(
                "each simulated example has its condition",
                expected=f"num_examples = {num_examples} conditions",
                received=len(given),
            )

    def bound(start: int, stop: int) -> np.ndarray:
        some = None if given is None else given[start:stop]
        z, x = _simulate(model, annealing, run_seed, start, stop, some)
        step_sizes = annealing.step_sizes(x, start, temperatures)
        up, _ = annealing.run(x, start, temperatures, step_sizes)
        down, _ = annealing.run(x, start, temperatures[::-1], step_sizes[::-1], z)
        lower, upper = of_log_weights(up, start), of_log_weights(down, start)
        return np.stack([lower[0], lower[1], -upper[0], upper[1]])

    size = examples_at_once(model, num_chains, block_size)
    columns = in_blocks(num_examples, size, bound, store, progress)
    return Sandwich(*columns, num_temperatures=num_temperatures, num_chains=num_chains)  # type: ignore[misc]


def _simulate(
    model: Any, annealing: Annealing, seed: tf.Tensor, start: int, stop: int, condition: np.ndarray | None
) -> tuple[tf.Tensor, Any]:
    """Returns latents [b, D] and examples as `check_examples` gives them, of the numbers from start to before stop."""
    noise = random.PhiloxNoise(random.fold(seed, "simulated"), stop - start, start)
    blank = Examples(np.zeros((stop - start, *model.event_shape), np.float32), condition).arguments()
    examples = model.check_examples(**blank)
    generator = model.generator(examples)
    latents = tuple(z[0] for z in model.prior_latents(generator, noise, 1))
    x = model.simulate(examples, generator, latents, noise)
    return annealing.path.pack(latents), model.check_examples(**{**blank, "x": x})
