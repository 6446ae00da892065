"""What native code writes past Python to standard output and standard error."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from tfvae.checks import UserError


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Holds back what is written to standard output and standard error, by native code too.

    It is dropped when the block ends well or with a `UserError`, which says what there is to say. Any other exception
    lets it through, for a report of the fault.
    """
    with tempfile.TemporaryFile() as held, contextlib.ExitStack() as stack:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        kept = {number: os.dup(number) for number in (1, 2) if _is_open(number)}
        for number, terminal in kept.items():
            os.dup2(held.fileno(), number)
            stack.callback(os.close, terminal)
        told = b""
        try:
            yield
        except UserError:
            raise
        except BaseException:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            held.seek(0)
            told = held.read()
            raise
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            for number, terminal in kept.items():
                os.dup2(terminal, number)
            if told and 2 in kept:
                os.write(2, told)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
