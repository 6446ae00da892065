"""The directory of one run.

config.json      every setting, the command line, the seed and the versions
run.lock         the process that writes here now, see `lock`
history.csv      one row of metrics for each epoch
checkpoints/     the newest checkpoints, each with its checksum
model.keras      the trained model
figures/*.png
evaluations/     after `tfvae evaluate`: every evaluation, see `records`
evaluation.json  the best of them
report.html      after `tfvae evaluate --full`
observation_scale.json  that of a generator, after the first `tfvae evaluate`
features.keras   the classifier whose features measured the samples, after `tfvae evaluate --full`
"""

from __future__ import annotations

import contextlib
import csv
import importlib.metadata
import io
import json
import math
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.runs import identity, lock, strict_json

PACKAGES = ("tfvae", "tensorflow", "keras", "tensorflow-probability", "numpy")


class RunDirectory:
    """Paths and small files of a run.

    Args:
        path: directory of the run.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.history_file = self.path / "history.csv"
        self.checkpoints = self.path / "checkpoints"
        self.figures = self.path / "figures"
        self.model_file = self.path / "model.keras"
        self.evaluation_file = self.path / "evaluation.json"
        self.report_file = self.path / "report.html"
        self.scale_file = self.path / "observation_scale.json"
        self.features_file = self.path / "features.keras"

    def resuming(self) -> str:
        """Returns the command that resumes the run, in backticks."""
        return f"`tfvae train --run-dir {shlex.quote(str(self.path))} --resume`"

    def check_free(self) -> None:
        """Checks that a new run may be written here. Changes nothing.

        Raises:
            UserError: if the directory is not empty, or no directory can be made here.
        """
        with writing(self.path):
            parent = next(folder for folder in (self.path, *self.path.parents) if folder.exists())
            is_file = self.path.exists() and not self.path.is_dir()
            contents = list(self.path.iterdir()) if self.path.is_dir() else []
        if is_file:
            raise UserError(
                f"{self.path} is a file", expected="a directory for the run", fix="choose another --run-dir"
            )
        if not all(files.is_partial(path) or path.name == lock.NAME for path in contents):
            raise UserError(
                f"run directory {self.path} is not empty",
                expected="a new or empty directory",
                fix="add --resume to go on with its run, or choose another --run-dir",
            )
        if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
            raise UserError(
                f"cannot write into {parent}", expected="a writable directory", fix="choose another --run-dir"
            )

    def create(self, config: Config, argv: list[str], data_fingerprint: str = "") -> None:
        """Makes the directory and its config.json.

        Raises:
            UserError: if it cannot be written. What was made of it is then removed.
        """
        settings = config.to_json()
        content = {"config": settings, "argv": argv, "seed": config.seed, "versions": versions()}
        content |= {"data_sha256": data_fingerprint, "started_with": settings}
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            files.write_bytes(self.config_file, as_json(content))
        except OSError as error:
            with contextlib.suppress(OSError):
                for folder in missing:
                    folder.rmdir()
            raise cannot_write(self.path, error) from error
        self.open()

    def open(self) -> None:
        """Prepares the run's directory for writing: makes its folders and removes leftovers of killed processes.

        Raises:
            UserError: if it cannot be written.
        """
        self.make_folders()
        with writing(self.path):
            for folder in (self.path, self.checkpoints, self.figures):
                files.sweep(folder)

    def make_folders(self) -> None:
        """Makes the run's folders.

        Raises:
            UserError: if one cannot be made.
        """
        with writing(self.path):
            for folder in (self.path, self.checkpoints, self.figures):
                folder.mkdir(exist_ok=True)

    def write_config(self, content: dict[str, Any]) -> None:
        """Writes config.json, see `content`.

        Raises:
            UserError: if it cannot be written.
        """
        with writing(self.config_file):
            files.write_bytes(self.config_file, as_json(content))

    def config(self) -> Config:
        """Reads the settings of the run.

        Raises:
            UserError: if there is no run, or its config.json is damaged.
        """
        return self._read()[0]

    def check_data(self, data_fingerprint: str, loaded_with: Config | None = None) -> None:
        """Checks that the data and the settings are those that the run was started with.

        Args:
            data_fingerprint: fingerprint of the data.
            loaded_with: settings that the data were loaded with; None for those in config.json.

        Raises:
            UserError: if they have changed, or config.json cannot be read.
        """
        config, started_with, content = self._read()
        config = loaded_with or config
        identity.check_unedited(self.config_file, content, config.to_json())
        if started_with not in ("", data_fingerprint):
            raise UserError(
                f"data set {config.dataset} has changed since the run in {self.path} was started",
                expected=f"SHA-256 {started_with}",
                received=data_fingerprint,
                fix="restore the data, or start a new run in another directory",
            )

    def content(self) -> dict[str, Any]:
        """Reads config.json as it was written.

        Returns:
            content: "config", the settings; "started_with", the settings at the start; "argv", "seed", "versions" and
                "data_sha256" at the start. A resumed run also has "resumptions", a list of entries by
                `resumption.record`.

        Raises:
            UserError: if there is no run, or its config.json is damaged.
        """
        return self._read()[2]

    def _read(self) -> tuple[Config, str, dict[str, Any]]:
        """Reads the settings, the fingerprint of the data ("" if there is none) and all of config.json."""
        try:
            content = files.read_small(self.config_file)
        except OSError as error:
            raise UserError(
                f"there is no run in {self.path}",
                expected="a directory with a config.json",
                received=error.strerror,
                fix="name the directory of a run, or start one with `tfvae train --run-dir`",
            ) from error
        try:
            saved = strict_json.config_of(content)
            if not isinstance(saved.get("started_with", {}), dict):
                raise ValueError("started_with holds no settings")
            if not isinstance(saved.get("resumptions", []), list):
                raise ValueError("resumptions is no list")
            return Config.from_json(saved["config"]), str(saved.get("data_sha256", "")), dict(saved)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self.config_file} is damaged",
                expected="the settings as `tfvae train` wrote them",
                received=f"{error}",
                fix="restore the file, or start a new run in another directory",
            ) from error

    def write_history(self, history: list[dict[str, Any]]) -> None:
        """Writes history.csv: one row for each epoch, a column for each metric that any epoch has."""
        text = io.StringIO()
        columns = list(dict.fromkeys(name for row in history for name in row))
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        files.write_bytes(self.history_file, text.getvalue().encode())

    def read_history(self) -> list[dict[str, float]]:
        """Reads history.csv: a row for each epoch, no rows if there is no file.

        Raises:
            UserError: if it is damaged.
        """
        if not self.history_file.is_file():
            return []
        try:
            with open(self.history_file, newline="") as file:
                rows = list(csv.DictReader(file))
            return [{name: float(value) for name, value in row.items() if value} for row in rows]
        except (ValueError, TypeError, OSError, csv.Error) as error:
            raise UserError(
                f"{self.history_file} is damaged",
                received=f"{error}",
                fix=f"{self.resuming()} writes it anew",
            ) from error

    def write_evaluation(self, result: dict[str, Any]) -> None:
        """Writes evaluation.json.

        Raises:
            UserError: if it cannot be written.
        """
        with writing(self.evaluation_file):
            files.write_bytes(self.evaluation_file, as_json(result))

    def read_evaluation(self) -> dict[str, Any] | None:
        """Reads evaluation.json; None if there is no file.

        Raises:
            UserError: if it is damaged.
        """
        if not self.evaluation_file.is_file():
            return None
        try:
            return dict(json.loads(self.evaluation_file.read_text("utf-8")))
        except (ValueError, TypeError, OSError, RecursionError) as error:
            raise UserError(
                f"{self.evaluation_file} is damaged",
                received=f"{error}",
                fix=f"`tfvae evaluate {shlex.quote(str(self.path))}` writes it anew",
            ) from error


def cannot_write(path: os.PathLike[str], error: OSError) -> UserError:
    """Returns the error for a file that could not be written."""
    return UserError(
        f"cannot write {path}: {error.strerror or error}",
        fix="make room or choose a writable directory; what was complete before is untouched",
    )


@contextlib.contextmanager
def writing(path: os.PathLike[str]) -> Iterator[None]:
    """Turns the failure of what is done within it into the error for a file that could not be written."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages that a run depends on."""
    return {"python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in PACKAGES
    }


def command_line() -> list[str]:
    """Returns the command line of this process with the program's bare name."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def as_json(content: dict[str, Any]) -> bytes:
    """Returns strict JSON. Numbers that are not finite become null."""
    return (json.dumps(_finite(content), indent=2, allow_nan=False) + "\n").encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
