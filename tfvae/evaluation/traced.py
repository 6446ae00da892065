"""Traced functions of an evaluation, which the model keeps so that the next evaluation need not trace again."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from tfvae import compat

KEPT = "evaluation_functions"  # attribute of the model: key to traced functions


def traced(model: Any, key: Hashable, *functions: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    """Returns functions as graphs: those that the model keeps under this key, or these, which it keeps from now on.

    Each shape of the arguments has a graph of its own. Were shapes relaxed, a block of another size would go through
    another graph in an evaluation that goes on from it than in one that was never stopped, and end in other digits.

    Args:
        model: model that the functions belong to.
        key: what tells them from others of the model, with every setting that they close over.
        *functions: functions of tensors, and of numbers that choose a graph.
    """
    kept = vars(model).setdefault(KEPT, {})
    if key not in kept:
        kept[key] = tuple(map(compat.graph_of_each_shape, functions))
    return kept[key]
