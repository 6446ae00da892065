"""Checks of a .keras file before Keras loads it: undamaged, of bounded size, and without parts that run code."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfvae import memory
from tfvae.training.runs import strict_json

MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
LARGEST_JSON = 2**24  # bytes
DEEPEST = 400  # most levels of nesting: layers within models within models
RUN_CODE = {"Lambda", "__lambda__", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"}


def check(path: Path, ours: bool) -> None:
    """Checks a .keras file without loading it.

    Args:
        path: .keras file.
        ours: True if it must hold a tfvae model.

    Raises:
        ValueError: if it is not such a file, is damaged, or holds a part that runs code. The message is a short
            sentence.
        UserError: if it is larger than the memory.
        OSError: if it cannot be read.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is no regular file")
    try:
        with zipfile.ZipFile(path) as archive:
            config = _config(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"it is no whole zip archive: {error}") from error
    for part in _objects(config):
        if isinstance(part.get("class_name"), str) and part["class_name"] in RUN_CODE:
            raise ValueError(f"it holds a {part['class_name']}, which runs code of the file's own")
    if ours and not str(config.get("registered_name")).startswith("tfvae>"):
        raise ValueError(f"it holds a {config.get('class_name')!r}, which is no model of tfvae")


def _config(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Returns config.json of an archive, after a check of every member."""
    names = archive.namelist()
    for name in MEMBERS:
        if names.count(name) != 1:
            raise ValueError(f"it holds {name} {names.count(name)} times")
    sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    memory.check("model.keras", float(sum(sizes.values())))
    if max(sizes[name] for name in MEMBERS[:2]) > LARGEST_JSON:
        raise ValueError(f"its config.json is larger than {LARGEST_JSON} bytes")
    bad = archive.testzip()
    if bad is not None:
        raise ValueError(f"the checksum of {bad} does not fit its content")
    for name in MEMBERS[:2]:
        content = strict_json.loads(archive.read(name), deepest=DEEPEST, infinite=True)
        if not isinstance(content, dict):
            raise ValueError(f"its {name} is no object")
    return content


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Yields every object within a JSON value."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            yield part
            left += part.values()
        elif isinstance(part, list):
            left += part
