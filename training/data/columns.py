"""The columns of a table: their names, their units, and the places of their categories in a vector."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tfvae.checks import UserError


@dataclass(frozen=True)
class Column:
    """A column of a table. A model sees (value - loc) / scale.

    Attributes:
        name: its name.
        categories: its categories, each of which has a place of the one-hot vector; empty for a column of numbers.
        loc: value of the column, in its own units, at which a model sees 0.
        scale: step of the column, in its own units, that a model sees as 1.
    """

    name: str
    categories: tuple[str, ...] = ()
    loc: float = 0.0
    scale: float = 1.0

    @property
    def width(self) -> int:
        """Number of places in a vector."""
        return len(self.categories) or 1

    @property
    def places(self) -> list[str]:
        """Names of the places in a vector."""
        return [f"{self.name}={category}" for category in self.categories] or [self.name]


@dataclass(frozen=True)
class Columns:
    """The columns that a vector holds side by side.

    Args:
        each: the columns in their order.
        standardized: whether columns of numbers were shifted and scaled.

    Example:
        >>> table = Columns((Column("age"), Column("colour", ("blue", "red"))))
        >>> table.names
        ['age', 'colour=blue', 'colour=red']
        >>> seen = table.standardize(np.array([[20.0, 1, 0], [40.0, 0, 1]]))
        >>> seen.each[0].loc, seen.each[0].scale
        (30.0, 10.0)
        >>> {name: values.tolist() for name, values in seen.table(np.array([[0.5, 0.2, 0.7]])).items()}
        {'age': [35.0], 'colour': ['red']}
    """

    each: tuple[Column, ...]
    standardized: bool = False

    @classmethod
    def numbered(cls, count: int) -> Columns:
        """Returns columns of numbers without names of their own: x0, x1, and so on."""
        return cls(tuple(Column(f"x{index}") for index in range(count)))

    @property
    def names(self) -> list[str]:
        """Name of each number of a vector, [D]."""
        return [place for column in self.each for place in column.places]

    def standardize(self, train: np.ndarray) -> Columns:
        """Returns the columns with the mean and the standard deviation of the training examples as loc and scale.

        Categories stay 0 and 1.

        Args:
            train: vectors [N, D] in the units of the columns.

        Raises:
            UserError: if a column of numbers does not vary, or one of categories has but one.
        """
        values = train.astype(np.float64)
        fitted, place = [], 0
        for column in self.each:
            if len(column.categories) == 1:
                raise UserError(
                    f"column {column.name} does not vary",
                    expected="at least 2 categories",
                    received=column.categories[0],
                    fix="remove the column",
                )
            fitted.append(column if column.categories else _fitted(column, values[:, place]))
            place += column.width
        return Columns(tuple(fitted), standardized=True)

    def seen(self, values: np.ndarray) -> np.ndarray:
        """Returns vectors as a model sees them: (value - loc) / scale, float32 [N, D]."""
        loc, scale = self._units()
        with np.errstate(over="ignore"):
            return ((values.astype(np.float64) - loc) / scale).astype(np.float32)

    def units(self, seen: np.ndarray) -> np.ndarray:
        """Returns vectors in the units of the columns: loc + scale seen, float64 [N, D]."""
        loc, scale = self._units()
        return loc + scale * np.asarray(seen, np.float64)

    def table(self, seen: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the columns as the table has them: numbers in their units, and the category with the largest number.

        Args:
            seen: vectors [N, D] as a model sees them.

        Returns:
            table: name of each column to its values, [N], floats or text.
        """
        values, table, place = self.units(seen), {}, 0
        for column in self.each:
            part = values[:, place : place + column.width]
            place += column.width
            categories = np.array(column.categories)
            table[column.name] = categories[part.argmax(axis=1)] if column.categories else part[:, 0]
        return table

    def numbers(self, seen: np.ndarray) -> np.ndarray:
        """Returns vectors [N, D] in the units of the columns, and categories as one-hot vectors."""
        values, place = self.units(seen), 0
        for column in self.each:
            part = slice(place, place := place + column.width)
            if column.categories:
                values[:, part] = np.eye(column.width)[values[:, part].argmax(axis=1)]
        return values

    def to_json(self) -> dict[str, Any]:
        """Returns the columns as plain data."""
        return {"standardized": self.standardized, "columns": [asdict(column) for column in self.each]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Columns:
        """Returns the columns that `to_json` gave.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: if they are damaged.
        """
        each = tuple(
            Column(str(one["name"]), tuple(map(str, one["categories"])), *_unit(one))
            for one in content["columns"]
        )
        return cls(each, bool(content["standardized"]))

    def _units(self) -> tuple[np.ndarray, np.ndarray]:
        each: Sequence[Column] = [column for column in self.each for _ in range(column.width)]
        return np.array([column.loc for column in each]), np.array([column.scale for column in each])


def _fitted(column: Column, values: np.ndarray) -> Column:
    loc, scale = float(values.mean()), float(values.std())
    if not scale > 1e-12 * abs(loc):
        raise UserError(
            f"column {column.name} does not vary over the training examples",
            expected="numbers that differ",
            received=f"{values[0]:g} in all {len(values):,}",
            fix="remove the column, or keep the units as they are with --standardize none",
        )
    return replace(column, loc=loc, scale=scale)


def _unit(one: Mapping[str, Any]) -> tuple[float, float]:
    loc, scale = float(one["loc"]), float(one["scale"])
    if not (math.isfinite(loc) and math.isfinite(scale) and scale > 0.0):
        raise ValueError(f"the units of {one['name']} are none")
    return loc, scale
