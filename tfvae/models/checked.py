"""What the data of a model must be, before a network or a likelihood sees them."""

from __future__ import annotations

import abc
from typing import Any

import tensorflow as tf

from tfvae.models import checking
from tfvae.models.checking import Check
from tfvae.models.parts import batch_of, known


class Checked(abc.ABC):
    """A model's view of its data: arrays x [N, *event_shape] of floating-point numbers.

    A subclass adds `checks` of its values, or a second array.
    """

    @property
    @abc.abstractmethod
    def event_shape(self) -> tuple[int, ...]:
        """Shape of one example."""

    def named(self, inputs: Any, targets: Any = None) -> dict[str, Any]:
        """Returns Keras' inputs and targets as arguments of `check_examples`; targets, such as labels, are ignored."""
        return {"x": inputs}

    def cast_examples(self, x: Any) -> Any:
        """Returns a batch of examples as float32 tensors, whatever their values.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape.
        """
        return batch_of("x", x, self.event_shape, rank=1 + len(self.event_shape))

    def checks(self, examples: Any, scored: bool) -> list[Check]:
        """Returns what must hold of the values of a batch that `cast_examples` gave.

        Args:
            examples: the batch.
            scored: whether a likelihood is to score it; otherwise a network alone sees it.
        """
        return [checking.numbers("x", examples)]

    def check_examples(self, x: Any, **condition: Any) -> Any:
        """Returns a batch of examples as float32 tensors, for a network.

        Args:
            x: [B, *event_shape].
            **condition: `condition`, for a model that has one.

        Raises:
            UserError: if they are not floating-point numbers of the model's shape in the range that it models. In a
                graph the values are checked when it runs.
        """
        examples = self.cast_examples(x, **condition)
        return checking.gated(examples, *self.checks(examples, scored=False))

    def check_scored(self, x: Any, **condition: Any) -> Any:
        """Returns a batch of examples as `check_examples` does, for the likelihood, which must be able to score it."""
        examples = self.cast_examples(x, **condition)
        return checking.gated(examples, *self.checks(examples, scored=True))

    def check_inputs(self, inputs: Any) -> tf.Tensor:
        """Returns what Keras calls the model on as float32 tensors; see `check_examples`."""
        return self.check_examples(inputs)

    def check_data(self, inputs: Any, targets: Any) -> None:
        """Checks what arrays among Keras' inputs and targets can be checked before the first step.

        Raises:
            UserError: if they do not fit the model.
        """
        if inputs is None:
            self.cast_examples(inputs)
        self.check_support(inputs)

    def check_support(self, x: Any) -> None:
        """Raises a `UserError` if an array, or a tensor outside a graph, holds values that the model cannot score."""
        x = known(x)
        if x is not None:
            with tf.device("CPU"):
                self.check_scored_values(tf.cast(x, tf.float32))

    def check_scored_values(self, x: tf.Tensor) -> None:
        """Raises a `UserError` if float32 values cannot be scored."""
        checking.gated(x, checking.numbers("x", x))
