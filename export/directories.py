"""Directories and files that are written completely or not at all."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from tfvae import files
from tfvae.checks import UserError

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
PREFIX = ".tfvae-export-"
OLD_SECONDS = 24 * 3600.0  # older directories without a lock were left by killed processes


@contextlib.contextmanager
def temporary_directory(parent: Path) -> Iterator[Path]:
    """Yields a new directory in `parent`, removed after the block. First removes those of killed processes.

    The directory is locked while its process lives.
    """
    sweep(parent)
    folder, lock = _locked(parent)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def replacing_directory(target: Path, check: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Yields a temporary directory beside `target`. When the block ends without an exception, it takes that name.

    The data reach the disk before the name does. An old directory of that name stays until the exchange, which Linux
    does in one step; elsewhere the name is free for an instant. After an exception the old directory is unchanged and
    the temporary one is removed.

    Args:
        target: directory to write or to replace.
        check: function that raises an error if `target` may not be replaced, called just before the exchange.
    """
    sweep_unlocked(target)
    with temporary_directory(target.parent) as temporary:
        yield temporary
        for folder, _, names in os.walk(temporary):
            for path in [folder, *(os.path.join(folder, name) for name in names)]:
                _sync(path)
        check()
        if target.exists():
            _exchange(temporary, target)
        else:
            os.rename(temporary, target)
        _sync(target.parent)


@contextlib.contextmanager
def replacing_file(target: Path, check: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Yields the path of a temporary file. When the block ends without an exception, it becomes `target`.

    After an exception or a kill the old file is unchanged.

    Args:
        target: file to write or to replace.
        check: function that raises an error if `target` may not be replaced, called just before the exchange.
    """
    sweep_unlocked(target)
    with temporary_directory(target.parent) as folder:
        temporary = folder / target.name
        yield temporary
        _sync(temporary)
        check()
        os.replace(temporary, target)
        _sync(target.parent)


def sweep(parent: Path) -> None:
    """Removes the temporary directories that killed exports left in `parent`, none of a live process."""
    for folder in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if _is_ours(folder):
                _remove_unless_in_use(folder)


def sweep_unlocked(target: Path) -> None:
    """Removes leftovers of killed exports to `target` that have no lock and are a day old.

    They are old exports that were being replaced, and temporary files of versions without locks.
    """
    of_directory = re.compile(rf"\.{re.escape(target.name)}-[0-9a-f]{{32}}")
    of_file = re.compile(rf"\.partial-{re.escape(target.stem)}-[a-z0-9_]{{8}}{re.escape(target.suffix)}")
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            if of_directory.fullmatch(path.name) and _is_ours(path) and _is_old(path):
                shutil.rmtree(path, ignore_errors=True)
            elif target.suffix and of_file.fullmatch(path.name) and path.is_file() and _is_old(path):
                path.unlink()


def _locked(parent: Path) -> tuple[Path, int | None]:
    """Makes a directory and locks it. Returns it and the handle, None if it cannot be locked."""
    while True:
        folder = parent / f"{PREFIX}{uuid.uuid4().hex}"
        folder.mkdir()
        try:
            handle = _lock(folder)
        except (FileNotFoundError, BlockingIOError):
            continue  # another export swept it before it was locked
        if folder.exists():
            return folder, handle
        if handle is not None:
            os.close(handle)


def _lock(folder: Path) -> int | None:
    """Locks a directory. Returns the handle, which unlocks it when closed; None if directories cannot be locked.

    Raises:
        BlockingIOError: if another process holds the lock.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return None  # not a POSIX system
    try:
        locked = files.try_lock(handle)
    except BaseException:
        os.close(handle)
        raise
    if locked:
        return handle
    os.close(handle)
    return None


def _remove_unless_in_use(folder: Path) -> None:
    """Removes a directory unless a process has locked it, and keeps it locked meanwhile."""
    handle = _lock(folder)
    try:
        if handle is not None or _is_old(folder):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        if handle is not None:
            os.close(handle)


def _is_ours(folder: Path) -> bool:
    """Returns whether `folder` is a directory, not a link, that belongs to the user of this process."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()


def _is_old(path: Path) -> bool:
    """Returns whether nothing was written in or below `path` for `OLD_SECONDS`."""
    times = [os.lstat(each).st_mtime for each in (path, *path.rglob("*"))]
    return max(times) < time.time() - OLD_SECONDS


def _exchange(temporary: Path, target: Path) -> None:
    """Exchanges two directories in one step where the system can.

    `os.rename` replaces no directory that holds files. Two of them leave the name free for an instant, in which a
    server finds no model and a kill leaves none.
    """
    try:
        rename = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError, TypeError):
        done = False
    else:
        names = os.fsencode(temporary), os.fsencode(target)
        done = rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0
    if not done:
        old = target.parent / f".{target.name}-{uuid.uuid4().hex}"  # swept when a day old, not at once
        os.rename(target, old)
        os.rename(temporary, target)
        shutil.rmtree(old, ignore_errors=True)


def _sync(path: str | Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
