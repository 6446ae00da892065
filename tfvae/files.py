"""Files that are written completely or not at all, and locks."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial-"
WITHOUT_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL}  # of file systems
PATIENCE = 10.0  # seconds: writes are short, and a stopped process must not stop others


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path beside `path`. When the block ends without an exception, that file replaces `path`.

    The data reach the disk before the name does. After an exception the old file is unchanged and the temporary one is
    removed. A killed process leaves a temporary file, which `is_partial` recognises.

    Args:
        path: file to write or to replace.

    Yields:
        temporary: path to write to.

    Example:
        >>> with replacing("notes.txt") as temporary:
        ...     _ = temporary.write_text("whole")
        >>> Path("notes.txt").read_text()
        'whole'
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(prefix=f"{PARTIAL}{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """Writes `content` to `path`, all of it or nothing."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def is_directory(path: Path) -> bool:
    """Returns whether `path` is a directory; False for a name that the system refuses as too long or malformed."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_small(path: str | os.PathLike, most: int = 2**24) -> bytes:
    """Reads a regular file of at most `most` bytes.

    Raises:
        OSError: if it cannot be read, is larger, or is not a regular file. A pipe or a device may never end.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, "File too large", str(path))
        return file.read(most)


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Opens a regular file for reading. Pipes and devices, which may never end, are refused.

    Raises:
        OSError: if it cannot be opened or is not a regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        number, text = (
            (errno.EISDIR, "Is a directory") if stat.S_ISDIR(mode) else (errno.EINVAL, "Not a regular file")
        )
        raise OSError(number, text, str(path))
    return open(handle, "rb")


def try_lock(handle: int, *, shared: bool = False) -> bool:
    """Locks an open file or directory without waiting. The lock ends when it is closed or its process ends.

    Args:
        handle: descriptor of the open file.
        shared: True to allow other shared locks at the same time.

    Returns:
        locked: False if the system or the file system has no locks.

    Raises:
        BlockingIOError: if another process holds it.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        return False
    return True


@contextlib.contextmanager
def alone(folder: str | os.PathLike) -> Iterator[bool]:
    """Excludes other processes and threads from their `alone(folder)` blocks while this block runs.

    Args:
        folder: directory that is locked.

    Yields:
        sure: False if the file system has no locks, or another block did not end within `PATIENCE` seconds.
    """
    if fcntl is None:
        yield False
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _wait_for_lock(handle)
    finally:
        os.close(handle)


def _wait_for_lock(handle: int) -> bool:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return try_lock(handle)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        except OSError:
            return False


def is_partial(path: Path) -> bool:
    """Returns whether `path` is a temporary file made by `replacing`."""
    return path.name.startswith(PARTIAL)


def sweep(folder: Path, start: str = "") -> None:
    """Removes the temporary files that killed processes left in `folder` for files whose names begin with `start`."""
    for path in folder.glob(f"{PARTIAL}{start}*"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
