"""Claims of run directories: made before anything slow, and undone if nothing was written."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tfvae.training.runs import lock
from tfvae.training.runs.directory import RunDirectory, cannot_write

RUNS = Path("runs")


@contextlib.contextmanager
def new_name(preset: str) -> Iterator[RunDirectory]:
    """Makes a directory for a new run: runs/PRESET-DATE-TIME, with a number appended if that name is taken.

    After the block an empty directory is removed, and so is its empty parent.

    Args:
        preset: name of the preset.

    Yields:
        run: directory of the run.

    Raises:
        UserError: if it cannot be made.
    """
    with _making() as make:
        make(RUNS)
        for path in names(preset):
            with contextlib.suppress(FileExistsError):
                make(path, new=True)
                break
        yield RunDirectory(path)


def names(preset: str) -> Iterator[Path]:
    """Yields names for a new run: first without a number, then with 2, 3, ..."""
    stem = f"{preset}-{time.strftime('%Y%m%d-%H%M%S')}"
    yield RUNS / stem
    yield from (RUNS / f"{stem}-{number}" for number in itertools.count(2))


def check_free(run: RunDirectory, *, new: bool) -> None:
    """Raises a `UserError` if another process holds the lock of a run, or a new run's directory is not empty."""
    lock.check_free(run.path)
    if new:
        run.check_free()


@contextlib.contextmanager
def claimed(run: RunDirectory, *, new: bool, say: Callable[[str], None]) -> Iterator[None]:
    """Locks the directory of a run for training. Makes a new directory, and removes it if nothing was written.

    Args:
        run: directory of the run.
        new: True if the directory must be empty or absent.
        say: function that receives one line if the lock of a killed process is taken over.

    Raises:
        UserError: if another process holds the lock, a new run's directory is not empty, or it cannot be written.
    """
    check_free(run, new=new)
    with _making() as make:
        for folder in reversed([run.path, *run.path.parents]):
            make(folder)
        with lock.Lock(run.path, "training", say=say):
            if new:
                run.check_free()  # another process may have written here meanwhile
            yield


@contextlib.contextmanager
def _making() -> Iterator[Callable[..., None]]:
    """Yields a function that makes missing directories. After the block, those that are still empty are removed.

    Raises:
        UserError: if one cannot be made.
    """
    made: list[Path] = []

    def make(path: Path, new: bool = False) -> None:
        try:
            if new or not path.is_dir():
                path.mkdir()
                made.append(path)
        except FileExistsError:
            if new or not path.is_dir():
                raise
        except OSError as error:
            raise cannot_write(path, error) from error

    try:
        yield make
    finally:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir()
