"""Evaluations that were interrupted, and where they were."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files
from tfvae.training.run_directory import RunDirectory, cannot_write

VERSION = importlib.metadata.version("tfvae")
SECONDS = 5.0  # between two writings: what a killed process loses


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


class Partial(dict):
    """The finished blocks of one evaluation, kept in its run directory until it is whole.

    A context manager: left by an exception it writes what there is, left well it removes its file. Evaluations that
    differ in anything (model, split, seed, version, ...) have files of their own; a damaged one counts as none.

    Args:
        run: the run.
        name: of the kind of evaluation.
        **settings: all else that its figures depend on, as JSON values; the model file is among them already.
    """

    def __init__(self, run: RunDirectory, name: str, **settings: Any) -> None:
        own = {"model": digest(run.model_file), "name": name, "version": VERSION}
        self._key = json.dumps(own | settings, sort_keys=True)
        place = hashlib.sha256(self._key.encode()).hexdigest()[:12]
        self.file = run.path / f"evaluation-{name}-{place}.partial.npz"
        super().__init__(self._read())
        self._written = time.monotonic()

    def _read(self) -> dict[int, np.ndarray]:
        try:
            with np.load(io.BytesIO(self.file.read_bytes()), allow_pickle=False) as saved:
                if str(saved["key"]) == self._key:
                    return {int(name): saved[name] for name in saved.files if name != "key"}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            pass
        return {}

    def _write(self) -> None:
        content = io.BytesIO()
        np.savez(content, key=self._key, **{str(start): block for start, block in self.items()})
        try:
            files.write_bytes(self.file, content.getvalue())
        except OSError as error:
            raise cannot_write(self.file, error) from error
        self._written = time.monotonic()

    def __setitem__(self, start: int, block: np.ndarray) -> None:
        """Takes a block, and writes all of them where the last writing is long ago."""
        super().__setitem__(start, block)
        if time.monotonic() - self._written > SECONDS:
            self._write()

    def __enter__(self) -> Partial:
        """Returns itself."""
        return self

    def __exit__(self, kind, error, trace) -> None:
        """Removes the file, or after an exception writes what there is."""
        if kind is None:
            self.file.unlink(missing_ok=True)
        elif self:
            self._write()
