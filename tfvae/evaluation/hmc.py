"""Hamiltonian Monte Carlo for many chains at once, each with a step size of its own.

`tfp.mcmc.HamiltonianMonteCarlo` makes the same transition, from a seed. Here the noise is given, so that a chain of an
example is the same whatever block it stands in, and both densities at the end are kept for the next temperature of
annealed importance sampling, which mixes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

Densities = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


class Point(NamedTuple):
    """Where C chains of B examples are, and two log-densities there.

    Attributes:
        z: [C, B, D].
        values: both log-densities, [C, B] each, nats.
        slopes: the derivative of each by z, [C, B, D].
    """

    z: tf.Tensor
    values: tuple[tf.Tensor, tf.Tensor]
    slopes: tuple[tf.Tensor, tf.Tensor]


class Mix(NamedTuple):
    """The log-density first * log f + second * log g that a transition leaves invariant; both are scalars."""

    first: tf.Tensor
    second: tf.Tensor

    def of(self, pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Returns the mixture of what both log-densities gave."""
        return self.first * pair[0] + self.second * pair[1]


def visit(densities: Densities, z: tf.Tensor) -> Point:
    """Evaluates both log-densities and their derivatives at z."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(z)
        values = densities(z)
    slopes = tuple(tape.gradient(value, z, unconnected_gradients="zero") for value in values)
    return Point(z, values, slopes)


def transition(
    densities: Densities,
    mix: Mix,
    point: Point,
    momentum: tf.Tensor,
    uniform: tf.Tensor,
    step_size: tf.Tensor,
    num_leapfrog: int,
) -> tuple[Point, tf.Tensor]:
    """One transition that leaves exp(mix) invariant: `num_leapfrog` leapfrog steps

        p <- p + eps/2 d/dz mix(z),  z <- z + eps p,  p <- p + eps/2 d/dz mix(z)

    and acceptance of the end with probability min(1, exp(H - H')), H = |p|^2 / 2 - mix(z). An end where H' is not
    finite is rejected.

    Args:
        densities: maps z to two log-densities.
        mix: what they are mixed to.
        point: the state.
        momentum: standard normal noise, [C, B, D].
        uniform: noise uniform on [0, 1), [C, B].
        step_size: eps, [C, B, 1] or broadcasting with it.
        num_leapfrog: steps.

    Returns:
        point: the next state.
        acceptance: the probability with which the end was to be accepted, [C, B].

    References:
        Neal: MCMC using Hamiltonian dynamics (2011), equations 5.18 to 5.20 and section 5.3.2.1.
    """

    def leapfrog(step: tf.Tensor, z: tf.Tensor, p: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        z += step_size * p
        with tf.GradientTape() as tape:
            tape.watch(z)
            value = mix.of(densities(z))
        return step + 1, z, p + step_size * tape.gradient(value, z)

    p = momentum + 0.5 * step_size * mix.of(point.slopes)
    _, z, p = tf.while_loop(
        lambda step, *_: step < num_leapfrog,
        leapfrog,
        (tf.constant(1), point.z, p),
        parallel_iterations=1,
    )
    end = visit(densities, z + step_size * p)
    p += 0.5 * step_size * mix.of(end.slopes)
    gain = mix.of(tuple(after - before for after, before in zip(end.values, point.values, strict=True)))
    log_ratio = gain - 0.5 * tf.reduce_sum((p - momentum) * (p + momentum), axis=-1)
    log_ratio = tf.where(tf.math.is_finite(log_ratio), log_ratio, -float("inf"))
    accepted = tf.math.log(uniform) < log_ratio
    chosen = tf.nest.map_structure(
        lambda new, old: tf.where(accepted[..., tf.newaxis] if new.shape.rank == 3 else accepted, new, old),
        end,
        point,
    )
    return chosen, tf.exp(tf.minimum(log_ratio, 0.0))
