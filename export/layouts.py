"""Checks of export targets: an export may replace only an earlier export of the same format."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tfvae.checks import UserError

VENDORED = {  # file below node_modules/@litertjs: its place below runtime/
    "core/dist/index.js": "core.js",
    "wasm-utils/dist/index.js": "wasm-utils.js",
    "core/wasm/litert_wasm_internal.js": "wasm/litert_wasm_internal.js",
    "core/wasm/litert_wasm_internal.wasm": "wasm/litert_wasm_internal.wasm",
}


@dataclass(frozen=True)
class Layout:
    """The files of one export format.

    Attributes:
        what: name of the format in messages.
        foreign: function from an existing path to a description of its foreign content, which no export of this format
            wrote; None if there is none.
    """

    what: str
    foreign: Callable[[Path], str | None]


def check_target(target: Path, overwrite: bool, layout: Layout) -> None:
    """Checks that an export may be written to `target`. Writes nothing.

    Args:
        target: directory or file to write.
        overwrite: True to allow an earlier export of the same layout to be replaced.
        layout: layout of the format.

    Raises:
        UserError: if the target exists and may not be replaced, or cannot be written.
    """
    try:
        place = place_of(target)
        exists = _exists(place)
        if exists and not overwrite:
            raise UserError(
                f"{target} exists",
                expected="a new target",
                fix="choose another one, or allow it with overwrite (--overwrite)",
            )
        received = layout.foreign(place) if exists else None
        parent = next(folder for folder in (place.parent, *place.parents) if folder.exists())
        if not parent.is_dir():
            raise NotADirectoryError(f"{parent} is a file")
        if not os.access(parent, os.W_OK | os.X_OK):
            raise PermissionError(f"{parent} is not writable")
        for name in place.relative_to(parent).parts:
            _exists(parent / name)  # raises an error if the name is too long
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # a null byte, a loop of links
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot write {target}: {reason}", fix="choose another place") from error
    if received is not None:
        raise UserError(
            f"{target} is not replaced",
            expected=f"{layout.what} from an earlier export and nothing else",
            received=received,
            fix="choose another place (--out), or remove it yourself",
        )


def place_of(target: Path) -> Path:
    """Returns the absolute path of `target`. A symbolic link at its end is not followed."""
    name = target.name
    return target.resolve() if name in ("", "..") else target.parent.resolve() / name


def _exists(place: Path) -> bool:
    try:
        os.lstat(place)
    except FileNotFoundError:
        return False
    return True


def _folder(what: str, allowed: str, marker: str, keys: set[str]) -> Layout:
    """Returns the layout of a directory whose files match `allowed` and whose JSON file `marker` has `keys`."""
    pattern = re.compile(allowed)

    def foreign(place: Path) -> str | None:
        if place.is_symlink():
            return "a symbolic link"
        if not place.is_dir():
            return "a file"
        for name, folder in (("the current directory", Path.cwd()), ("the home directory", Path.home())):
            if place == folder.resolve() or place in folder.resolve().parents:
                return f"a directory that is or holds {name}"
        if os.path.ismount(place):
            return "a mount point"
        empty = True
        for path in _files(place):
            empty = False
            name = path.relative_to(place).as_posix()
            if path.is_symlink() or not path.is_file() or not pattern.fullmatch(name):
                return f"a directory with {name!a}"
        if not empty and not _has_keys(place / marker, keys):
            return f"a directory without the {marker} of an export"
        return None

    return Layout(what, foreign)


def _files(folder: Path) -> Iterator[Path]:
    """Yields all files below a folder. Links are yielded and not followed."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _has_keys(file: Path, keys: set[str]) -> bool:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and keys <= set(content)


def _foreign_tflite(place: Path) -> str | None:
    mode = os.lstat(place).st_mode
    if not stat.S_ISREG(mode):
        return "a symbolic link" if stat.S_ISLNK(mode) else "a directory or special file"
    content = place.read_bytes()
    ours = b"log_prob" in content or (b"decode" in content and b"sample" in content)
    return None if content[4:8] == b"TFL3" and ours else "another file"


SAVED_MODEL = _folder(
    "a SavedModel",
    r"saved_model\.pb|fingerprint\.pb|signatures\.json|batching_params\.pbtxt"
    r"|variables/variables\.(index|data-\d{5}-of-\d{5})|assets\.extra/tf_serving_warmup_requests",
    "signatures.json",
    {"model", "signatures"},
)
WEB = _folder(
    "a page",
    r"index\.html|page\.json|model\.tflite|runtime/(" + "|".join(map(re.escape, VENDORED.values())) + ")",
    "page.json",
    {"image", "latent_size", "units"},
)
TFLITE = Layout("a TFLite file", _foreign_tflite)
