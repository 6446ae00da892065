"""Checkpoints: one file each, complete or absent, with a checksum.

A file is the line "tfvae-checkpoint <sha256 of the rest>" and an .npz archive of every weight of the model and its
optimiser and of the run's history. Noise and data order are functions of the seed and the step, so there is no other
state.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files
from tfvae.checks import UserError

MAGIC = b"tfvae-checkpoint "
KEEP = 2


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run after an epoch.

    Attributes:
        epoch: epochs done.
        arrays: the variables' values, in the model's order.
        history: a row of metrics for each epoch done.
    """

    epoch: int
    arrays: list[np.ndarray]
    history: list[dict[str, Any]]


def variables_of(model) -> list:
    """Returns all that a checkpoint holds of a compiled model: its weights and its optimiser's variables."""
    return [*model.weights, *model.optimizer.variables]


def path_of(folder: Path, epoch: int) -> Path:
    """Returns the file of the checkpoint after `epoch` epochs."""
    return folder / f"epoch-{epoch:06d}.ckpt"


def save(folder: Path, model, history: list[dict[str, Any]]) -> Path:
    """Writes the checkpoint after len(history) epochs and drops others, damaged newer ones among them.

    The newest two stay, and for each of them that of the best epoch up to then.

    Raises:
        OSError: if it cannot be written; earlier checkpoints are untouched then.
    """
    payload = io.BytesIO()
    arrays = {f"{index:05d}": variable.numpy() for index, variable in enumerate(variables_of(model))}
    np.savez(payload, history=np.array(json.dumps(history)), **arrays)
    content = payload.getbuffer()
    digest = hashlib.sha256(content).hexdigest().encode()
    path = path_of(folder, len(history))
    with files.replacing(path) as temporary, open(temporary, "wb") as file:
        file.write(MAGIC + digest + b"\n")
        file.write(content)
    found = sorted(folder.glob("epoch-*.ckpt"))
    newest = [name for name in found if name <= path][-KEEP:]
    bests = [path_of(folder, best_epoch(history[: _epoch_of(name)])) for name in newest]
    for name in set(found) - {*newest, *bests}:
        name.unlink()
    return path


def load(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        ValueError: if the file is truncated or corrupted.
    """
    head, _, content = path.read_bytes().partition(b"\n")
    if head != MAGIC + hashlib.sha256(content).hexdigest().encode():
        raise ValueError(f"{path.name} is truncated or corrupted, its checksum does not fit its content")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = [archive[name] for name in sorted(archive.files) if name != "history"]
        history = json.loads(str(archive["history"]))
    return Checkpoint(len(history), arrays, history)


def load_newest(folder: Path, *, with_best: bool = False) -> tuple[Checkpoint | None, list[str]]:
    """Reads the newest checkpoint that is whole.

    Args:
        folder: of the checkpoints.
        with_best: whether the checkpoint of the best epoch up to then has to be whole too.

    Returns:
        checkpoint: None where there is none.
        problems: one line for each newer file that was passed over.
    """
    problems = []
    for path in sorted(folder.glob("epoch-*.ckpt"), reverse=True):
        try:
            checkpoint = load(path)
            best = path_of(folder, best_epoch(checkpoint.history))
            if with_best and best != path:
                load(best)
            return checkpoint, problems
        except (ValueError, OSError) as error:
            problems.append(f"{path.name} is passed over: {error}")
    return None, problems


def restore(checkpoint: Checkpoint, model) -> None:
    """Gives a compiled model the state in `checkpoint`.

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
    """Returns the epoch, from 1, with the best validation bound; the last where there is no validation."""
    bounds = np.array([row.get("val_bound", -np.inf) for row in history])
    finite = np.isfinite(bounds)
    return 1 + int(np.argmax(np.where(finite, bounds, -np.inf))) if finite.any() else len(history)


def _epoch_of(path: Path) -> int:
    return int(path.stem.removeprefix("epoch-"))
