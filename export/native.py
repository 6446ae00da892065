"""Output that native code writes past Python to standard output and standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from tfvae.checks import UserError


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Holds back everything that is written to standard output and standard error, by native code too.

    The text is dropped if the block ends without an exception or with a `UserError`. After any other exception it is
    written to standard error, for a report of the fault.
    """
    with tempfile.TemporaryFile() as held, contextlib.ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        kept = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
        for number, terminal in kept.items():
            os.dup2(held.fileno(), number)
            stack.callback(os.close, terminal)
        text = b""
        try:
            yield
        except UserError:
            raise
        except BaseException:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            held.seek(0)
            text = held.read()
            raise
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, terminal in kept.items():
                os.dup2(terminal, number)
            if text and 2 in kept:
                os.write(2, text)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
