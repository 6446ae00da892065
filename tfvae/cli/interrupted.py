"""What the command line says after Ctrl-C: which command goes on, and from what."""

from __future__ import annotations

import argparse
import shlex


def line(options: argparse.Namespace | None) -> str:
    """Returns one line for a command that was interrupted.

    Args:
        options: what was asked for, None where that was not yet known: "words" are those of the command line. A command
            adds, as it gets there, "run", its `RunDirectory`, and "reached", the finished share of its work in words.

    Returns:
        line: with the command to continue, quoted for a shell.
    """
    if options is None or options.command == "info":
        return "interrupted"
    run, reached = getattr(options, "run", None), getattr(options, "reached", None)
    if options.command == "train" and run is not None and run.config_file.is_file():
        return f"interrupted; {run.resuming()} goes on from the last checkpoint"
    again = f"`{shlex.join(['tfvae', *options.words])}`"
    return f"interrupted; {again} " + (f"goes on from {reached}" if reached else "starts anew")
