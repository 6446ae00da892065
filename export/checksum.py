"""The checksum of a TFLite file, checked before the runtime reads the file. The standard library alone.

The file has a metadata entry `NAME`. It holds the text `MARK` and the SHA-256 of the file, in hexadecimal, computed
with zeros in place of these digits. Both the name and the mark show that there is a checksum, so that damage to one of
them is noticed. Files of earlier versions have neither and are opened unchecked.
"""

from __future__ import annotations

import hashlib

from tfvae.checks import UserError

NAME, MARK = b"tfvae.checksum", b"sha256 of this file, digits as zeros: "
ZEROS = b"0" * 64


def digest(content: bytes) -> bytes:
    """Returns the checksum of a file that holds `MARK`."""
    start = content.index(MARK) + len(MARK)
    view, value = memoryview(content), hashlib.sha256()
    for part in (view[:start], ZEROS, view[start + len(ZEROS) :]):
        value.update(part)
    return value.hexdigest().encode()


def fill(content: bytes) -> bytes:
    """Returns the file with its checksum in place of the zeros."""
    before, zeros, after = content.partition(MARK + ZEROS)
    if not zeros or MARK in before or MARK in after:
        raise ValueError("the file has not one place for its checksum")
    return before + MARK + digest(content) + after


def check(content: bytes, path: object) -> bool:
    """Returns True if the checksum of a file is right, False if it has none.

    Args:
        content: bytes of the file.
        path: name of the file in the message.

    Raises:
        UserError: if the checksum is wrong.
    """
    named, marked = NAME in content, MARK in content
    if not named and not marked:
        return False
    start = content.find(MARK) + len(MARK)
    if named and marked and content[start : start + len(ZEROS)] == digest(content):
        return True
    raise UserError(
        f"{path} is damaged or no .tflite file",
        expected="the content that its checksum was made of",
        received=f"other bytes, {len(content)} of them",
        fix="copy or export it again",
    )
