"""What a rule of distrust says, and what several rules share."""

from __future__ import annotations

from typing import NamedTuple

EXAMPLES = 1000  # fewer are few
SIGMAS = 3.0  # standard errors, of a difference, that count as real


class Finding(NamedTuple):
    """What a rule says.

    Attributes:
        fired: whether it found something to distrust.
        heading: in a few words.
        text: why, and what to do.
    """

    fired: bool
    heading: str
    text: str


def doubt(heading: str, text: str) -> Finding:
    """Returns a finding to distrust."""
    return Finding(True, heading, text)


def fine(heading: str, text: str) -> Finding:
    """Returns what was looked at and found in order."""
    return Finding(False, heading, f"{text}.")
