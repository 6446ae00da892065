"""Chains that go along a path to the posterior, or back."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae import memory, random
from tfvae.checks import CHAINS, positive_int
from tfvae.distributions import log_density
from tfvae.evaluation import hmc
from tfvae.evaluation.path import Path
from tfvae.evaluation.traced import traced

PER_CALL = 25  # transitions between two chances to interrupt
PILOT_CHAINS = 4
WARM_UP = 25  # transitions at the first temperature in which the pilot finds its step size
RATE = 0.2  # of the logarithm of the pilot's step size
ACCEPTANCE = 0.65  # which the pilot aims at
Place = tuple[
    tf.Tensor, tf.Tensor, tuple[tf.Tensor, tf.Tensor]
]  # first row, seed, (begin, end) of transitions
JITTER = 0.2  # of the step size, relative, so that no trajectory is as long as a period


class Stage(NamedTuple):
    """How the C chains of B examples stand.

    Attributes:
        z: where they are, [C, B, D].
        log_weights: [C, B], float64, nats.
        acceptance: of each example's transitions so far, the mean, [B]; NaN without one.
    """

    z: tf.Tensor
    log_weights: np.ndarray
    acceptance: np.ndarray


class Annealing:
    """AIS chains of one model along its `path`.

    The noise of an example depends on the seed and on the example's number alone. A `model` keeps its traced
    functions, so that making another object of the same settings costs nothing.

    Args:
        model: a `Generative` model with continuous latents; an `Inferential` one too for chains from q(z|x).
        init: "prior" or "posterior", what r is.
        num_chains: C.
        num_leapfrog: steps of each transition.
        seed: [2], int32.

    Raises:
        UserError: if the model does not fit or an argument is out of range.
    """

    def __init__(self, model: Any, init: str, num_chains: int, num_leapfrog: int, seed: tf.Tensor) -> None:
        self.path, self._seed = Path(model, init), seed
        self._num_chains = positive_int("num_chains", num_chains, CHAINS)
        self._num_leapfrog = positive_int("num_leapfrog", num_leapfrog)
        numbers = self._num_chains * (self.path.size + math.prod(model.event_shape))
        memory.check(f"{num_chains} chains of an example", 4.0 * numbers, fix="take fewer")
        steps = self._begin, self._visit, self._move, self._tune
        self._beginning, self._visiting, self._moving, self._tuning = traced(
            model, ("annealing", init, num_chains, num_leapfrog, *model.density_settings), *steps
        )

    def step_sizes(self, x: Any, first_row: int, temperatures: np.ndarray) -> tf.Tensor:
        """Returns a step size for each temperature but the first and the last and each example: [T - 1, B].

        A pilot of a few chains with noise of its own goes through the temperatures and corrects its step size after
        each transition. What is fixed here does not depend on the noise of the chains that use it, so their weights
        are unbiased: an adaptation to their own acceptance would bias them.
        """
        inner = temperatures[1:-1]
        if not len(inner):
            return tf.zeros([0, tf.shape(tf.nest.flatten(x)[0])[0]])
        seed = random.fold(self._seed, "pilot")
        point = self._beginning(x, tf.constant(first_row), seed, PILOT_CHAINS)
        spread = tf.math.reduce_std(point.z, axis=0) + 1e-6
        log_step = tf.reduce_mean(tf.math.log(spread), axis=-1) - 0.25 * math.log(self.path.size)
        rates = np.maximum(RATE, 1.0 / np.sqrt(np.arange(1, WARM_UP + len(inner) + 1)))
        path = np.concatenate([np.full(WARM_UP, inner[0]), inner])
        found = []
        for part in _parts(len(path)):
            place = tf.constant(first_row), seed, part
            point, log_step, steps = self._tuning(x, place, point, log_step, _float(path), _float(rates))
            found.append(steps)
        return tf.exp(tf.concat(found, axis=0)[WARM_UP:])

    def run(
        self,
        x: Any,
        first_row: int,
        temperatures: np.ndarray,
        step_sizes: tf.Tensor,
        z: tf.Tensor | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Runs chains along t_0 .. t_T, upwards or downwards, and weighs them:

            log w = sum_k log f_{t_k}(z_{k-1}) - log f_{t_{k-1}}(z_{k-1}),  k = 1 .. T

        z_k being drawn by the transition for t_k from z_{k-1}.

        Args:
            x: checked examples, B rows.
            first_row: number of the first one.
            temperatures: t_0 .. t_T, [T + 1].
            step_sizes: of the transitions for t_1 .. t_{T-1}, [T - 1, B].
            z: where the chains of an example start, [B, D]; at draws from r for None.

        Returns:
            log_weights: [C, B], float64 array.
            acceptance: of each example's transitions, the mean, [B]; NaN where T = 1.
        """
        *_, last = self.stages(x, first_row, temperatures, step_sizes, z)
        return last.log_weights, last.acceptance

    def stages(
        self,
        x: Any,
        first_row: int,
        temperatures: np.ndarray,
        step_sizes: tf.Tensor,
        z: tf.Tensor | None = None,
        stops: Sequence[int] = (),
    ) -> Iterator[Stage]:
        """Runs chains as `run` does, and tells how they stand on their way.

        Args:
            x, first_row, temperatures, step_sizes, z: see `run`.
            stops: numbers k < T of temperatures, ascending.

        Yields:
            stage: that of each stop, weighed up to t_k; then that of the end.
        """
        seed = random.fold(self._seed, "down" if temperatures[-1] == 0 else "up")
        if z is None:
            point = self._beginning(x, tf.constant(first_row), seed, self._num_chains)
        else:
            point = self._visiting(x, tf.tile(z[tf.newaxis], [self._num_chains, 1, 1]))
        log_weights, accepted = np.zeros(point.z.shape[:2]), np.zeros(point.z.shape[1])
        changes, inner = np.diff(temperatures), temperatures[1:-1]
        for begin, end in _parts(len(inner), stops):
            place = tf.constant(first_row), seed, (begin, end)
            point, gain, taken = self._moving(
                x, place, point, tf.constant(changes), _float(inner), step_sizes
            )
            log_weights = log_weights + gain.numpy()
            accepted += taken.numpy()
            if int(end) in stops:
                yield Stage(point.z, log_weights, accepted / int(end))
        log_weights = log_weights + (changes[-1] * self.path.ascent(point)).numpy()
        yield Stage(point.z, log_weights, accepted / len(inner) if len(inner) else accepted + math.nan)

    def _begin(self, x: Any, first_row: tf.Tensor, seed: tf.Tensor, chains: int) -> hmc.Point:
        """Returns chains at draws from r."""
        noise = random.PhiloxNoise(seed, tf.shape(tf.nest.flatten(x)[0])[0], first_row)
        return self._visit(x, self.path.start(x, noise, chains))

    def _visit(self, x: Any, z: tf.Tensor) -> hmc.Point:
        with log_density.compiled_densities():
            return hmc.visit(self.path.densities(x), z)

    def _transition(
        self,
        densities: hmc.Densities,
        first_row: tf.Tensor,
        seed: tf.Tensor,
        index: tf.Tensor,
        point: hmc.Point,
        temperature: tf.Tensor,
        step: tf.Tensor,
    ) -> tuple[hmc.Point, tf.Tensor]:
        """The transition `index`, with steps of about `step` [B]."""
        chains, size = point.z.shape[0], point.z.shape[2]
        noise = random.PhiloxNoise(random.fold(seed, index), tf.shape(point.z)[1], first_row)
        momentum = noise.normal("momentum", chains, size)
        uniform = noise.uniform("transition", chains, 2)
        jitter = 1.0 + JITTER * (2.0 * uniform[..., 1:] - 1.0)
        return hmc.transition(
            densities,
            self.path.mix(temperature),
            point,
            momentum,
            uniform[..., 0],
            jitter * step[:, tf.newaxis],
            self._num_leapfrog,
        )

    def _move(
        self,
        x: Any,
        place: Place,
        point: hmc.Point,
        changes: tf.Tensor,
        temperatures: tf.Tensor,
        step_sizes: tf.Tensor,
    ) -> tuple[hmc.Point, tf.Tensor, tf.Tensor]:
        """Weighs and moves, once for each temperature from begin to before end. Returns the point, what the
        log-weights gained, and the acceptance, summed."""
        first_row, seed, (begin, end) = place
        with log_density.compiled_densities():
            densities = self.path.densities(x)

            def body(k: Any, point: hmc.Point, log_weights: Any, accepted: Any) -> tuple[Any, ...]:
                log_weights += changes[k] * self.path.ascent(point)
                point, acceptance = self._transition(
                    densities, first_row, seed, k, point, temperatures[k], step_sizes[k]
                )
                acceptance = tf.reduce_mean(tf.cast(acceptance, tf.float64), axis=0)
                return k + 1, point, log_weights, accepted + acceptance

            zero = tf.zeros(tf.shape(point.values[0]), tf.float64)
            state = begin, point, zero, zero[0]
            return tf.while_loop(lambda k, *_: k < end, body, state, parallel_iterations=1)[1:]

    def _tune(
        self,
        x: Any,
        place: Place,
        point: hmc.Point,
        log_step: tf.Tensor,
        temperatures: tf.Tensor,
        rates: tf.Tensor,
    ) -> tuple[hmc.Point, tf.Tensor, tf.Tensor]:
        """Moves and corrects the step size. Returns the point, log step size [B], and that after each transition."""
        first_row, seed, (begin, end) = place
        with log_density.compiled_densities():
            densities = self.path.densities(x)

            def body(k: Any, point: hmc.Point, log_step: Any, steps: Any) -> tuple[Any, ...]:
                point, acceptance = self._transition(
                    densities, first_row, seed, k, point, temperatures[k], tf.exp(log_step)
                )
                log_step += rates[k] * (tf.reduce_mean(acceptance, axis=0) - ACCEPTANCE)
                return k + 1, point, log_step, steps.write(k - begin, log_step)

            state = begin, point, log_step, tf.TensorArray(tf.float32, end - begin)
            _, point, log_step, steps = tf.while_loop(
                lambda k, *_: k < end, body, state, parallel_iterations=1
            )
            return point, log_step, steps.stack()


def _parts(count: int, stops: Sequence[int] = ()) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """Yields (begin, end) of the transitions of each call, two scalars; a call ends at each stop."""
    edges = sorted({*range(0, count, PER_CALL), *stops, count})
    for begin, end in itertools.pairwise(edges):
        yield tf.constant(begin), tf.constant(end)


def _float(values: np.ndarray) -> tf.Tensor:
    return tf.constant(values, tf.float32)
