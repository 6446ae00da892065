"""The `tfvae` command: one module for each subcommand, whose heavy imports wait until its input is checked."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from typing import Any

from tfvae.checks import LostWorker, UserError
from tfvae.cli import evaluate, export, info, latent, sample, train
from tfvae.cli.arguments import parser

USER_ERROR = 2
COMMANDS = {
    "train": train.run,
    "evaluate": evaluate.run,
    "sample": sample.run,
    "latent": latent.run,
    "export": export.run,
    "info": info.run,
}


def _one_line(message: Warning | str, *_: Any) -> str:
    return f"tfvae: warning: {message}\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns its exit code.

    That is 0, or after one line: 2 for what the user can mend, 3 for a worker that was lost, 130 for an interrupt.
    """
    warnings.formatwarning = _one_line
    try:
        options = parser().parse_args(arguments)
        options.words = list(sys.argv[1:] if arguments is None else arguments)
        return COMMANDS[options.command](options) or 0
    except UserError as error:
        print(f"tfvae: {error}", file=sys.stderr)
        return USER_ERROR
    except LostWorker as error:
        from tfvae.training import processes

        if not processes.is_child():  # the launcher tells of it
            print(f"tfvae: {error}", file=sys.stderr)
        return processes.LOST
    except KeyboardInterrupt:
        print(
            "tfvae: interrupted; `tfvae train --run-dir ... --resume` goes on from the last checkpoint",
            file=sys.stderr,
        )
        return 130
