"""Why the bound is loose: the inference gap, and how much of it is due to the family of q and to the encoder."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import random
from tfvae.checks import STEPS, UserError, int_from, not_finite, number_in, positive_int
from tfvae.distributions import log_density
from tfvae.evaluation import importance
from tfvae.evaluation.blocks import in_blocks
from tfvae.evaluation.examples import as_examples
from tfvae.evaluation.gap_result import COLUMNS, InferenceGap, figures, result_of
from tfvae.evaluation.local import climb
from tfvae.evaluation.per_example import PerExample
from tfvae.evaluation.traced import traced
from tfvae.models.contract import Density, Inferential

EXAMPLES_PER_BLOCK = 50
SLOWER = 0.25  # rate of the second ascent, as a share of the first one's


def inference_gap(
    model: Inferential,
    data: Any,
    *,
    steps: int = 500,
    num_samples: int = 1000,
    learning_rate: float = 0.05,
    step_samples: int = 8,
    log_prob: np.ndarray | None = None,
    log_prob_standard_error: np.ndarray | None = None,
    seed: int = 0,
    store: MutableMapping[int, np.ndarray] | None = None,
    progress: Callable[[int, int], None] | None = None,
    block_size: int | None = None,
) -> InferenceGap:
    """Splits the gap between log p(x) and the ELBO by what q*, the best q for each example, would still miss:

        log p(x) - ELBO[q]  =  (log p(x) - ELBO[q*])  +  (ELBO[q*] - ELBO[q])
            inference              approximation            amortization

        ELBO[q] = E_q(z)[log p(x, z) - log q(z)],  q* = the maximum of ELBO[q] over the family, for this x alone

    q* is found by Adam for each example by itself, from the encoder's q(z|x). What moves is what the head computes for
    an example: loc and log scale of `DiagonalNormal`, loc and L of `FullCovarianceNormal`, loc, log scale and the
    directions of `HouseholderNormal`, the mean and log scale of every layer of a `LadderVAE`. Of a flow it is the
    location and log scale of its base and the context; the networks inside the flow are the same for all examples and
    keep their weights, so that its "family" is the flows with these networks, and what others would gain counts as
    approximation gap. No weight of the model changes.

    Noise of the ascent and of the evaluation is independent, so that ELBO[q*] has no bias from being chosen; too short
    an ascent is told by `late_gain`, and leaves the amortization gap too small and the approximation gap too large.
    Both ELBOs use the same noise, and standard errors are those of the differences.

    log p(x) is estimated by importance sampling from q*, whose KL divergence from p(z|x) is the family's smallest. As
    of every such estimate its expectation is at most log p(x): small effective sample sizes mean inference and
    approximation gaps that are too small, by more than their errors say. Another estimate, as by annealed importance
    sampling, can be given.

    Args:
        model: `Inferential` model with continuous latents and a q(z|x) whose parameters depend on x alone.
        data: examples; see `log_marginal`.
        steps: of the optimiser, half of them in a second ascent, four times slower, from where the first one ended; its
            gain is `late_gain`.
        num_samples: particles K for each example, for the ELBOs and log p(x).
        learning_rate: of Adam at the first step; in each ascent it falls to 0 as half a cosine.
        step_samples: particles for each example in a step.
        log_prob: log p(x), [N], nats, from elsewhere; estimated for None.
        log_prob_standard_error: of `log_prob`, [N], nats; None where it is exact.
        seed: 32-bit integer. An example's noise depends on it and the example's index alone.
        store: takes each finished block, and spares those that it holds; of one model, data set and the same arguments.
        progress: called with (examples done, N) at the start and after each block.
        block_size: particles of an example that are weighed at once; see `log_marginal`.

    Returns:
        result: `InferenceGap`.

    Raises:
        UserError: if an argument is out of range, the data do not fit the model, q(z|x) cannot be optimised or a
            log-weight is not finite.

    Example:
        >>> import numpy as np
        >>> from tfvae import evaluation, presets
        >>> model, x = presets.create("digits"), np.ones((3, 8, 8, 1), "float32")
        >>> found = evaluation.inference_gap(model, x, steps=4, num_samples=50)
        >>> bool(np.isclose(found.inference.mean, found.approximation.mean + found.amortization.mean))
        True

    References:
        Cremer, Li, Duvenaud: Inference suboptimality in variational autoencoders (2018), table 1 (the gaps); the
        authors' code takes Adam, 100 particles and an ascent that ends when it no longer gains (the optimisation).
        Goodfellow, Bengio, Courville: Deep learning (2016), section 19.4.4 (the question).
    """
    steps = int_from(2, "steps", steps, STEPS)
    num_samples = int_from(2, "num_samples", num_samples)
    step_samples = positive_int("step_samples", step_samples)
    learning_rate = number_in("learning_rate", learning_rate, 0.0, open_low=True)
    check_gap(model)
    data = as_examples(model, data)
    count = len(data)
    given = _given(log_prob, log_prob_standard_error, count)
    root = random.as_seed(seed)
    climb_seed, score_seed = (random.fold(root, "inference_gap", part) for part in ("climb", "score"))
    start_free, climb_from, weigh_block = _functions(model)
    particle_block = min(num_samples, importance.particles_at_once(model, EXAMPLES_PER_BLOCK, block_size))
    blocks = [min(particle_block, num_samples - start) for start in range(0, num_samples, particle_block)]

    def measure(start: int, stop: int) -> np.ndarray:
        x, first_row = model.check_examples(**data[start:stop].arguments()), tf.constant(start)
        found = [start_free(x)]
        for index, half in enumerate((steps // 2, steps - steps // 2)):
            options = map(tf.constant, (half, learning_rate * SLOWER**index))
            seed_of_half = random.fold(climb_seed, index)
            found.append(climb_from(x, found[-1], first_row, seed_of_half, *options, step_samples))
        log_weights = [
            weigh_block(x, found, first_row, random.fold(score_seed, block), size).numpy()
            for block, size in enumerate(blocks)
        ]
        return figures(np.concatenate(log_weights, axis=1), start)

    columns = in_blocks(count, EXAMPLES_PER_BLOCK, measure, store, progress, data.rows)
    return result_of(dict(zip(COLUMNS, columns, strict=True)), given, num_samples, steps)


def check_gap(model: Any) -> None:
    """Raises a `UserError` unless the best q(z|x) for one example can be found by gradient ascent.

    Example:
        >>> from tfvae import evaluation, presets
        >>> evaluation.check_gap(presets.create("digits"))  # it has one: no error
    """
    fix = "log_marginal and active_units apply, tfvae evaluate without --gap"
    if isinstance(model, Density):
        what = "a model without latents has no inference gap"
        fix = "its log p(x|condition) is exact: log_marginal applies, tfvae evaluate without --gap"
    elif not isinstance(model, Inferential):
        what, fix = "a model without q(z|x) has no inference gap", "ais applies"
    elif any(head.value_kind != "continuous" for head in model.posterior_heads):
        what = "the inference gap needs continuous latents, along which q has a gradient"
    elif not model.encodes_posterior:
        what = "the inference gap needs a q(z|x) whose parameters depend on x alone, not on sampled latents"
    else:
        return
    raise UserError(
        what,
        expected="a VAE, IWAE, CVAE or LadderVAE with a head such as DiagonalNormal",
        received=type(model).__name__,
        fix=fix,
    )


def _functions(model: Inferential) -> tuple[Callable[..., Any], ...]:
    """Returns the traced functions of a model: the start, an ascent, and the weights of a block of particles."""

    def start_free(x: Any) -> Any:
        return model.unconstrain(model.encoding(x))

    def climb_from(*start: Any) -> Any:
        with log_density.compiled_densities():
            return climb(model, *start)

    def weigh_block(x: Any, found: list[Any], first_row: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
        """Returns log-weights of several q at the same noise: [len(found), size, B]."""
        num_rows = tf.shape(tf.nest.flatten(x)[0])[0]
        with log_density.compiled_densities():
            each = [
                model.score(
                    x, model.constrain(free), size, random.PhiloxNoise(seed, num_rows, first_row)
                ).log_weights
                for free in found
            ]
        return tf.cast(tf.stack(each), tf.float64)

    return traced(model, "inference_gap", start_free, climb_from, weigh_block)


def _given(log_prob: np.ndarray | None, standard_error: np.ndarray | None, count: int) -> PerExample | None:
    """Returns a `PerExample` of values from elsewhere, checked, or None where there are none."""
    if log_prob is None:
        if standard_error is not None:
            raise UserError(
                "log_prob_standard_error belongs to log_prob",
                expected="both or neither",
                received="no log_prob",
            )
        return None
    pair: dict[str, Any] = {
        "log_prob": log_prob,
        "log_prob_standard_error": 0.0 if standard_error is None else standard_error,
    }
    if standard_error is None:
        pair["log_prob_standard_error"] = np.zeros(count)
    for name, values in pair.items():
        values = pair[name] = np.asarray(values, np.float64)
        if values.shape != (count,):
            raise UserError(
                f"{name} does not fit the examples", expected=f"shape ({count},)", received=values.shape
            )
        if broken := not_finite(values):
            raise UserError(
                f"{name} is not finite",
                expected="numbers",
                received=f"{values[broken[1]]} at example {broken[1]}",
            )
    return PerExample(*pair.values())
