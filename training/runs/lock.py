"""The lock on a run's directory, so that only one process writes a run.

The file run.lock is locked with flock, which the system releases however a process ends. The file describes its holder
in one line and is removed with the lock. A file that a killed process left is taken over.
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
from typing import Any, TypeVar, cast

from tfvae import files
from tfvae.checks import UserError

Function = TypeVar("Function", bound=Callable[..., Any])
NAME = "run.lock"
PATIENCE = 0.3  # seconds to wait for a process that is about to end


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Lock:
    """Context manager that keeps other processes from writing a run.

    Args:
        folder: existing directory of the run.
        doing: activity of this process in messages, such as "training".
        shared: True to allow other shared locks at the same time, as for evaluations of one model.
        say: function that receives one line if the lock of a killed process is taken over.

    Raises:
        UserError: on entering, if another process holds the lock or the directory cannot be written.
    """

    def __init__(
        self, folder: Path, doing: str, *, shared: bool = False, say: Callable[[str], None] = _print
    ) -> None:
        self._folder, self._path = folder, folder / NAME
        self._doing, self._shared, self._say = doing, shared, say
        self._handle: int | None = None

    def __enter__(self) -> Lock:
        """Takes the lock and writes a description of this process."""
        try:
            former = self._take()
            os.write(self._open_handle, _record(self._doing))
            os.fsync(self._open_handle)
        except BaseException as error:
            self.__exit__()
            raise (_unwritable(self._folder, error) if isinstance(error, OSError) else error) from error
        if former:
            self._say(
                f"tfvae: {self._path} was left by {_described(former[-1])}, which was killed; taken over"
            )
        return self

    def __exit__(self, *error: object) -> None:
        """Releases the lock. Its last holder removes the file."""
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

    @property
    def _open_handle(self) -> int:
        assert self._handle is not None
        return self._handle

    def _take(self) -> list[dict[str, str]]:
        """Opens and locks the file. Returns the holders that were killed, the last one last."""
        end = time.monotonic() + PATIENCE
        while True:
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                former = self._lock()
                if _is_the_file(self._open_handle, self._path):
                    return former
            except BlockingIOError as error:
                if time.monotonic() > end:
                    raise _held(self._folder, _read(self._open_handle)) from error
            os.close(self._open_handle)
            self._handle = None
            time.sleep(0.02)

    def _lock(self) -> list[dict[str, str]]:
        """Locks the open file. Returns its former holders, none if another process shares it."""
        try:
            _flock(self._open_handle)
        except BlockingIOError:
            if not self._shared:
                raise
            _flock(self._open_handle, shared=True)
            return []
        former = _read(self._open_handle)
        os.ftruncate(self._open_handle, 0)
        if self._shared:
            _flock(self._open_handle, shared=True)
        return former


def sharing(doing: str) -> Callable[[Function], Function]:
    """Decorates a function whose first argument is a `RunDirectory`: it holds a shared lock while it runs.

    Args:
        doing: activity of this process in messages, such as "evaluating".
    """

    def decorated(function: Function) -> Function:
        @functools.wraps(function)
        def locked(run: Any, *arguments: Any, **options: Any) -> Any:
            run.config()  # an error if there is no run
            with Lock(run.path, doing, shared=True):
                return function(run, *arguments, **options)

        return cast("Function", locked)

    return decorated


def check_free(folder: Path) -> None:
    """Checks that no process holds the lock of a run. Changes nothing.

    Raises:
        UserError: if a process holds it.
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
    """Locks an open file without waiting, or raises BlockingIOError. Warns if the file system has no locks."""
    if not files.try_lock(handle, shared=shared):
        warnings.warn(
            "the run's file system has no locks: nothing keeps another process from writing there too",
            stacklevel=2,
        )


def _held(folder: Path, holders: list[dict[str, str]]) -> UserError:
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
    """Returns whether `path` still names the open file. Its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(path))
    except OSError:
        return False


def _record(doing: str) -> bytes:
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    holder = {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing, "since": started}
    return json.dumps(holder).encode() + b"\n"


def _read(handle: int) -> list[dict[str, str]]:
    """Returns the records of a lock's holders, the last one last. Other lines are skipped."""
    holders = []
    for line in os.pread(handle, 2**16, 0).splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
            found = json.loads(line)
            holders.append({name: _shown(found[name]) for name in ("pid", "host", "doing", "since")})
    return holders


def _shown(value: object) -> str:
    return "".join(character for character in str(value)[:80] if character.isprintable())


def _described(holder: dict[str, str]) -> str:
    return f"process {holder['pid']} on {holder['host']} ({holder['doing']} since {holder['since']})"
