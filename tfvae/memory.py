"""Checks of the available memory before much of it is taken: a killed process cannot say what was too large."""

from __future__ import annotations

import os
from pathlib import Path

from tfvae.checks import UserError

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6))


def available() -> float:
    """Returns the bytes that this process may still take, swap included; infinity if the system does not say."""
    try:
        rows = [line.split() for line in Path("/proc/meminfo").read_text("ascii").splitlines()]
        sizes = {row[0]: 1024.0 * int(row[1]) for row in rows}
        free = sizes["MemAvailable:"] + sizes.get("SwapFree:", 0.0)
    except (OSError, ValueError, LookupError):
        try:
            free = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
        except (OSError, ValueError, AttributeError):
            return float("inf")
    for path in _LIMITS:
        try:
            free = min(free, float(Path(path).read_text("ascii")))
        except (OSError, ValueError):  # no such limit, or "max"
            continue
    return free


def check(what: str, needed: float, fix: str | None = None) -> None:
    """Checks that `needed` bytes are available.

    Args:
        what: subject of the error message: what needs the memory.
        needed: bytes that are surely taken. It is an estimate from below, so that nothing is refused that would run.
        fix: what to make smaller.

    Raises:
        UserError: if fewer bytes are available.
    """
    free = available()
    if needed > free:
        raise UserError(
            f"{what} would need at least {in_words(needed)} of memory",
            expected=f"at most the {in_words(free)} available",
            fix=fix,
        )


def check_weights(name: str, *shape: int) -> None:
    """Checks that float32 weights fit into memory.

    Args:
        name: name of the layer in the message.
        *shape: shape of the weights.

    Raises:
        UserError: if they do not fit.
    """
    needed = 4.0
    for size in shape:
        needed *= size
    check(f"weights {list(shape)} of {name}", needed, fix="choose fewer units")


def in_words(size: float) -> str:
    """Returns a number of bytes with a unit.

    Example:
        >>> in_words(2_500_000)
        '2.5 MB'
    """
    name, unit = next(((name, unit) for name, unit in _UNITS if size >= unit), _UNITS[-1])
    return f"{size / unit:,.0f} {name}" if size >= 10 * unit else f"{size / unit:.1f} {name}"
