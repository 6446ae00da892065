"""Tables that the benchmarks write into the documentation themselves."""

from __future__ import annotations

import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tfvae import files

PACKAGES = ("tensorflow", "keras", "tensorflow-probability", "torch", "jax")


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """Returns a Markdown table with columns of even width."""
    widths = [max(len(row[index]) for row in [heads, *rows]) for index in range(len(heads))]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def append_row(path: Path, heads: list[str], cells: list[str]) -> None:
    """Adds a row to the Markdown table of a file that has these heads.

    Raises:
        ValueError: if the file does not hold such a table once.
    """
    lines = path.read_text("utf-8").splitlines()
    head = f"| {' | '.join(heads)} |"
    if lines.count(head) != 1:
        raise ValueError(f"{path} must hold the line {head} once")
    end = lines.index(head)
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    lines.insert(end, f"| {' | '.join(cells)} |")
    files.write_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def machine() -> str:
    """Returns the number of cores and the processor."""
    processor = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    return f"{os.cpu_count()} cores ({processor})"


def where() -> str:
    """Returns one line on the machine, the versions and the day."""
    versions = []
    for name in PACKAGES:
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return f"{machine()}, Python {platform.python_version()}, {', '.join(versions)}; {date.today()}."


def write_between_markers(path: Path, name: str, text: str) -> None:
    """Replaces what stands between the lines <!-- NAME --> and <!-- /NAME --> of a file.

    Raises:
        ValueError: if the file does not hold each marker once.
    """
    opening, closing = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    whole = path.read_text()
    if whole.count(opening) != 1 or whole.count(closing) != 1:
        raise ValueError(f"{path} must hold the lines {opening.strip()} and {closing} once each")
    before, rest = whole.split(opening)
    after = rest.split(closing)[1]
    path.write_text(f"{before}{opening}\n{text}\n\n{where()}\n\n{closing}{after}")
