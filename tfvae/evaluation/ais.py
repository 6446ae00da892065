"""The log marginal likelihood by annealed importance sampling."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae import random
from tfvae.checks import positive_int
from tfvae.evaluation.annealing import Annealing
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.estimate import Estimate, of_log_weights
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.memory import width
from tfvae.evaluation.schedules import temperatures_of
from tfvae.models.contract import Generative

LARGEST_BLOCK = 64  # examples
NUMBERS_PER_BLOCK = 2**18  # float32 numbers in a block's largest tensor: 1 MiB, as the cache of a core


@dataclass(frozen=True, repr=False)
class AnnealedImportance(Estimate):
    """Estimates of log p(x) for N examples from C annealed chains each, whose weights take the place of particles'.

    Attributes:
        log_prob, standard_error, effective_sample_size: see `Estimate`; K = C.
        mean_log_weight: mean_c log w_c, [N], nats, what the estimate would be in expectation with a single chain.
        acceptance: mean probability with which a transition was accepted, [N]; NaN with one temperature.
        num_temperatures: T.
        num_chains: C.
    """

    mean_log_weight: np.ndarray
    acceptance: np.ndarray
    num_temperatures: int
    num_chains: int

    def effort(self) -> list[str]:
        """See `Estimate.effort`."""
        return [f"{self.num_chains:,} chains", f"{self.num_temperatures:,} temperatures"]


def ais(
    model: Generative,
    data: Any,
    num_temperatures: int = 1000,
    num_chains: int = 16,
    *,
    init: str = "prior",
    schedule: str | None = None,
    num_leapfrog: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    store: MutableMapping[int, np.ndarray] | None = None,
    block_size: int | None = None,
) -> AnnealedImportance:
    """Estimates log p(x) of each example by annealed importance sampling,

        log p(x) ~ log (1/C) sum_c w_c,  log w = sum_{k=1..T} log f_{t_k}(z_{k-1}) - log f_{t_{k-1}}(z_{k-1})
        f_t(z) = r(z)^(1 - t) p(x, z)^t,  z_0 drawn from r,  z_k from z_{k-1} by a transition that leaves f_{t_k} alone

    with r(z) the prior, or the posterior q(z|x), and t from 0 to 1. E[w] = p(x), so that `log_prob` is at most log
    p(x) in expectation, and the closer the slower t goes. The prior needs nothing of q: a bad q does not matter.
    With one temperature it is importance sampling from r.

    Transitions are Hamiltonian Monte Carlo. Their step sizes, one for each example and temperature, come from a pilot
    of four chains with noise of its own, before: they are fixed while the chains run, and E[w] = p(x) is exact.

    Args:
        model: `Generative` model with continuous latents, whatever trained it; for `init="posterior"` one with q(z|x).
        data: see `log_marginal`.
        num_temperatures: T.
        num_chains: C for each example.
        init: "prior" or "posterior", what r is.
        schedule: of t, "sigmoid", "linear" or "geometric"; None for the last where the model is implicit, and the
            first where it is not. See `tfvae.evaluation.schedules`.
        num_leapfrog: steps of each transition.
        seed: 32-bit integer.
        progress: called with (examples done, N) at the start and after each block.
        store: takes each finished block, and spares those that it holds; of one model, data set and set of arguments.
        block_size: examples taken at once; None for as many as keep their chains' widest tensor at 1 MiB. The result
            does not depend on it.

    Returns:
        result: `AnnealedImportance`.

    Raises:
        UserError: if an argument is out of range, the data or the model do not fit, or a log-weight is NaN or infinite.

    Example:
        >>> import numpy as np
        >>> from tfvae import presets
        >>> model, x = presets.create("digits"), np.ones((3, 8, 8, 1), "float32")
        >>> result = ais(model, x, num_temperatures=3, num_chains=4)
        >>> result.log_prob.shape, result.num_temperatures, result.num_chains
        ((3,), 3, 4)

    References:
        Neal: Annealed importance sampling (2001), section 2.
        Wu, Burda, Salakhutdinov, Grosse: On the quantitative analysis of decoder-based generative models (2017),
        sections 2.2 and 3.
    """
    temperatures = temperatures_of(model, schedule, num_temperatures)
    annealing = Annealing(model, init, num_chains, num_leapfrog, random.fold(random.as_seed(seed), "ais"))
    data = as_examples(model, data)

    def estimate(start: int, stop: int) -> np.ndarray:
        x = model.check_examples(**data[start:stop].arguments())
        step_sizes = annealing.step_sizes(x, start, temperatures)
        log_weights, acceptance = annealing.run(x, start, temperatures, step_sizes)
        return np.concatenate([of_log_weights(log_weights, start), acceptance[np.newaxis]])

    size = examples_at_once(model, num_chains, block_size)
    columns = in_blocks(len(data), size, estimate, store, progress, data.rows)
    return AnnealedImportance(*columns, num_temperatures=num_temperatures, num_chains=num_chains)  # type: ignore[misc]


def examples_at_once(model: Generative, num_chains: int, block_size: int | None) -> int:
    """Returns `block_size`, checked, or for None how many examples keep their chains' widest tensor at 1 MiB."""
    if block_size is not None:
        return positive_int("block_size", block_size)
    return min(LARGEST_BLOCK, max(1, NUMBERS_PER_BLOCK // (num_chains * width(model))))
