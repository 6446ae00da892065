"""The `tfvae` command: one module for each subcommand, whose heavy imports wait until its input is checked."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from tfvae.checks import LostWorker, UserError, printable
from tfvae.cli import interrupted, output
from tfvae.cli.arguments import SUBCOMMANDS, parser

USER_ERROR, INTERRUPTED, NOBODY_READS = 2, 130, 141  # the last two as a shell counts the signals
COMMANDS: dict[str, Callable[[Any], int | None]] = {
    name: module.run for name, (module, _) in SUBCOMMANDS.items()
}


def _one_line(message: Warning | str, *_: Any) -> str:
    return f"tfvae: warning: {UserError(str(message))}\n"


def _interrupted(options: Any) -> int:
    mid_line = "\n" if sys.stderr.isatty() else ""  # after a bar or the ^C of a terminal
    print(f"{mid_line}tfvae: {printable(interrupted.line(options))}", file=sys.stderr)
    return INTERRUPTED


def _came_of_an_interrupt(error: BaseException | None) -> bool:
    """Returns whether an interrupt caused an error, as one that meets the import of a compiled module does."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code.

    That is 0, or after one line: 2 for what the user can mend, 3 for a worker that was lost, 130 for an interrupt; 141
    without a word where standard output is a pipe that nobody reads any more.
    """
    warnings.formatwarning = _one_line  # type: ignore[assignment]
    options = None
    try:
        with output.standard_streams():
            options = parser().parse_args(arguments)
            options.words = list(sys.argv[1:] if arguments is None else arguments)
            return COMMANDS[options.command](options) or 0
    except output.NobodyReads:
        return NOBODY_READS
    except UserError as error:
        print(f"tfvae: {error}", file=sys.stderr)
        return USER_ERROR
    except LostWorker as error:
        from tfvae.training.distribution import processes

        if not processes.is_child():  # the launcher tells of it
            print(f"tfvae: {printable(str(error))}", file=sys.stderr)
        return processes.LOST
    except KeyboardInterrupt:
        return _interrupted(options)
    except Exception as error:
        if _came_of_an_interrupt(error):
            return _interrupted(options)
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        told = UserError(
            "there is not enough memory",
            received=str(error).partition("\n")[0] or type(error).__name__,
            fix="choose a smaller model, batch or number of particles",
        )
        print(f"tfvae: {told}", file=sys.stderr)
        return USER_ERROR
