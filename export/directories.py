"""Directories that are complete or absent."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from tfvae.checks import UserError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


@contextlib.contextmanager
def replacing_directory(target: Path) -> Iterator[Path]:
    """Yields a temporary directory beside `target`; it takes that name when the block ends well.

    The data are on the disk before the name is. A directory that had the name before keeps it until the very moment of
    the exchange, which Linux does in one step; elsewhere the name is free for an instant. After an exception the old
    directory is untouched and the temporary one is gone.
    """
    temporary = _beside(target)
    temporary.mkdir()
    try:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                _sync(path)
        if target.exists():
            _exchange(temporary, target)
        else:
            os.rename(temporary, target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _exchange(temporary: Path, target: Path) -> None:
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        done = False
    else:
        names = os.fsencode(temporary), os.fsencode(target)
        done = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0
    if not done:
        old = _beside(target)
        os.rename(target, old)
        os.rename(temporary, target)
        shutil.rmtree(old, ignore_errors=True)


def _beside(target: Path) -> Path:
    return target.parent / f".{target.name}-{uuid.uuid4().hex}"


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_free(target: Path, overwrite: bool) -> None:
    """Raises a `UserError` if `target` exists and may not be replaced."""
    if target.exists() and not overwrite:
        raise UserError(
            f"{target} exists",
            expected="a new target",
            fix="choose another one, or allow it with overwrite (--overwrite)",
        )


@contextlib.contextmanager
def disk_errors(target: Path) -> Iterator[None]:
    """Turns what a full or read-only disk raises into a `UserError`."""
    import tensorflow as tf

    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None) or getattr(error, "message", None) or error
        raise UserError(
            f"cannot write {target}: {reason}",
            fix="make room or choose a writable directory; what was complete before is untouched",
        ) from error
