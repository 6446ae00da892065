"""Checkpoints: one file each, complete or absent, with a checksum.

A file is the line "tfvae-checkpoint <sha256 of the rest>" followed by an .npz archive. The archive holds every weight
of the model and its optimiser, the run's history and the identity of the run. Noise and data order are functions of the
seed and the step, so there is no other state. A run that was stopped within an epoch also stores its running means.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.runs import identity

MAGIC = b"tfvae-checkpoint "
KEEP = 2
NAME = re.compile(r"epoch-(\d{6,})(?:-step-(\d{6,}))?\.ckpt")


@dataclass(frozen=True)
class Part:
    """The completed part of an epoch in which a run was stopped.

    Attributes:
        step: number of completed optimiser steps.
        learning_rate: learning rate at the start of the epoch.
        seconds: duration of the completed steps.
        metrics: values of the running means.
    """

    step: int
    learning_rate: float
    seconds: float
    metrics: Sequence[np.ndarray] = ()


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after an epoch, or within one.

    Attributes:
        epoch: number of completed epochs.
        arrays: values of the variables, in the model's order.
        history: row of metrics for each completed epoch.
        run: identity of the run, see `identity.of`; None in files of earlier versions.
        part: completed part of the next epoch, or None.
    """

    epoch: int
    arrays: list[np.ndarray]
    history: list[dict[str, Any]]
    run: dict[str, Any] | None = None
    part: Part | None = None

    @property
    def step(self) -> int:
        """Number of completed steps of the next epoch."""
        return self.part.step if self.part else 0


def variables_of(model: Any) -> list[Any]:
    """Returns the variables of a compiled model that a checkpoint holds: its weights and its optimisers' variables."""
    optimizers = [optimizer for optimizer, _ in model.optimizers().values()]
    return [*model.weights, *(variable for optimizer in optimizers for variable in optimizer.variables)]


def path_of(folder: Path, epoch: int, step: int = 0) -> Path:
    """Returns the file of the checkpoint after `epoch` epochs and `step` steps of the next one."""
    return folder / (f"epoch-{epoch:06d}" + f"-step-{step:06d}" * bool(step) + ".ckpt")


def found(folder: Path) -> list[tuple[int, int]]:
    """Returns (epoch, step) of each checkpoint in a folder, ascending. Files with other names are skipped."""
    matches = [NAME.fullmatch(path.name) for path in folder.glob("epoch-*.ckpt") if path.is_file()]
    numbers = [(int(match[1]), int(match[2] or 0), match[0]) for match in matches if match]
    return sorted((epoch, step) for epoch, step, name in numbers if path_of(folder, epoch, step).name == name)


def save(
    folder: Path,
    model: Any,
    history: list[dict[str, Any]],
    run: dict[str, Any] | None = None,
    part: Part | None = None,
) -> Path:
    """Writes the checkpoint after len(history) epochs and removes older ones of the run and damaged newer ones.

    The newest two after whole epochs stay, and for each of them the best epoch up to then. Files with other names and
    checkpoints of other runs stay too.

    Args:
        folder: directory of the checkpoints.
        model: compiled model.
        history: row of metrics for each completed epoch.
        run: identity of the run, see `identity.of`.
        part: completed part of the next epoch, or None.

    Returns:
        path: path of the file.

    Raises:
        OSError: if it cannot be written. Earlier checkpoints are then unchanged.
    """
    payload = io.BytesIO()
    arrays = {f"{index:05d}": variable.numpy() for index, variable in enumerate(variables_of(model))}
    arrays["history"] = np.array(json.dumps(history))
    if run is not None:
        arrays["run"] = np.array(json.dumps(run))
    if part is not None:
        fields = asdict(part)
        arrays |= {f"metric-{index:05d}": array for index, array in enumerate(fields.pop("metrics"))}
        arrays["part"] = np.array(json.dumps(fields))
    np.savez(payload, **arrays)
    content = payload.getbuffer()
    digest = hashlib.sha256(content).hexdigest().encode()
    own = len(history), part.step if part else 0
    path = path_of(folder, *own)
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(MAGIC + digest + b"\n")
        file.write(content)
    others = found(folder)
    newest = [(epoch, step) for epoch, step in others if not step and (epoch, step) <= own][-KEEP:]
    bests = [(best_epoch(history[:epoch]), 0) for epoch, _ in [*newest, own]]
    for other in set(others) - {own, *newest, *bests}:
        if _may_drop(path_of(folder, *other), run):
            path_of(folder, *other).unlink(missing_ok=True)
    return path


