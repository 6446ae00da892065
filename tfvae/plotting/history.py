"""What a training run recorded, as one mapping for each epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from tfvae.checks import UserError, shown


class Recorded(Protocol):
    """What `fit` returns: the values of each metric, one for each epoch."""

    history: dict[str, Any]


History = Recorded | Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]]


def rows_of(history: History) -> list[Mapping[str, Any]]:
    """Returns one mapping for each epoch.

    Args:
        history: what `fit` returns, its `history`, or such mappings themselves.

    Raises:
        UserError: if it is something else, or holds no epochs.

    Example:
        >>> rows_of({"bound": [-30.0, -25.0]})
        [{'bound': -30.0}, {'bound': -25.0}]
    """
    found = getattr(history, "history", history)
    rows: list[Mapping[str, Any]]
    if isinstance(found, Mapping):
        columns = {name: list(values) for name, values in found.items()}
        count = max(map(len, columns.values()), default=0)
        rows = [
            {name: values[i] for name, values in columns.items() if i < len(values)} for i in range(count)
        ]
    else:
        rows = list(found) if isinstance(found, Sequence) else []
    if not rows or not all(isinstance(row, Mapping) for row in rows):
        raise UserError(
            "the history holds no epochs",
            expected="what fit returned, or one mapping per epoch",
            received=shown(found),
        )
    return rows


def epochs_of(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Returns the numbers of the epochs, counted from 1 where they are not recorded: [epochs], float64."""
    return np.array([row.get("epoch", index + 1) for index, row in enumerate(rows)], float)
