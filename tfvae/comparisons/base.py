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


class Comparison:
    """A comparison: a frozen dataclass of its options.

    Attributes:
        name: its name in the table.
    """

    name: ClassVar[str]

    def get_config(self) -> dict[str, Any]:
        """Returns what `tfvae.comparisons.get` needs to make this comparison again."""
        return {"name": self.name} | dataclasses.asdict(self)  # type: ignore[call-overload]
