"""Arrays of numbers in .npz and .npy files. Each header is compared with the file before the array is read."""

from __future__ import annotations

import math
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from typing import IO, BinaryIO, TypeVar

import numpy as np

from tfvae import files, memory
from tfvae.checks import LARGEST_INT, UserError

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


_Read = TypeVar("_Read")


class _Objects(ValueError):
    """An array of Python objects. The message is its name."""


def read_array(path: str) -> np.ndarray:
    """Reads the array of an .npy file.

    Args:
        path: the file.

    Raises:
        UserError: if the file is missing, is no array, or holds Python objects, which are never read; if its header
            does not fit it, or the array is larger than the memory.
    """
    return _opened(
        path, _read_array, "an .npy file with one array", "an array of numbers as numpy.save writes it"
    )


def read_archive(path: str, wanted: Collection[str], expected: str) -> dict[str, np.ndarray]:
    """Reads arrays of numbers from an .npz file.

    Args:
        path: the file.
        wanted: names of the arrays to read.
        expected: what the file should be, for the message where there is none.

    Returns:
        arrays: arrays by name, empty ones under the names that are not wanted.

    Raises:
        UserError: if the file is missing, is not an archive, is damaged, or has a name twice; if a header does not fit
            its array, a wanted array holds Python objects, which are never read, or the arrays are larger than the
            memory.
    """
    right = "arrays of numbers as numpy.savez writes them"
    return _opened(path, lambda file: _read_archive(file, wanted), expected, right)


def _opened(path: str, read: Callable[[BinaryIO], _Read], expected: str, right: str) -> _Read:
    """Returns what a function reads from a file, and tells of what it raises in one line."""
    try:
        with files.open_regular(path) as file:
            return read(file)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}", expected=expected) from None
    except _Objects as error:
        name = f"{error} of {path}" if str(error) else path
        raise UserError(
            f"{name} is an array of Python objects", expected=right, received="dtype object"
        ) from None
    except UserError:
        raise
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} cannot be read as {Path(path).suffix}",
            expected=right,
            received=str(error) or type(error).__name__,
        ) from None


def _read_array(file: BinaryIO) -> np.ndarray:
    size = _check_header(file, "", os.fstat(file.fileno()).st_size)
    memory.check("the array", float(size), fix="store fewer or smaller examples")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _read_archive(file: BinaryIO, wanted: Collection[str]) -> dict[str, np.ndarray]:
    if not zipfile.is_zipfile(file):
        raise ValueError("it is no zip archive")
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            return _read(archive, wanted)
    except (UserError, ValueError, OSError):
        raise
    except Exception as error:  # zipfile, its decompressors and NumPy's headers raise any exception
        raise ValueError(str(error) or type(error).__name__) from error


def _read(archive: zipfile.ZipFile, wanted: Collection[str]) -> dict[str, np.ndarray]:
    names = [entry.filename.removesuffix(".npy") for entry in archive.infolist()]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise ValueError(f"{twice} is there twice")
    entries = {name: entry for name, entry in zip(names, archive.infolist(), strict=True) if name in wanted}
    sizes = []
    for name, entry in entries.items():
        with archive.open(entry) as member:
            sizes.append(_check_header(member, name, entry.file_size))
    memory.check("the arrays", float(sum(sizes)), fix="store fewer or smaller images")
    arrays = {name: np.empty(0) for name in names}
    for name, entry in entries.items():
        with archive.open(entry) as member:
            arrays[name] = np.lib.format.read_array(member, allow_pickle=False)
            if member.read(1):  # also reads the checksum
                raise ValueError(f"{name} goes on after its end")
    return arrays


def _check_header(file: IO[bytes], name: str, file_size: int) -> int:
    """Checks the header of one array at the start of a file. Returns the size of its numbers, bytes.

    Args:
        file: open file.
        name: name of the array in messages; "" for the only one.
        file_size: its size with its header, bytes.

    Raises:
        ValueError: if there is no header, or it does not fit the size.
        _Objects: if the array holds Python objects.
    """
    what = name or "the array"
    if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
        raise ValueError(f"{name or 'it'} is no array")
    version = tuple(file.read(2))
    if version not in _HEADERS:
        raise ValueError(f"{what} is of an unknown version of the format")
    try:
        shape, _, dtype = _HEADERS[version](file)
    except (zipfile.BadZipFile, OSError):
        raise
    except Exception as error:  # a header is read as a Python literal
        raise ValueError(f"the header of {what} is damaged") from error
    start = file.tell()
    if dtype.hasobject:
        raise _Objects(name)
    if not all(0 <= size <= LARGEST_INT for size in shape):
        raise ValueError(f"the shape of {what} is none")
    needed = math.prod(shape) * dtype.itemsize
    if needed != file_size - start:
        raise ValueError(f"{what} says that it has {needed} bytes and has {file_size - start}")
    return needed
