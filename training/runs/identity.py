"""The identity of a run: the settings that determine it, and its data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tfvae.checks import UserError

MAY_CHANGE = (
    "epochs",
    "schedule_epochs",
    "patience",
    "figures_every",
    "checkpoint_seconds",
    "tensorboard",
    "dataset",
)
"""Settings that a resumption may change: a run's length, what it writes, and the place of its data, which have a
fingerprint."""

FLAGS = ", ".join(f"--{name.replace('_', '-')}" for name in MAY_CHANGE)


def of(settings: dict[str, Any], data_sha256: str) -> dict[str, Any]:
    """Returns the identity of a run, as a checkpoint stores it.

    Args:
        settings: settings from `Config.to_json`.
        data_sha256: fingerprint of the data; "" if there is none.
    """
    return {"settings": settings, "data_sha256": data_sha256}


def differences(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Returns "name (there, here)" for each difference between two runs. A setting that only one has does not count.

    Args:
        theirs: identity of the run "there".
        ours: identity of the run "here".
    """
    found = settings(theirs["settings"], ours["settings"])
    there, here = theirs["data_sha256"], ours["data_sha256"]
    if not found and there and here and there != here:  # settings decide which examples are held out
        found = [f"data ({there[:12]}... there, {here[:12]}... here)"]
    return found


def settings(theirs: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """Returns "name (there, here)" for each setting that determines a run and differs."""
    return [
        f"{name} ({_shown(value)} there, {_shown(ours[name])} here)"
        for name, value in theirs.items()
        if name not in MAY_CHANGE and name in ours and value != ours[name]
    ]


def _shown(value: Any) -> str:
    return "".join(character for character in str(value)[:100] if character.isprintable())


def is_one(content: Any) -> bool:
    """Returns whether `content` has the form of an identity from `of`."""
    return (
        isinstance(content, dict)
        and isinstance(content.get("settings"), dict)
        and isinstance(content.get("data_sha256"), str)
    )


def check_unedited(config_file: Path, content: dict[str, Any], current: dict[str, Any]) -> None:
    """Checks that the settings are those that the run was started with.

    Args:
        config_file: path of the run's config.json.
        content: content of that file.
        current: settings from `Config.to_json`.

    Raises:
        UserError: if a setting that determines a run has changed. The message lists all of them.
    """
    started = content.get("started_with") or {"seed": content.get("seed", current["seed"])}
    differing = settings(started, current)
    if differing:
        raise UserError(
            f"{config_file} was edited since the run was started",
            expected=f"no changes but of {FLAGS}",
            received=", ".join(differing),
            fix="restore what it was there, or start a new run in another --run-dir",
        )
