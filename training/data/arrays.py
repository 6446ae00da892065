"""Arrays of numbers in .npz and .npy files. Each header is compared with the file before the array is read."""

from __future__ import annotations

import math
import os
import zipfile
from collections import Counter
from collections.abc import Collection
from typing import IO, BinaryIO

import numpy as np

from tfvae import memory
from tfvae.checks import LARGEST_INT, UserError

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Objects(ValueError):
    """An array of Python objects. The message is its name."""


def read_array(file: BinaryIO) -> np.ndarray:
    """Reads the array of an .npy file.

    Args:
        file: open file.

    Raises:
        ValueError: if the file is no array, or its header does not fit it.
        Objects: if it holds Python objects, which are never read.
        UserError: if the array is larger than the memory.
    """
    size = _check_header(file, "it", os.fstat(file.fileno()).st_size)
    memory.check("the array", float(size), fix="store fewer or smaller examples")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def read_archive(file: BinaryIO, wanted: Collection[str]) -> dict[str, np.ndarray]:
    """Reads arrays of numbers from an .npz file.

    Args:
        file: open file.
        wanted: names of the arrays to read.

    Returns:
        arrays: arrays by name, empty ones under the names that are not wanted.

    Raises:
        ValueError: if the file is not an archive, is damaged, has a name twice, or a header does not fit its array.
        Objects: if a wanted array holds Python objects, which are never read.
        UserError: if the arrays are larger than the memory.
    """
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
    """Checks the header of one array at the start of a file. Returns the size of its numbers, bytes."""
    if file.read(len(np.lib.format.MAGIC_PREFIX)) != np.lib.format.MAGIC_PREFIX:
        raise ValueError(f"{name} is no array")
    version = tuple(file.read(2))
    if version not in _HEADERS:
        raise ValueError(f"{name} is of an unknown version of the format")
    try:
        shape, _, dtype = _HEADERS[version](file)
    except (zipfile.BadZipFile, OSError):
        raise
    except Exception as error:  # a header is read as a Python literal
        raise ValueError(f"the header of {name} is damaged") from error
    start = file.tell()
    if dtype.hasobject:
        raise Objects(name)
    if not all(0 <= size <= LARGEST_INT for size in shape):
        raise ValueError(f"the shape of {name} is none")
    needed = math.prod(shape) * dtype.itemsize
    if needed != file_size - start:
        raise ValueError(f"{name} says that it has {needed} bytes and has {file_size - start}")
    return needed
