"""Examples that a run was not made with, as its model takes them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from tfvae.checks import UserError
from tfvae.examples import Examples
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.data import arrays, pixels, sources, values
from tfvae.training.data.found import WHOLE, Arrays
from tfvae.training.runs import given_conditions, loading, units
from tfvae.training.runs.directory import RunDirectory

OPTIONS = ("label_column", "image_size")  # settings of the run with which a source is read
GROUPS = (("x", "y", "c"), ("x_test", "y_test", "c_test"))  # arrays of an .npz file


@dataclass(frozen=True, eq=False)
class NewData:
    """Examples as their source holds them.

    Attributes:
        source: name of the file, the folder or the data set.
        x: images [N, H, W, C] as stored, or vectors [N, D] in their own units.
        labels: class labels, [N], or None.
        conditions: numbers, [N, ...], or None.
        columns: columns of vectors; None where they have none.
        label_names: name of each class; empty where classes have none.
    """

    source: str
    x: np.ndarray
    labels: np.ndarray | None = None
    conditions: np.ndarray | None = None
    columns: data.Columns | None = None
    label_names: tuple[str, ...] = ()

    def examples(self, run: RunDirectory, model: Any) -> Examples:
        """Returns the examples as the model of a run takes them, with their conditions where it takes some.

        Images have the run's scale: integers up to 255 or numbers in [0, 1]. They are binarised once, as the run's test
        examples are: in a file of their own these are what `tfvae evaluate` takes. Vectors get the run's units, and the
        columns of a table are found by their names.

        Args:
            run: the run.
            model: its model.

        Raises:
            UserError: if they do not fit the run, or lack the condition of its model.
        """
        config = run.config()
        if len(model.event_shape) == 3:
            x = self._pixels(self._fitting(self.x, model.event_shape), config)
            x = data.binarize_once(x, config.binarize, 0, "test")
        else:
            x = self._fitting(self._vectors(run), model.event_shape)
        labels = self.labels
        if config.condition == "label" and labels is not None and self.label_names:
            labels = self._classes(labels, loading.load_data(config).label_names)
        condition = given_conditions.of(config.condition, model, x, labels, self.conditions, self.source)
        return Examples(x, condition, labels)

    def _fitting(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if x.shape[1:] != shape:
            raise UserError(
                f"the examples of {self.source} do not fit the run",
                expected=f"[N, {', '.join(map(str, shape))}]",
                received=list(x.shape),
            )
        return x

    def _pixels(self, x: np.ndarray, config: Config) -> np.ndarray:
        """Returns pixels as uint8 in 0..255 or float32 in [0, 1]. Integers that do not exceed 1 have the scale of the
        run's own data."""
        dark = x.dtype.kind in "ui" and x.max() <= 1 and x.min() >= 0
        if dark and loading.load_data(config).train.images.dtype == np.uint8:
            return x.astype(np.uint8)
        return pixels.in_range(self.source, {"test": x})["test"]

    def _vectors(self, run: RunDirectory) -> np.ndarray:
        """Returns vectors in the units of the run, float32."""
        known = units.read(run)
        if known is None:
            seen = data.Columns.numbered(self.x.shape[1]).seen(self.x) if self.x.ndim == 2 else self.x
        else:
            numbers = self.x if self.columns is None else self._in_order(self.columns, known)
            seen = known.seen(self._fitting(numbers, (len(known.names),)))
        values.check_finite(self.source, seen, "numbers that fit into float32")
        return seen

    def _in_order(self, columns: data.Columns, known: data.Columns) -> np.ndarray:
        """Returns the numbers of a table in the order of the run's columns, which are found by their names."""
        place = {name: index for index, name in enumerate(columns.names)}
        there = {column.name: column for column in columns.each}
        found = np.zeros((len(self.x), len(known.names)))
        for column in known.each:
            if column.name not in there or bool(column.categories) != bool(there[column.name].categories):
                kind = "categories" if column.categories else "numbers"
                raise UserError(
                    f"{self.source} has no column {column.name} of {kind}, which the run was trained on",
                    expected=", ".join(one.name for one in known.each),
                    received=", ".join(there),
                )
            new = set(there[column.name].categories) - set(column.categories)
            if new:
                raise UserError(
                    f"column {column.name} of {self.source} has categories that the run does not know",
                    expected=", ".join(column.categories),
                    received=", ".join(sorted(new)),
                )
        for index, name in enumerate(known.names):
            if name in place:
                found[:, index] = self.x[:, place[name]]
        return found

    def _classes(self, labels: np.ndarray, known: tuple[str, ...]) -> np.ndarray:
        """Returns labels as numbers of the run's classes, which are found by their names."""
        new = set(self.label_names) - set(known)
        if known and new:
            raise UserError(
                f"{self.source} has classes that the run does not know",
                expected=", ".join(known),
                received=", ".join(sorted(new)),
            )
        return np.array([known.index(name) for name in self.label_names])[labels] if known else labels


