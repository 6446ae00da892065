"""Examples, and what belongs to each of them: its condition, its label, its number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.checks import UserError


@dataclass(frozen=True, eq=False)
class Examples:
    """N examples. Indexing takes some of them, with all that belongs to them.

    Attributes:
        x: the examples, [N, *event_shape].
        condition: what a conditional model is given of each, [N, *condition_shape]; None for a model without.
        labels: the class of each, [N]; None where there are none.
        rows: the number of each in the data set that they were taken from, [N]; 0 .. N - 1 unless given.

    Raises:
        UserError: if the parts differ in their number of rows.

    Example:
        >>> import numpy as np
        >>> from tfvae.examples import Examples
        >>> some = Examples(np.zeros([9, 2], np.float32))[4:7]
        >>> len(some), some.rows.tolist()
        (3, [4, 5, 6])
    """

    x: np.ndarray
    condition: np.ndarray | None = None
    labels: np.ndarray | None = None
    rows: np.ndarray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Checks the parts against each other."""
        if self.rows is None:
            object.__setattr__(self, "rows", np.arange(len(self.x)))
        for name in ("condition", "labels", "rows"):
            part = getattr(self, name)
            if part is not None and len(part) != len(self.x):
                raise UserError(
                    f"{name} and x differ in their number of rows", expected=len(self.x), received=len(part)
                )

    def __len__(self) -> int:
        """Returns the number of examples, N."""
        return len(self.x)

    def __getitem__(self, which: slice | np.ndarray) -> Examples:
        """Returns some of the examples.

        Args:
            which: a slice, or the places of the examples, in the order that is wanted.
        """
        condition, labels = (None if part is None else part[which] for part in (self.condition, self.labels))
        return Examples(self.x[which], condition, labels, self.rows[which])

    def arguments(self) -> Mapping[str, Any]:
        """Returns the arguments by which a model's methods take the examples: {"x": ...}, with "condition" where there
        is one."""
        return {"x": self.x} if self.condition is None else {"x": self.x, "condition": self.condition}
