"""Conditions of examples that come from outside a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from tfvae.checks import UserError, not_finite
from tfvae.training import data


def of(
    kind: str,
    model: Any,
    x: np.ndarray,
    labels: np.ndarray | None,
    conditions: np.ndarray | None,
    source: str,
) -> np.ndarray | None:
    """Returns the conditions of examples, as a run's model takes them.

    Args:
        kind: condition of the run, one of `tfvae.presets.conditions.KINDS`.
        model: its model.
        x: examples, [N, *event_shape], as the model takes them.
        labels: class labels, [N], for the kind "label".
        conditions: numbers, [N, *condition_shape], for the kind "array".
        source: name of the file in messages.

    Returns:
        conditions: [N, *condition_shape], float32; None for a model without.

    Raises:
        UserError: if the labels or the conditions that the run needs are missing or do not fit.
    """
    if kind == "none":
        return None
    if kind == "label":
        return one_hot(_there(labels, "labels", "y", source), model.condition_shape[0], len(x), source)
    if kind == "array":
        return fitting(_there(conditions, "conditions", "c", source), model.condition_shape, len(x), source)
    return data.condition(x, model.visible)


def one_hot(labels: np.ndarray, classes: int, count: int | None, source: str) -> np.ndarray:
    """Returns class labels [N] as one-hot vectors [N, classes], float32.

    Args:
        labels: integers, [N].
        classes: number of classes that the model knows.
        count: N, checked; None for any.
        source: where they are from, in messages.

    Raises:
        UserError: if they are no classes of the model.
    """
    if labels.dtype.kind not in "iu" or labels.ndim != 1 or count not in (None, len(labels)):
        raise UserError(
            f"the labels of {source} do not fit",
            expected=f"integers, shape [{'N' if count is None else count}]",
            received=f"shape {list(labels.shape)}, {labels.dtype}",
        )
    if not len(labels) or labels.min() < 0 or labels.max() >= classes:
        low, high = (labels.min(), labels.max()) if len(labels) else ("none", "none")
        raise UserError(
            f"the labels of {source} are not the classes of the run",
            expected=f"0 to {classes - 1}",
            received=f"minimum {low}, maximum {high}",
        )
    return (labels[:, np.newaxis] == np.arange(classes)).astype(np.float32)


def fitting(conditions: np.ndarray, shape: tuple[int, ...], count: int | None, source: str) -> np.ndarray:
    """Returns conditions [N, *shape] as float32.

    Args:
        conditions: numbers; [N] stands for [N, 1].
        shape: shape of one condition of the model.
        count: N, checked; None for any.
        source: where they are from, in messages.

    Raises:
        UserError: if they have another shape, or are no finite numbers.
    """
    if conditions.ndim == 1 and shape == (1,):
        conditions = conditions[:, np.newaxis]
    if (
        conditions.dtype.kind not in "buif"
        or conditions.shape[1:] != shape
        or not conditions.size
        or count not in (None, len(conditions))
    ):
        rows = "N" if count is None else count
        raise UserError(
            f"the conditions of {source} do not fit",
            expected=f"numbers, shape [{', '.join(map(str, (rows, *shape)))}]",
            received=f"shape {list(conditions.shape)}, {conditions.dtype}",
        )
    with np.errstate(over="ignore"):
        conditions = conditions.astype(np.float32)
    if broken := not_finite(conditions):
        raise UserError(
            f"{broken[0]} conditions of {source} are not finite",
            expected="finite numbers that fit into float32",
            received=f"the first is condition {broken[1]}",
        )
    return conditions


def _there(part: np.ndarray | None, what: str, letter: str, source: str) -> np.ndarray:
    if part is None:
        raise UserError(
            f"{source} has no {what}, which the run's model is conditioned on",
            expected=f"an .npz file with an array {letter} beside x",
        )
    return part