def read(path: str | os.PathLike[str], config: Config) -> NewData:
    """Reads examples.

    Args:
        path: `.npz` with an array `x`, and `y` (labels) or `c` (conditions) beside it where the model has such a
            condition, or else with `x_test`, `y_test` and `c_test`; or what `data.load` takes: an `.npy` file, a
            table, a folder of images, the name of a data set, whose test examples are taken where it has some.
        config: settings of the run.

    Returns:
        new: `NewData`.

    Raises:
        UserError: if there is no such source, or it is damaged or unfit.
    """
    name = os.fspath(path)
    if name.endswith(".npz"):
        return NewData(name, *_of_npz(name))
    given = {option: getattr(config, option) for option in OPTIONS}
    found = sources.read(
        name, given | {"label_column": given["label_column"] if config.condition == "label" else None}
    )
    split = found.splits[WHOLE if WHOLE in found.splits else "test"]
    return NewData(name, *split, found.columns, found.label_names)


def _of_npz(path: str) -> Arrays:
    """Returns the examples of an .npz file, their labels and their conditions."""
    wanted = [name for group in GROUPS for name in group]
    found = arrays.read_archive(path, wanted, "an .npz file with an array x")
    for x, labels, conditions in GROUPS:
        if x in found:
            return values.examples(f"{x} of {path}", found[x]), found.get(labels), found.get(conditions)
    raise UserError(
        f"{path} has no array of examples",
        expected="x or x_test",
        received=", ".join(sorted(found)) or "no arrays",
    )


def conditions(asked: str, run: RunDirectory, model: Any) -> np.ndarray:
    """Returns the conditions that a user asks for.

    Args:
        asked: a class by its number or its name, for the condition "label"; or a file: `.npy` with classes [N] or
            conditions [N, *condition_shape], or examples whose visible part is the condition, see `read`.
        run: the run.
        model: its model.

    Returns:
        conditions: [N, *condition_shape], float32; N = 1 for a class.

    Raises:
        UserError: if the run has no such condition or class, or the file does not fit.
    """
    config = run.config()
    if asked.endswith((".npy", ".npz")):
        if config.condition not in ("label", "array"):
            shown = read(asked, config).examples(run, model).condition
            assert shown is not None
            return shown
        found = arrays.read_array(asked)
        if config.condition == "label":
            return given_conditions.one_hot(found, model.condition_shape[0], None, asked)
        return given_conditions.fitting(found, model.condition_shape, None, asked)
    if config.condition != "label":
        raise UserError(
            f"the condition of the run is no class but {config.condition}",
            expected="FILE.npy",
            received=asked,
        )
    if asked.isdecimal() and asked.isascii():
        number = int(asked) if len(asked) < 10 else model.condition_shape[0]
    else:
        names = loading.load_data(config).label_names
        if asked not in names:
            raise UserError(
                "the run has no such class",
                expected=", ".join(names) or f"0 to {model.condition_shape[0] - 1}",
                received=asked,
            )
        number = names.index(asked)
    return given_conditions.one_hot(np.array([number]), model.condition_shape[0], None, "--condition")
