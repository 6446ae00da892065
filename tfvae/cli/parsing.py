"""What the subcommands' arguments are made of: a parser that refuses in one line, and types of values."""

from __future__ import annotations

import argparse
from typing import NoReturn

from tfvae.checks import VALUE, UserError, cut, printable


class Parser(argparse.ArgumentParser):
    """A parser that refuses a wrong command line with a `UserError`."""

    def error(self, message: str) -> NoReturn:
        """Raises a `UserError` with the message."""
        raise UserError(cut(message, 2 * VALUE), fix=f"see `{self.prog} --help`")


def path(text: str) -> str:
    """Returns a path that the system can be asked for."""
    if not text:
        raise argparse.ArgumentTypeError("the path is empty; expected one that is not empty")
    if "\0" in text:
        raise argparse.ArgumentTypeError(f"a path holds a NUL character; received {printable(text)}")
    return text


def named_value(text: str) -> tuple[str, int | float | str]:
    """Returns the name and the value of NAME=VALUE; a value that is no number stays text."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(
            f"expected NAME=VALUE; received {printable(cut(text, VALUE)) or 'nothing'}"
        )
    for number in (int, float):
        try:
            return name, number(value)
        except ValueError:
            continue
    return name, value


def add_plain_weights(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that a command takes for a generator with an average of its weights."""
    parser.add_argument(
        "--plain-weights",
        action="store_true",
        help="Use the generator's weights as training left them, in a run that kept their average with --ema. "
        "(default: the average)",
    )


class Option(argparse.Action):
    """Gathers every NAME=VALUE of a flag in one dictionary."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:  # type: ignore[no-untyped-def]
        """Adds one of them."""
        name, value = values
        setattr(namespace, self.dest, (getattr(namespace, self.dest) or {}) | {name: value})
