"""columns.json of a run: the columns of its data, and the units in which its model sees them."""

from __future__ import annotations

import json

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.data import Columns
from tfvae.training.runs.directory import RunDirectory, as_json, writing

NAME = "columns.json"


def write(run: RunDirectory, columns: Columns) -> None:
    """Writes the columns of a run.

    Raises:
        UserError: if the file cannot be written.
    """
    path = run.path / NAME
    with writing(path):
        files.write_bytes(path, as_json(columns.to_json()))


def read(run: RunDirectory) -> Columns | None:
    """Returns the columns of a run; None for a run on images, or on points without columns.

    Raises:
        UserError: if the file is damaged.
    """
    path = run.path / NAME
    try:
        content = files.read_small(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"{path} cannot be read", received=error.strerror) from error
    try:
        return Columns.from_json(json.loads(content))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path} is damaged",
            expected="the columns as `tfvae train` wrote them",
            received=str(error),
            fix=f"restore it, or {run.resuming()} writes it anew",
        ) from error
