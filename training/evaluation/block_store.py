"""Evaluations that were interrupted, and where they were."""

from __future__ import annotations

import hashlib
import importlib.metadata
import io
import json
import time
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files
from tfvae.training.runs.directory import RunDirectory, writing

Progress = Callable[[int, int], None]
VERSION = importlib.metadata.version("tfvae")
SECONDS = 5.0  # between two writings: what a killed process loses


def digest(file: Path) -> str:
    """Returns the SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def stamp(run: RunDirectory) -> dict[str, str | None]:
    """Returns what the numbers of an evaluation depend on beside its settings.

    Returns:
        stamp: SHA-256 of the run's files "model" and "config", None for one that is absent; "version" of the package.
    """
    of = {"model": run.model_file, "config": run.config_file}
    found = {name: digest(file) if file.is_file() else None for name, file in of.items()}
    return {**found, "version": VERSION}


class BlockStore:
    """The finished blocks of one evaluation, kept in its run directory until it is whole.

    A context manager: left by an exception it writes what there is, left well it removes its file. Evaluations that
    differ in anything (model, split, seed, version, ...) have files of their own. One that does not hold what was
    written counts as none, with a warning.

    Args:
        run: the run.
        name: kind of evaluation.
        **settings: all else that the numbers depend on, as JSON values; the model and the run's settings are among them
            already.

    Attributes:
        blocks: the finished blocks, by the number of their first example.
        file: where they are written.
    """

    def __init__(self, run: RunDirectory, name: str, **settings: Any) -> None:
        self._key = json.dumps({"name": name} | stamp(run) | settings, sort_keys=True)
        place = hashlib.sha256(self._key.encode()).hexdigest()[:12]
        self.file = run.path / f"evaluation-{name}-{place}.partial.npz"
        self.blocks = self._read()
        self._saved = time.monotonic()

    def saving(self, progress: Progress | None = None) -> Progress:
        """Returns what an evaluation is to call after each block: it writes the blocks where the last time was long
        ago, and calls `progress`, if there is one."""

        def report(done: int, total: int) -> None:
            if self.blocks and time.monotonic() - self._saved > SECONDS:
                self.save()
            if progress is not None:
                progress(done, total)

        return report

    def save(self) -> None:
        """Writes the blocks.

        Raises:
            UserError: if they cannot be written.
        """
        content = io.BytesIO()
        arrays = {str(start): block for start, block in self.blocks.items()}
        np.savez(content, key=self._key, checksum=_checksum(self._key, self.blocks), **arrays)  # type: ignore[arg-type]
        with writing(self.file), files.alone(self.file.parent):
            files.write_bytes(self.file, content.getvalue())
        self._saved = time.monotonic()

    def _read(self) -> dict[int, np.ndarray]:
        """Returns the blocks of the file; none, with a warning, where it is damaged or of another evaluation."""
        try:
            with np.load(io.BytesIO(self.file.read_bytes()), allow_pickle=False) as saved:
                key, checksum = str(saved["key"]), str(saved["checksum"])
                blocks = {int(name): saved[name] for name in saved.files if name not in ("key", "checksum")}
        except FileNotFoundError:
            return {}
        except (
            OSError,
            ValueError,
            LookupError,
            EOFError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ):
            return self._refused("is damaged")
        if key != self._key:
            return self._refused("is of another evaluation")
        if checksum != _checksum(key, blocks) or not all(map(_is_block, blocks.values())):
            return self._refused("is damaged")
        return blocks

    def _refused(self, why: str) -> dict[int, np.ndarray]:
        warnings.warn(f"{self.file} {why}: its examples are evaluated again", stacklevel=2)
        return {}

    def __enter__(self) -> BlockStore:
        """Removes what killed evaluations left half-written; returns itself."""
        with files.alone(self.file.parent) as sure:
            if sure:
                files.sweep(self.file.parent, "evaluation-")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Removes the file, or after an exception writes what there is."""
        if kind is None:
            self.file.unlink(missing_ok=True)
        elif self.blocks:
            self.save()


def _checksum(key: str, blocks: Mapping[int, np.ndarray]) -> str:
    """Returns the SHA-256 of a key and blocks, each with its start, type and shape."""
    found = hashlib.sha256(key.encode())
    for start, block in sorted(blocks.items()):
        found.update(f"\n{start} {block.dtype.str} {block.shape}\n".encode())
        found.update(np.ascontiguousarray(block).tobytes())
    return found.hexdigest()


def _is_block(block: np.ndarray) -> bool:
    """Returns whether this can be a block: numbers [b] or [n, b], of which the first, an estimate, are finite.

    The others are errors and shares, some of which one particle or chain cannot tell: they are NaN then.
    """
    return (
        block.ndim in (1, 2)
        and block.dtype == np.float64
        and bool(np.isfinite(np.atleast_2d(block)[0]).all())
    )
