"""The values that reach a likelihood or a network, checked where they are used: at once, or inside the graph.

A graph that meets a misfit stops before anything that depends on the batch has run, so that no weight has changed, and
its error holds the line that a `UserError` would say. A batch that fits costs two reductions.
"""

from __future__ import annotations

import contextlib
import functools
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.comparisons.base import Comparison
from tfvae.distributions import LikelihoodHead
from tfvae.distributions.head import LARGEST
from tfvae.distributions.likelihood_head import within
from tfvae.models.replicas import Batch

_TOLD = re.compile(r"assertion failed: \[UserError: (.*)\]$", re.MULTILINE)
_here = threading.local()


class Check(NamedTuple):
    """One thing that must hold of a batch.

    Attributes:
        fits: gives whether it holds, a scalar.
        line: gives the message that tells that it does not, a string tensor; called where it does not hold.
    """

    fits: Callable[[], tf.Tensor]
    line: Callable[[], tf.Tensor]


@contextlib.contextmanager
def unchecked() -> Iterator[None]:
    """Within it, and in this thread, graphs are made without checks, as those that are exported."""
    before = getattr(_here, "unchecked", False)
    _here.unchecked = True
    try:
        yield
    finally:
        _here.unchecked = before


def gated(values: Any, *checks: Check) -> Any:
    """Returns `values`, a structure of tensors, once everything in `checks` holds.

    Raises:
        UserError: at once, outside a graph. In a graph the error is one of TensorFlow's, see `told`.
    """
    if not checks or getattr(_here, "unchecked", False):
        return values
    each = [check.fits() for check in checks]
    if tf.executing_eagerly():
        for fits, check in zip(each, checks, strict=True):
            if not fits:
                raise UserError(check.line().numpy().decode())
        return values

    def fail() -> Any:
        line = tf.constant("")
        for fits, check in reversed(list(zip(each, checks, strict=True))):
            line = tf.cond(fits, lambda rest=line: rest, check.line)
        stop = tf.debugging.Assert(False, [tf.strings.join(["UserError: ", line])])
        with tf.control_dependencies([stop]):
            return tf.nest.map_structure(tf.identity, values)

    return tf.cond(functools.reduce(tf.logical_and, each), lambda: values, fail)


def after(examples: Any) -> contextlib.AbstractContextManager:
    """Returns a context in which what a graph does, such as counting a step, waits for examples that were `gated`."""
    return tf.control_dependencies(tf.nest.flatten(examples)[:1])


def told(error: tf.errors.OpError) -> str | None:
    """Returns the line of the `UserError` that a graph's error stands for, None where it is of another kind."""
    found = _TOLD.search(error.message)
    return found[1] if found else None


def numbers(name: str, values: tf.Tensor) -> Check:
    """Checks that every number is finite."""
    return Check(lambda: within(values, -LARGEST, LARGEST), lambda: _not_finite(name, values))


def unit_interval(name: str, values: tf.Tensor) -> Check:
    """Checks that every number lies in [0, 1]."""

    def line() -> tf.Tensor:
        unfit = tf.logical_not((values >= 0.0) & (values <= 1.0))
        return _join(
            f"{name} holds ",
            _count(unfit),
            " numbers outside [0, 1]; expected numbers in [0, 1]; received ",
            *_place(values, unfit),
        )

    return Check(lambda: within(values, 0.0, 1.0), line)


def several_rows(what: str, values: tf.Tensor) -> Check:
    """Checks that a batch has two rows or more."""
    count = tf.shape(values)[0]
    return Check(
        lambda: count > 1,
        lambda: _join(f"{what} needs pairs of examples; expected 2 or more in a batch; received ", count),
    )


def with_pairs(batch: Batch, comparison: Comparison | None) -> Batch:
    """Returns a batch, once it is known to have pairs where a comparison of sets needs them."""
    if comparison is None or not comparison.needs_pairs:
        return batch
    return batch._replace(x=gated(batch.x, several_rows("an unbiased discrepancy", batch.x)))


def support(head: LikelihoodHead, values: tf.Tensor, *, scored: bool = True) -> Check:
    """Checks that a likelihood can score every value; where it is not `scored`, that it lies in the range of those."""
    kind = type(head) if scored else LikelihoodHead

    def outside() -> tf.Tensor:
        unfit = kind.unfit(head, values)
        return _join(
            f"examples are outside the support of a {type(head).__name__} likelihood; expected ",
            kind.scores.fget(head),  # type: ignore[attr-defined]
            "; received minimum ",
            tf.reduce_min(values),
            ", maximum ",
            tf.reduce_max(values),
            ": ",
            _count(unfit),
            " values do not fit, the first ",
            *_place(values, unfit),
            "; scale the examples, or choose another likelihood",
        )

    def line() -> tf.Tensor:
        finite = tf.reduce_all(tf.math.is_finite(values))
        return tf.cond(finite, outside, lambda: _not_finite("x", values))

    return Check(lambda: kind.fits(head, values), line)


