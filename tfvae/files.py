"""Files that are complete or absent."""

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
PATIENCE = 10.0  # seconds: writings are short, and a stopped process must not stop others


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary path beside `path`; what is written there takes its place when the block ends well.

    The data are on the disk before the name is. After an exception the old file is untouched and the temporary one
    is gone; a killed process leaves one that `is_partial` recognises.
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
    """Returns whether `path` is a directory; no name is too long or too odd to be asked for."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def read_small(path: str | os.PathLike, most: int = 2**24) -> bytes:
    """Reads a regular file of at most `most` bytes.

    Raises:
        OSError: if it cannot be read, is another kind of file, whose end may never come, or is larger.
    """
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, "File too large", str(path))
        return file.read(most)


def open_regular(path: str | os.PathLike) -> BinaryIO:
    """Opens a file to read it, unless it is a pipe or a device, whose end may never come.

    Raises:
        OSError: if it cannot be opened, or is no regular file.
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
    """Locks an open file or directory at once, until it is closed or its process ends, however that ends.

    Args:
        handle: of the file.
        shared: whether others may hold it shared at the same time.

    Returns:
        locked: False where the system or the file system has no locks.

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
    """Keeps other processes and threads out of their `alone(folder)` blocks meanwhile.

    Yields:
        sure: False where the file system has no locks, or another one was not done after `PATIENCE` seconds.
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
    """Returns whether `path` is a temporary file of `replacing`."""
    return path.name.startswith(PARTIAL)


def sweep(folder: Path, start: str = "") -> None:
    """Removes the temporary files that killed processes left in `folder`, of files whose names begin with `start`."""
    for path in folder.glob(f"{PARTIAL}{start}*"):
        if not path.is_dir():
            path.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
