"""A table from a .csv file: columns of numbers as they are, columns of text as one-hot categories."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tfvae import files, memory
from tfvae.checks import UserError
from tfvae.training.data.columns import Column, Columns
from tfvae.training.data.found import WHOLE, Found

DELIMITERS = ",;\t"
CATEGORIES = 100  # most of a column
CLASSES = 1000  # most of the column of labels
MISSING = {"", "na", "n/a", "nan", "null", "?"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_CELL = 60  # bytes that a cell takes as a Python string, at least


@dataclass(frozen=True)
class _Cells:
    """The text of one column.

    Attributes:
        name: its name in the header.
        text: its cells.
        lines: line of the file on which the row of each cell ends.
        path: the file.
    """

    name: str
    text: Sequence[str]
    lines: Sequence[int]
    path: str

    def error(self, row: int, what: str, *, expected: str, fix: str | None = None) -> UserError:
        """Returns the error for a cell."""
        place = f"line {self.lines[row]}, column {self.name} of {self.path}"
        return UserError(f"{place} {what}", expected=expected, received=repr(self.text[row]), fix=fix)


def read(path: str, label_column: str | None = None) -> Found:
    """Reads a .csv file, whose rows it does not split.

    The first line names the columns. Cells stand between commas, semicolons or tabs, whichever the first line has most
    of. A column is one of numbers if at least half of its cells are numbers, otherwise its cells are categories, which
    become one-hot places in alphabetical order.

    Args:
        path: the file, in UTF-8.
        label_column: name of a column of classes that label the rows and are not modelled; None for none.

    Raises:
        UserError: if the file is missing, no text or too large; if the header lacks names or has one twice, or the
            file has no rows; for a ragged row, a missing cell, or text in a column of numbers, with line and column;
            if a column has more categories than `CATEGORIES`.
    """
    header, rows, lines = _rows(path)
    cells = {
        name: _Cells(name, text, lines, path)
        for name, text in zip(header, zip(*rows, strict=True), strict=True)
    }
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] = ()
    if label_column is not None:
        if label_column not in cells:
            raise UserError(
                f"{path} has no column {label_column} for --label-column",
                expected="one of " + ", ".join(header),
            )
        label_names, labels = _categories(cells.pop(label_column), CLASSES)
        if not cells:
            raise UserError(f"{path} has no column but the labels", expected="columns to model")
    columns, parts = [], []
    for one in cells.values():
        column, values = _column(one)
        columns.append(column)
        parts.append(values)
    return Found({WHOLE: (np.concatenate(parts, axis=1), labels, None)}, Columns(tuple(columns)), label_names)


def _rows(path: str) -> tuple[list[str], list[list[str]], list[int]]:
    """Returns the names of the columns, the rows, and the line of the file on which each ends."""
    try:
        with files.open_regular(path) as file:
            size = os.fstat(file.fileno()).st_size
            memory.check(f"table {path}", float(size) * 2, fix="store fewer rows, or the numbers as .npy")
            text = file.read().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"there is no file {path}", expected="a .csv file with a header") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} is no text in UTF-8",
            expected="a .csv file",
            received=f"byte {error.start}: {error.reason}",
        ) from None
    except OSError as error:
        raise UserError(f"{path} cannot be read", received=error.strerror) from error
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True
    )
    try:
        header = [name.strip() for name in next(reader, [])]
        _check_header(path, header)
        memory.check(f"table {path}", float(_CELL) * text.count(delimiter), fix="store the numbers as .npy")
        rows, lines = [], []
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                raise _ragged(path, reader.line_num, header, row)
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error as error:
        raise UserError(f"line {reader.line_num} of {path} cannot be read", received=str(error)) from error
    if not rows:
        raise UserError(f"{path} has no rows", expected="at least one below the header")
    return header, rows, lines


def _check_header(path: str, header: list[str]) -> None:
    if not header:
        raise UserError(f"{path} is empty", expected="a line of column names, and rows")
    if 2 * sum(map(_is_number, header)) >= len(header):
        raise UserError(
            f"the first line of {path} holds numbers",
            expected="names of the columns",
            received=", ".join(header[:5]),
            fix="add a line of names",
        )
    if "" in header:
        raise UserError(
            f"column {header.index('') + 1} of {path} has no name",
            expected="a name in the first line for each column",
            fix="name it, or remove it (of pandas: to_csv(..., index=False))",
        )
    twice = next((name for name, count in Counter(header).items() if count > 1), None)
    if twice is not None:
        raise UserError(f"{path} has two columns {twice}", expected="different names")


def _ragged(path: str, line: int, header: list[str], row: list[str]) -> UserError:
    short = len(row) < len(header)
    where = f"from column {header[len(row)]} on" if short else f"after column {header[-1]}"
    return UserError(
        f"line {line} of {path} has {'no cells' if short else 'more cells'} {where}",
        expected=f"{len(header)} cells, as in the first line",
        received=len(row),
    )


def _column(cells: _Cells) -> tuple[Column, np.ndarray]:
    """Returns a column and its numbers, [N, width], float64."""
    try:
        numbers = np.array(cells.text, np.float64)
    except ValueError:
        numbers = np.zeros(0)
    if not len(numbers) or not np.isfinite(numbers).all():
        if _is_categorical(cells):
            names, places = _categories(cells, CATEGORIES)
            return Column(cells.name, names), np.eye(len(names))[places]
        for row, text in enumerate(cells.text):
            _check_number(cells, row, text)
        numbers = np.array([float(text) for text in cells.text])
    return Column(cells.name), numbers[:, np.newaxis]


def _is_categorical(cells: _Cells) -> bool:
    known = [text for text in cells.text if text.strip().lower() not in MISSING]
    return 2 * sum(map(_is_number, known)) < len(known)


def _check_number(cells: _Cells, row: int, text: str) -> None:
    if text.strip().lower() in MISSING:
        raise cells.error(
            row, "is missing", expected="a number", fix="fill it, or remove the row or the column"
        )
    if not _is_number(text):
        raise cells.error(row, "is no number", expected="a number, as in most other rows")
    if not np.isfinite(float(text)):
        raise cells.error(row, "is not finite", expected="a finite number")


def _categories(cells: _Cells, most: int) -> tuple[tuple[str, ...], np.ndarray]:
    """Returns the categories in order, numbers by size and text by the alphabet, and the place of each row's, [N]."""
    text = [cell.strip() for cell in cells.text]
    for row, cell in enumerate(text):
        if cell.lower() in MISSING:
            raise cells.error(
                row, "is missing", expected="a category", fix="fill it, or remove the row or the column"
            )
        if _DECIMAL_COMMA.fullmatch(cell):
            raise cells.error(row, "has a decimal comma", expected="a decimal point")
    names = sorted(set(text), key=lambda name: (float(name), name) if _is_number(name) else (np.inf, name))
    if len(names) > most:
        raise UserError(
            f"column {cells.name} of {cells.path} has {len(names):,} different texts in {len(text):,} rows",
            expected=f"at most {most} categories",
            received=", ".join(map(repr, names[:3])) + ", ...",
            fix="remove the column",
        )
    place = {name: index for index, name in enumerate(names)}
    return tuple(names), np.array([place[cell] for cell in text], np.int64)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