def weights(values: Any, rows: tf.Tensor) -> tuple[tf.Tensor, Check]:
    """Returns the weights of `rows` examples as float32 [B], and the check of their number and values.

    Raises:
        UserError: if they are no vector of numbers.
    """
    if isinstance(values, np.ndarray | list | tuple):  # as they come outside a graph
        values = tf.convert_to_tensor(values)
    given = str(values.shape) if isinstance(values, tf.Tensor) else type(values).__name__
    vector = isinstance(values, tf.Tensor) and (
        values.shape.rank in (None, 1) or (values.shape.rank == 2 and values.shape[1] in (1, None))
    )
    if not vector or values.dtype.is_complex or values.dtype == tf.string:
        raise UserError(
            "sample_weight is no vector of numbers",
            expected="[B], a weight for each example",
            received=given,
        )
    flat = tf.cast(tf.reshape(values, [-1]), tf.float32)

    def as_many() -> tf.Tensor:
        return tf.equal(tf.size(flat), rows)

    def wrong_values() -> tf.Tensor:
        unfit = tf.logical_not((flat >= 0.0) & (flat <= LARGEST))
        return _join(
            "sample_weight holds ",
            _count(unfit),
            " numbers that are no weights; expected finite numbers >= 0; received ",
            *_place(flat, unfit),
        )

    def wrong_number() -> tf.Tensor:
        return _join("sample_weight has the wrong length; expected ", rows, "; received ", tf.size(flat))

    def fits() -> tf.Tensor:
        return tf.logical_and(as_many(), within(flat, 0.0, LARGEST))

    return flat, Check(fits, lambda: tf.cond(as_many(), wrong_values, wrong_number))


def shape(name: str, values: tf.Tensor, event_shape: tuple[int, ...]) -> Check:
    """Checks the shape [B, *event_shape] of values of which the graph does not know it."""
    rank = 1 + len(event_shape)
    wanted = f"[{', '.join(['B', *map(str, event_shape)])}]"

    def same() -> tf.Tensor:
        return tf.reduce_all(tf.equal(tf.reshape(tf.shape(values), [rank])[1:], event_shape))

    def line() -> tf.Tensor:
        sizes = tf.strings.reduce_join(tf.strings.as_string(tf.shape(values)), separator=", ")
        return _join(f"{name} has the wrong shape; expected {wanted}; received [", sizes, "]")

    return Check(lambda: tf.cond(tf.equal(tf.rank(values), rank), same, lambda: tf.constant(False)), line)


def rows(what: str, expected: tf.Tensor, received: tf.Tensor) -> Check:
    """Checks that two batches have as many rows."""
    return Check(
        lambda: tf.equal(expected, received),
        lambda: _join(f"{what} differ in their number of rows; expected ", expected, "; received ", received),
    )


def _not_finite(name: str, values: tf.Tensor) -> tf.Tensor:
    unfit = tf.logical_not(tf.math.is_finite(values))
    return _join(
        f"{name} holds ",
        _count(unfit),
        " numbers that are NaN or infinite; expected finite numbers; received ",
        *_place(values, unfit),
    )


def _count(unfit: tf.Tensor) -> tf.Tensor:
    return tf.math.count_nonzero(unfit, dtype=tf.int32)


def _place(values: tf.Tensor, unfit: tf.Tensor) -> list[Any]:
    """Returns the words for the first unfit value and the example, a row, that holds it."""
    first = tf.where(unfit)[0]
    said = [tf.gather_nd(values, first), " in example ", first[0]]
    replica = tf.distribute.get_replica_context()
    if replica is not None and replica.num_replicas_in_sync > 1:
        said += [" of the part of replica ", replica.replica_id_in_sync_group]
    return said


def _join(*words: Any) -> tf.Tensor:
    """Returns strings and scalars as one string."""

    def said(word: Any) -> Any:
        if isinstance(word, str) or word.dtype == tf.string:
            return word
        return tf.strings.as_string(word, shortest=word.dtype.is_floating)

    return tf.strings.join(list(map(said, words)))
