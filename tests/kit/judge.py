"""Runs command lines in this process and judges them: what a program may do with input that nobody expected."""

import contextlib
import io
import signal
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from tfvae import cli

LONGEST = 620  # characters of the one line


class TookTooLong(BaseException):
    """No handler of exceptions takes it for something else."""


@dataclass(frozen=True)
class Outcome:
    code: int
    output: str
    errors: str


@contextlib.contextmanager
def within(seconds):
    """Ends the block by an exception after so many seconds."""

    def stop(*_):
        raise TookTooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def tree(folder):
    """Every path below a folder with what is in it."""
    folder = Path(folder)
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


def judge(words, *, seconds=20.0, codes=(0, 2), folder=None):
    """Runs a command line and returns its outcome.

    Args:
        words: arguments of `tfvae`.
        seconds: the most that it may take.
        codes: exit codes that it may have.
        folder: where a refused command line must leave everything as it was.

    Raises:
        AssertionError: if it ends with another code, tells more or less than one short printable line where it is
            refused, or changes a file then.
    """
    before = None if folder is None else tree(folder)
    output, errors = io.StringIO(), io.StringIO()
    began = time.monotonic()
    with (
        within(seconds),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            code = cli.main(words)
        except SystemExit as exit:
            code = exit.code or 0
    found = Outcome(code, output.getvalue(), errors.getvalue())
    what = f"{words!r:.2000} ended with {found} after {time.monotonic() - began:.1f} s"
    assert code in codes, what
    assert "Traceback" not in found.errors, what
    assert all(line.isprintable() for line in found.output.split("\n")), what
    if code == 2:
        lines = found.errors.splitlines()
        assert len(lines) == 1 and lines[0].startswith("tfvae: "), what
        assert lines[0].isprintable() and len(lines[0]) <= LONGEST, what
        assert before is None or tree(folder) == before, f"files changed: {what}"
    return found


def judge_all(cases, run):
    """Runs each case, and tells of all that fail together; returns how many were refused."""
    failed, refused = [], 0
    for case in cases:
        try:
            refused += run(case).code == 2
        except (Exception, TookTooLong) as error:
            failed.append(f"case {case}: {type(error).__name__}: {str(error)[:3000]}")
    assert not failed, f"{len(failed)} of {len(cases)} cases failed\n" + "\n".join(failed)
    return refused
