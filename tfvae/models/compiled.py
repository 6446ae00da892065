"""A training step that XLA compiles."""

from __future__ import annotations

import contextlib
import re

import tensorflow as tf

from tfvae.checks import UserError

UNSUPPORTED = re.compile(r"Detected unsupported operations .*? on \w+: (\w+)")


def check(jit_compile: bool, run_eagerly: bool, replicas: int) -> bool:
    """Returns whether a step is to be compiled.

    Raises:
        UserError: if it cannot be.
    """
    if not isinstance(jit_compile, bool):
        raise UserError("jit_compile is neither True nor False", received=repr(jit_compile))
    if jit_compile and (run_eagerly or replicas > 1):
        raise UserError(
            "jit_compile compiles the step of one device",
            expected="one replica and run_eagerly=False",
            received=f"{replicas} replicas, run_eagerly={run_eagerly}",
            fix="set jit_compile=False",
        )
    return jit_compile


@contextlib.contextmanager
def told_in_one_line():
    """Turns TensorFlow's error about an operation that XLA lacks into a `UserError`."""
    try:
        yield
    except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        found = UNSUPPORTED.search(str(error))
        if not found:
            raise
        raise UserError(
            "XLA cannot compile the training step",
            expected="operations that XLA has",
            received=found[1],
            fix="train without --jit, jit_compile=False",
        ) from error
