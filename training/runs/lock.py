"""Who may write a run: a lock on its directory, which ends with the process that holds it.

The file run.lock is locked with flock, which the system releases however a process ends, and says in one line who
holds it. It is removed with the lock; one that a killed process left is taken over.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

from tfvae import files
from tfvae.checks import UserError

NAME = "run.lock"
PATIENCE = 0.3  # seconds for which another process may just be taking its leave


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Lock:
    """Keeps other processes from writing a run; a context manager.

    Args:
        folder: directory of the run, which exists.
        doing: what this process does meanwhile, in words: "training".
        shared: True if others may hold it shared at the same time, as evaluations of one model may.
        say: takes a line for the user, where the lock of a killed process is taken over.

    Raises:
        UserError: if another process holds it, or the directory cannot be written; on entering.
    """

    def __init__(
        self, folder: Path, doing: str, *, shared: bool = False, say: Callable[[str], None] = _print
    ) -> None:
        self._folder, self._path = folder, folder / NAME
        self._doing, self._shared, self._say = doing, shared, say
        self._handle: int | None = None

    def __enter__(self) -> Lock:
        """Takes the lock and writes who holds it."""
        try:
            former = self._take()
            os.write(self._handle, _record(self._doing))
            os.fsync(self._handle)
        except BaseException as error:
            self.__exit__()
            raise (_unwritable(self._folder, error) if isinstance(error, OSError) else error) from error
        if former:
            self._say(
                f"tfvae: {self._path} was left by {_described(former[-1])}, which was killed; taken over"
            )
        return self

    def __exit__(self, *error) -> None:
        """Gives the lock back; its last holder removes the file."""
        if self._handle is None:
            return
        try:
            with contextlib.suppress(OSError):
                _flock(self._handle)
                if _is_the_file(self._handle, self._path):
                    self._path.unlink()
        finally:
            os.close(self._handle)
            self._handle = None

    def _take(self) -> list[dict]:
        """Opens and locks the file; returns who was killed while they held it, the last one last."""
        end = time.monotonic() + PATIENCE
        while True:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                former = self._lock()
                if _is_the_file(self._handle, self._path):
                    return former
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise _held(self._folder, _read(self._handle)) from error
            os.close(self._handle)
            self._handle = None
            time.sleep(0.02)

    def _lock(self) -> list[dict]:
        """Locks the open file; returns the former holders where nobody else holds it."""
        try:
            _flock(self._handle)
        except BlockingIOError:
            if not self._shared:
                raise
            _flock(self._handle, shared=True)
            return []
        former = _read(self._handle)
        os.ftruncate(self._handle, 0)
        if self._shared:
            _flock(self._handle, shared=True)
        return former


def sharing(doing: str) -> Callable[[Callable], Callable]:
    """Decorates a function whose first argument is a `RunDirectory`: it holds the run's lock, shared with its like."""

    def decorated(function):
        @functools.wraps(function)
        def locked(run, *arguments, **options):
            run.config()  # tells where there is no run
            with Lock(run.path, doing, shared=True):
                return function(run, *arguments, **options)

        return locked

    return decorated


def check_free(folder: Path) -> None:
    """Checks that no process holds the lock of a run; changes nothing.

    Raises:
        UserError: if one does.
    """
    try:
        handle = os.open(folder / NAME, os.O_RDONLY)
    except OSError:
        return
    try:
        _flock(handle, shared=True)
    except BlockingIOError as error:
        raise _held(folder, _read(handle)) from error
    finally:
        os.close(handle)


def _flock(handle: int, *, shared: bool = False) -> None:
    """Locks an open file at once, or raises BlockingIOError; warns where there are no locks."""
    if not files.try_lock(handle, shared=shared):
        warnings.warn(
            "the run's file system has no locks: nothing keeps another process from writing there too",
            stacklevel=2,
        )


def _held(folder: Path, holders: list[dict]) -> UserError:
    who = _described(holders[-1]) if holders else "another process"
    return UserError(
        f"{folder} is in use by {who}",
        expected="one process that writes a run",
        fix="wait until it has ended, or choose another directory",
    )


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {folder}: {error.strerror or error}", fix="make room or choose a writable directory"
    )


def _is_the_file(handle: int, path: Path) -> bool:
    """Returns whether `path` still names the open file, which its last holder may have removed."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _record(doing: str) -> bytes:
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": started}
    return json.dumps(holder).encode() + b"\n"


def _read(handle: int) -> list[dict]:
    """Returns the records of a lock's holders, the last one last; what is no record is left out."""
    holders = []
    for line in os.pread(handle, 2**16, 0).splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            found = json.loads(line)
            holders.append({name: _shown(found[name]) for name in ("pid", "host", "doing", "since")})
    return holders


def _shown(value) -> str:
    return "".join(character for character in str(value)[:80] if character.isprintable())


def _described(holder: dict) -> str:
    return f"process {holder['pid']} on {holder['host']} ({holder['doing']} since {holder['since']})"
