"""What comparisons return."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import tensorflow as tf


class Cost(NamedTuple):
    """A cost for each example, and how it changes with the critic's output.

    The gradient for the generator's parameters is mean_b weight[b] d a[b] / d theta, a[b] the critic's output at the
    sample b. `weight` is written out rather than differentiated, so that it neither overflows nor underflows early.

    Attributes:
        value: [B], nats for costs of a probability.
        weight: [B], d value[b] / d a[b].
    """

    value: tf.Tensor
    weight: tf.Tensor


def shares(weight: tf.Tensor) -> tf.Tensor:
    """Returns weights [B] as shares of their sum; 0 where all are 0."""
    return tf.math.divide_no_nan(weight, tf.reduce_sum(weight))


class Comparison:
    """A comparison: a frozen dataclass of its options.

    Attributes:
        name: its name in the table.
        needs_factors: whether in latent space it needs a posterior of independent units.
    """

    name: ClassVar[str]
    needs_factors: ClassVar[bool] = False

    @property
    def needs_pairs(self) -> bool:
        """Whether it needs two examples or more in a batch."""
        return False

    def get_config(self) -> dict[str, Any]:
        """Returns what `tfvae.comparisons.get` needs to make this comparison again."""
        return {"name": self.name} | dataclasses.asdict(self)  # type: ignore[call-overload]
