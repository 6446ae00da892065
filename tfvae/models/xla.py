"""What XLA compiles of a training step: all of it, its large log-densities, or nothing."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfvae.checks import UserError
from tfvae.distributions import log_density
from tfvae.models import checking

LEAST_NUMBERS = {
    "auto": log_density.LEAST_NUMBERS,
    True: 0,
    False: math.inf,
}  # of a log-density, to be compiled
UNSUPPORTED = re.compile(r"Detected unsupported operations .*? on \w+: (\w+)")


def check(jit_compile: bool | str, run_eagerly: bool, replicas: int) -> bool | str:
    """Returns `jit_compile`: "auto", True or False.

    Raises:
        UserError: if it is something else, or the step cannot be compiled.
    """
    if jit_compile not in ("auto", True, False):
        raise UserError("unknown jit_compile", expected='"auto", True or False', received=repr(jit_compile))
    if jit_compile is True and (run_eagerly or replicas > 1):
        raise UserError(
            "jit_compile compiles the step of one device",
            expected="one replica and run_eagerly=False",
            received=f"{replicas} replicas, run_eagerly={run_eagerly}",
            fix='set jit_compile="auto"',
        )
    return jit_compile


def whole(learn: Callable[..., Any], *arguments: Any) -> Any:
    """Returns learn(*arguments), compiled by XLA."""
    return tf.function(lambda: learn(*arguments), jit_compile=True, autograph=False)()


def told_in_one_line(
    function: Callable[[Any], Any], where: Callable[[], str] | None = None
) -> Callable[[Any], Any]:
    """Returns a step function that turns TensorFlow's errors about a batch that does not fit, or about an operation
    that XLA lacks, into a `UserError`.

    Args:
        function: the step function.
        where: gives the words for the batch at which it stopped, or None.
    """

    @functools.wraps(function)
    def telling(data: Any) -> Any:
        try:
            return function(data)
        except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
            line = checking.told(error)
            found = UNSUPPORTED.search(str(error))
            if line is None and found is None:
                raise
        if line is not None:
            raise UserError(line if where is None else f"{line} ({where()})")
        raise UserError(
            "XLA cannot compile the training step",
            expected="operations that XLA has",
            received=found and found[1],
            fix="set jit_compile=False",
        )

    return telling
