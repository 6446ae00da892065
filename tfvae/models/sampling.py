"""Samples by number, some at a time."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from tfvae import memory, random
from tfvae.checks import positive_int
from tfvae.random import Noise

SAMPLES_PER_BLOCK = 10_000  # drawn at a time, so that the networks' layers need no more memory for many


def in_blocks(
    n: int, seed: int | None, event_shape: tuple[int, ...], draw: Callable[[Noise], tf.Tensor]
) -> tf.Tensor:
    """Returns n samples [n, *event_shape], of which sample i depends on (seed, i) alone.

    Args:
        n: number of samples.
        seed: 32-bit integer, or None for a fresh one.
        event_shape: shape of one sample.
        draw: function from noise to one sample for each of its rows.

    Raises:
        UserError: if n is no positive integer, or there is no memory for so many.
    """
    needed = positive_int("n", n) * (2.0 + math.prod(event_shape)) * 4.0
    memory.check(f"{n} samples", needed, fix="draw fewer at a time")
    seeds = random.row_seeds(seed, n)
    if n <= SAMPLES_PER_BLOCK:
        return draw(random.ThreefryNoise(seeds))
    starts = range(0, n, SAMPLES_PER_BLOCK)
    return tf.concat([draw(random.ThreefryNoise(seeds[i : i + SAMPLES_PER_BLOCK])) for i in starts], axis=0)