def _may_drop(path: Path, run: dict[str, Any] | None) -> bool:
    """Returns whether a checkpoint may be removed: it does not belong to another run."""
    try:
        with zipfile.ZipFile(path) as archive:
            theirs = json.loads(str(np.load(io.BytesIO(archive.read("run.npy")), allow_pickle=False)))
            return run is None or not identity.differences(theirs, run)
    except (ValueError, OSError, EOFError, KeyError, TypeError, AttributeError, zipfile.BadZipFile):
        return True  # it is damaged, or of an earlier version


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        ValueError: if the file is truncated or corrupted.
    """
    head, _, content = path.read_bytes().partition(b"\n")
    if head != MAGIC + hashlib.sha256(content).hexdigest().encode():
        raise ValueError(f"{path.name} is truncated or corrupted, its checksum does not fit its content")
    try:
        return _parsed(content)
    except (KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path.name} is not what this version writes: {error}") from error


def _parsed(content: bytes) -> Checkpoint:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        names = sorted(archive.files)
        arrays = [archive[name] for name in names if name.isdigit()]
        history = json.loads(str(archive["history"]))
        run = json.loads(str(archive["run"])) if "run" in names else None
        if run is not None and not identity.is_one(run):
            raise TypeError("its run has another form")
        part = None
        if "part" in names:
            metrics = [archive[name] for name in names if name.startswith("metric-")]
            part = Part(**json.loads(str(archive["part"])), metrics=metrics)
    return Checkpoint(len(history), arrays, history, run, part)


def load_newest(folder: Path, *, with_best: bool = False) -> tuple[Checkpoint | None, list[str]]:
    """Reads the newest undamaged checkpoint.

    Args:
        folder: directory of the checkpoints.
        with_best: True if the checkpoint of the best epoch up to then must be undamaged too.

    Returns:
        checkpoint: newest checkpoint, or None if there is none.
        problems: one line for each damaged newer file.
    """
    problems: list[str] = []
    for epoch, step in reversed(found(folder)):
        path = path_of(folder, epoch, step)
        try:
            checkpoint = load(path)
            best = path_of(folder, best_epoch(checkpoint.history))
            if with_best and checkpoint.history and best != path:
                load(best)
            return checkpoint, problems
        except (ValueError, OSError) as error:
            problems.append(f"{path.name} is passed over: {error}")
    return None, problems


def restore(checkpoint: Checkpoint, model: Any) -> None:
    """Sets the variables of a compiled model to the values of a checkpoint.

    Raises:
        UserError: if it belongs to another model.
    """
    variables = variables_of(model)
    shapes = [tuple(variable.shape) for variable in variables]
    received = [array.shape for array in checkpoint.arrays]
    if shapes != received:
        raise UserError(
            "the checkpoint belongs to another model",
            expected=f"{len(shapes)} arrays of this model's shapes",
            received=f"{len(received)} arrays",
            fix="start a new run in another directory",
        )
    for variable, array in zip(variables, checkpoint.arrays, strict=True):
        variable.assign(array)


def best_epoch(history: list[dict[str, Any]]) -> int:
    """Returns the epoch with the best validation bound, counted from 1; the last epoch if there is no validation.

    Example:
        >>> best_epoch([{"val_bound": -90.0}, {"val_bound": -88.0}, {"val_bound": -89.0}])
        2
    """
    bounds = np.array([row.get("val_bound", -np.inf) for row in history])
    finite = np.isfinite(bounds)
    return 1 + int(np.argmax(np.where(finite, bounds, -np.inf))) if finite.any() else len(history)
