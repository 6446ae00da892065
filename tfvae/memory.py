"""What memory there is, asked before much of it is taken: a killed process cannot say what was too large."""

from __future__ import annotations

import os
from pathlib import Path

from tfvae.checks import UserError

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_UNITS = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6))


def available() -> float:
    """Returns the bytes that this process may still take, swap included; infinity where the system does not tell."""
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
    """Raises a `UserError` if `needed` bytes, at the very least, are more than there are.

    Args:
        what: what needs them, the subject of the sentence.
        needed: bytes that are surely taken; an estimate from below, so that nothing is refused that would run.
        fix: what to make smaller.
    """
    free = available()
    if needed > free:
        raise UserError(
            f"{what} would need at least {told(needed)} of memory",
            expected=f"at most the {told(free)} available",
            fix=fix,
        )


def check_weights(name: str, *shape: int) -> None:
    """Raises a `UserError` if float32 weights of this shape do not fit into memory."""
    needed = 4.0
    for size in shape:
        needed *= size
    check(f"weights {list(shape)} of {name}", needed, fix="choose fewer units")


def told(size: float) -> str:
    """Returns a number of bytes in words."""
    name, unit = next(((name, unit) for name, unit in _UNITS if size >= unit), _UNITS[-1])
    return f"{size / unit:,.0f} {name}" if size >= 10 * unit else f"{size / unit:.1f} {name}"
