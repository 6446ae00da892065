"""Figures of tables: how each column is distributed, and how columns go together."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tfvae.checks import UserError
from tfvae.plotting.look import DPI, TRAINING, VALIDATION, finite, look, save, wrap

MAX_MARGINALS = 36  # columns in a figure
MAX_PAIRS = 5  # columns of numbers in a matrix of pairs
MAX_BARS = 12  # categories of a panel; the rarer ones are one bar
BINS = 30
NAME = 26  # characters of a name
OTHERS = "others"
COLOURS = (TRAINING, VALIDATION)

Table = Mapping[str, np.ndarray]


def save_marginals(path: str | os.PathLike[str], tables: Mapping[str, Table], *, title: str) -> Path:
    """Draws the distribution of each column in one or two tables over each other: histograms, or bars of categories.

    Histograms reach from the lowest to the highest number of the first table; what lies beyond is in the outer bins.

    Args:
        path: PNG file to write.
        tables: mapping from names to tables, such as data and samples; a table maps names of columns to their values,
            [N], floats or text. Of more than 36 columns the first are drawn, and the title says so.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there are no tables or more than two, they differ in columns or are empty, numbers are not finite,
            or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> table = {"age": np.array([20.0, 30.0, 25.0]), "colour": np.array(["red", "blue", "red"])}
        >>> plotting.save_marginals("marginals.png", {"data": table}, title="each column").name
        'marginals.png'
    """
    tables = _checked(tables)
    names = list(next(iter(tables.values())))
    if len(names) > MAX_MARGINALS:
        title += f" (the first {MAX_MARGINALS} of {len(names)} columns)"
        names = names[:MAX_MARGINALS]
    across = math.ceil(math.sqrt(len(names)))
    down = math.ceil(len(names) / across)
    width = max(6.0, 2.6 * across)
    with look():
        figure = Figure(figsize=(width, 0.9 + 1.9 * down), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, width * DPI))
        for place, name in enumerate(names):
            axes = figure.add_subplot(down, across, place + 1)
            _marginal(axes, [table[name] for table in tables.values()])
            axes.set_title(_short(name), fontsize=8)
            axes.set_yticks([])
            axes.tick_params(labelsize=7)
        _legend(figure, tables)
        return save(figure, path)


def save_pairs(path: str | os.PathLike[str], tables: Mapping[str, Table], *, title: str) -> Path:
    """Draws pairs of columns of numbers in one or two tables: points below the diagonal, correlations above.

    Of more than five columns those five are drawn that are most correlated with the others in the first table.

    Args:
        path: PNG file to write.
        tables: mapping from names to tables, such as data and samples; a table maps names of columns to their values,
            [N], floats or text, N >= 2. Columns of text are left out.
        title: text above the figure.

    Returns:
        path: path of the file.

    Raises:
        UserError: if there are no tables or more than two, they differ in columns, have fewer than two columns of
            numbers or fewer than two rows, numbers are not finite, or the file cannot be written.

    Example:
        >>> import numpy as np
        >>> from tfvae import plotting
        >>> table = {"age": np.array([20.0, 30.0, 25.0]), "size": np.array([1.0, 2.0, 2.5])}
        >>> plotting.save_pairs("pairs.png", {"data": table, "samples": table}, title="pairs").name
        'pairs.png'
    """
    tables = _checked(tables)
    first = next(iter(tables.values()))
    names = _most_correlated({name: values for name, values in first.items() if values.dtype.kind == "f"})
    side = max(6.0, 2.1 * len(names))
    with look():
        figure = Figure(figsize=(side, side + 0.5), dpi=DPI, layout="constrained")
        figure.suptitle(wrap(title, side * DPI))
        for row, upper in enumerate(names):
            for column, left in enumerate(names):
                axes = figure.add_subplot(len(names), len(names), row * len(names) + column + 1)
                axes.tick_params(labelsize=6)
                if row == column:
                    _marginal(axes, [table[upper] for table in tables.values()])
                    axes.set_yticks([])
                elif row > column:
                    _points(axes, [(table[left], table[upper]) for table in tables.values()])
                else:
                    _correlations(axes, [(table[left], table[upper]) for table in tables.values()])
                if row == len(names) - 1:
                    axes.set_xlabel(_short(left), fontsize=8)
                if column == 0:
                    axes.set_ylabel(_short(upper), fontsize=8)
        _legend(figure, tables)
        return save(figure, path)


def _checked(tables: Mapping[str, Table]) -> dict[str, dict[str, np.ndarray]]:
    if not 1 <= len(tables) <= len(COLOURS):
        raise UserError("bad number of tables", expected=f"1 to {len(COLOURS)}", received=len(tables))
    checked: dict[str, dict[str, np.ndarray]] = {}
    for name, table in tables.items():
        columns = {column: np.asarray(values) for column, values in table.items()}
        sizes = {values.shape for values in columns.values()}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1 or not next(iter(sizes))[0]:
            raise UserError(
                f"{name} is no table", expected="columns of one length [N], N >= 1", received=sizes
            )
        checked[name] = {
            column: values.astype(str) if values.dtype.kind in "UO" else finite(column, values.astype(float))
            for column, values in columns.items()
        }
    if len({tuple(table) for table in checked.values()}) != 1:
        received = ", ".join(f"{name} {len(table)}" for name, table in checked.items())
        raise UserError("the tables differ in columns", expected="the same names", received=received)
    return checked


def _short(name: str) -> str:
    return name if len(name) <= NAME else name[: NAME - 3] + "..."


def _legend(figure: Figure, tables: Mapping[str, Table]) -> None:
    if len(tables) > 1:
        marks = [
            figure.axes[0].scatter([], [], color=colour, marker="s", label=name)
            for name, colour in zip(tables, COLOURS, strict=False)
        ]
        figure.legend(handles=marks, loc="outside lower center", ncols=len(tables))


def _marginal(axes: Axes, columns: list[np.ndarray]) -> None:
    """Draws the shares of a column in each table."""
    if columns[0].dtype.kind == "f":
        low, high = columns[0].min(), columns[0].max()
        if not low < high:
            low, high = low - 0.5, high + 0.5
        edges = np.linspace(low, high, BINS + 1)
        for values, colour in zip(columns, COLOURS, strict=False):
            heights = np.histogram(np.clip(values, low, high), edges)[0] / len(values)
            axes.stairs(heights, edges, fill=True, color=colour, alpha=0.45, lw=0)
            axes.stairs(heights, edges, color=colour, lw=0.8)
        return
    names, counts = np.unique(columns[0], return_counts=True)
    shown = sorted(names[np.argsort(-counts, kind="stable")][:MAX_BARS])
    rest = len(names) > MAX_BARS or any(not np.isin(values, shown).all() for values in columns)
    places = np.arange(len(shown) + rest)
    for index, (values, colour) in enumerate(zip(columns, COLOURS, strict=False)):
        shares = [float(np.mean(values == name)) for name in shown]
        shares += [1.0 - sum(shares)] * rest
        axes.bar(places + (index - 0.5 * (len(columns) - 1)) * 0.4, shares, 0.4, color=colour, alpha=0.75)
    labels = [_short(name)[:10] for name in shown] + [OTHERS] * rest
    axes.set_xticks(
        places, labels, rotation=45 if len(labels) > 3 else 0, ha="right" if len(labels) > 3 else "center"
    )


def _points(axes: Axes, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for (x, y), colour in zip(pairs, COLOURS, strict=False):
        size = float(np.clip(1500 / len(x), 1.0, 8.0))
        axes.scatter(x, y, s=size, c=colour, alpha=0.5, linewidths=0)
    for limits, values in ((axes.set_xlim, pairs[0][0]), (axes.set_ylim, pairs[0][1])):
        low, high = values.min(), values.max()
        margin = 0.15 * (high - low) or 0.5
        limits(low - margin, high + margin)


def _correlations(axes: Axes, pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    axes.axis("off")
    for index, ((x, y), colour) in enumerate(zip(pairs, COLOURS, strict=False)):
        place = 0.5 + 0.12 * (len(pairs) - 1 - 2 * index)
        text = f"{_correlation(x, y):+.2f}"
        axes.text(
            0.5, place, text, color=colour, ha="center", va="center", transform=axes.transAxes, fontsize=12
        )


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the correlation of two columns; 0 where one does not vary."""
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return float(x @ y) / norm if norm > 0.0 else 0.0


def _most_correlated(columns: Table) -> list[str]:
    """Returns the names of the columns that are most correlated with the others, in their order."""
    names = list(columns)
    rows = len(columns[names[0]]) if names else 0
    if len(names) < 2 or rows < 2:
        raise UserError(
            "there are no pairs to draw",
            expected="at least two columns of numbers and two rows",
            received=f"{len(names)} and {rows}",
        )
    values = np.stack([columns[name] for name in names], axis=1)
    centred = values - values.mean(axis=0)
    norms = np.sqrt((centred**2).sum(axis=0))
    centred /= np.where(norms > 0.0, norms, 1.0)
    strength = np.abs(centred.T @ centred).sum(axis=0)
    return [names[index] for index in sorted(np.argsort(-strength, kind="stable")[:MAX_PAIRS])]
