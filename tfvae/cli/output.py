"""Standard output as a good Unix program treats it: printable, written to the end, or told in one line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from tfvae.checks import UserError, printable


class NobodyReads(Exception):
    """The reader of a pipe, such as `head`, has gone."""


class _Output:
    """A stream whose lines are printable, and whose failures are told apart from those of other files.

    Args:
        stream: where the text goes.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        text = "\n".join(printable(line) for line in text.split("\n"))
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        with _told():
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        return len(text)

    def flush(self) -> None:
        with _told():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise NobodyReads from error
    except OSError as error:
        raise UserError(f"cannot write to standard output: {error.strerror or error}") from error


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Within it what is printed reaches standard output printable, and all of it by the end.

    A standard error that is closed goes nowhere, so that no other file is taken for it.

    Raises:
        UserError: if standard output is closed or takes no more.
        NobodyReads: if it is a pipe whose reader has gone.
    """
    if sys.stderr is None:
        sys.stderr = _nowhere(2)
    if sys.stdout is None:
        sys.stdout = _nowhere(1)
        raise UserError("standard output is closed", fix="send it to a file, or to /dev/null")
    stream = sys.stdout
    output = _Output(stream)
    try:
        with contextlib.redirect_stdout(output):  # type: ignore[type-var]
            try:
                yield
            finally:
                output.flush()
    except (NobodyReads, UserError):
        _abandon(stream)
        raise


def _nowhere(descriptor: int) -> TextIO:
    """Returns /dev/null, opened under the number of a standard stream that is closed."""
    handle = os.open(os.devnull, os.O_WRONLY)
    if handle != descriptor:
        os.dup2(handle, descriptor)
        os.close(handle)
    return open(descriptor, "w", encoding="utf-8")


def _abandon(stream: TextIO) -> None:
    """Lets what a stream still holds go nowhere, as the interpreter would try to write it once more at its end."""
    try:
        stream.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            handle = os.open(os.devnull, os.O_WRONLY)
            os.dup2(handle, stream.fileno())
            os.close(handle)
    except ValueError:  # closed
        pass
