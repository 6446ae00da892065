"""Log-densities that XLA compiles where it pays: inside training and evaluation, never in an exported graph.

TensorFlow evaluates a formula one operation at a time, each a pass over memory; XLA makes one pass of it. Only the
log-densities are compiled: matrix products are faster outside XLA on a CPU.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator

import tensorflow as tf

LEAST_NUMBERS = 2048  # in one example, over all its particles: below it a launch costs more than it saves

_here = threading.local()


@contextlib.contextmanager
def compiled_densities(least_numbers: float = LEAST_NUMBERS) -> Iterator[None]:
    """Within it, and in this thread, log-densities over `least_numbers` or more of each example are compiled."""
    before = _least()
    _here.least = least_numbers
    try:
        yield
    finally:
        _here.least = before


def _least() -> float:
    return getattr(_here, "least", math.inf)


class LogDensity:
    """A log-density summed over the last axis, with its gradient.

    Outside `compiled_densities()`, and for few numbers, it is `formula`. Otherwise XLA compiles it, and its gradient
    recomputes what it needs from the arguments.

    Args:
        formula: maps tensors that broadcast to [..., B, D] to [..., B].
        arranged: the same function, written in the order that is fastest when compiled; its gradient is never taken.
    """

    def __init__(self, formula: Callable[..., tf.Tensor], arranged: Callable[..., tf.Tensor] | None = None):
        self._formula = formula
        value = tf.function(arranged or formula, jit_compile=True, autograph=False)
        pullback = tf.function(self._pullback, jit_compile=True, autograph=False)

        @tf.custom_gradient
        def compiled(*arguments: tf.Tensor) -> tuple[tf.Tensor, Callable[..., list[tf.Tensor]]]:
            def gradient(upstream: tf.Tensor) -> list[tf.Tensor]:
                return [pullback(index, upstream, *arguments) for index in range(len(arguments))]

            return value(*arguments), gradient

        self._compiled = compiled

    def _pullback(self, index: int, upstream: tf.Tensor, *arguments: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(arguments[index])
            result = self._formula(*arguments)
        return tape.gradient(result, arguments[index], output_gradients=upstream)

    def __call__(self, *arguments: tf.Tensor) -> tf.Tensor:
        """Returns the log-density: [..., B], nats."""
        arguments = tuple(map(tf.convert_to_tensor, arguments))
        if _numbers(arguments) >= _least():
            return self._compiled(*arguments)
        return self._formula(*arguments)


def _numbers(arguments: tuple[tf.Tensor, ...]) -> int:
    """Returns how many numbers of each example the formula visits: the product of every axis but that of the batch."""
    shape = arguments[0].shape
    for argument in arguments[1:]:
        shape = tf.broadcast_static_shape(shape, argument.shape)
    if shape.rank is None:
        return 0
    return math.prod(size or 1 for size in shape[:-2]) * (shape[-1] or 1)
