"""Resumption of a run: the settings that may change, the checkpoint to take, and the record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint, identity
from tfvae.training.runs.checkpoint import Checkpoint
from tfvae.training.runs.directory import RunDirectory, command_line, versions, writing


def changed(run: RunDirectory, wanted: dict[str, Any]) -> Config:
    """Returns the settings of a resumed run: those of the run, changed as far as they may change.

    The learning rate follows the run's schedule over the `schedule_epochs` of its start. A cosine that ends before the
    new number of epochs is stretched to it.

    Args:
        run: directory of the run.
        wanted: wanted values by setting; None for a setting that is to stay.

    Raises:
        UserError: if a wanted value differs in a setting that may not change. The message lists all of them.
    """
    config = run.config()
    wanted = {name: value for name, value in wanted.items() if value is not None}
    differing = config.differences(wanted)
    known = bool(run.content().get("data_sha256"))  # without it only the file name identifies the data
    may_change = [name for name in identity.MAY_CHANGE if known or name != "dataset"]
    if any(name not in may_change and value != getattr(config, name) for name, value in wanted.items()):
        raise UserError(
            f"the run in {run.path} has other settings",
            expected=f"no changes but of {identity.FLAGS}",
            received=", ".join(differing),
            fix="leave the others out to go on with the run, or start a new one in another --run-dir",
        )
    config = replace(config, **wanted)
    if config.schedule == "cosine" and config.epochs > config.schedule_epochs and "epochs" in wanted:
        config = replace(config, schedule_epochs=config.epochs)
    return config


def choose(run: RunDirectory, config: Config) -> tuple[Checkpoint | None, list[str]]:
    """Chooses the checkpoint to resume from.

    Args:
        run: directory of the run.
        config: settings of the resumed run.

    Returns:
        checkpoint: newest undamaged checkpoint, or None.
        problems: one line for each damaged newer one.

    Raises:
        UserError: if config.json was edited, the checkpoint is another run's, or the run is already beyond `epochs`.
    """
    content = run.content()
    identity.check_unedited(run.config_file, content, config.to_json())
    newest, problems = checkpoint.load_newest(run.checkpoints)
    if newest is None:
        return None, problems
    name = checkpoint.path_of(run.checkpoints, newest.epoch, newest.step).name
    if newest.run is not None:
        ours = identity.of(config.to_json(), str(content.get("data_sha256", "")))
        differing = identity.differences(newest.run, ours)
        if differing:
            raise UserError(
                f"{name} in {run.checkpoints} belongs to another run",
                expected="checkpoints of the run that config.json describes",
                received=", ".join(differing),
                fix="take the checkpoint away, or restore config.json if that was edited",
            )
    former = newest.run["settings"] if newest.run is not None else run.config().to_json()
    _check_length(run, config, newest)
    if config.patience:
        _check_best(run, config, newest, former)
        return checkpoint.load_newest(run.checkpoints, with_best=True)
    return newest, problems


def _check_length(run: RunDirectory, config: Config, newest: Checkpoint) -> None:
    """Checks that the last epoch of the settings is not before the checkpoint."""
    least = newest.epoch + bool(newest.part)
    if config.epochs < least:
        raise UserError(
            f"the run in {run.path} has gone beyond epoch {config.epochs}",
            expected=f"--epochs of at least {least}",
            received=config.epochs,
            fix="or start a new run in another --run-dir",
        )


def _check_best(run: RunDirectory, config: Config, newest: Checkpoint, former: dict[str, Any]) -> None:
    """Checks that the weights of the best epoch were kept, and that patience has not ended the run."""
    best = checkpoint.best_epoch(newest.history)
    kept = checkpoint.path_of(run.checkpoints, best).is_file()
    if newest.history and not former["patience"] and not kept:
        raise UserError(
            f"the weights of the best epoch, {best}, were not kept, which --patience ends with",
            expected="a run that was started with --patience, or --patience 0",
            received=config.patience,
        )
    if config.epochs > former["epochs"] and stopped(newest.history, config.patience):
        raise UserError(
            f"the run in {run.path} has stopped: no epoch after {best} of {newest.epoch} had a better validation bound",
            expected=f"--patience of more than {newest.epoch - best} with --epochs, or 0 to go on whatever happens",
            received=config.patience,
        )


def stopped(history: list[dict[str, Any]], patience: int) -> bool:
    """Returns whether patience has run out. A patience of 0 never does."""
    return bool(patience) and len(history) - checkpoint.best_epoch(history) >= patience


def record(run: RunDirectory, config: Config, newest: Checkpoint | None) -> None:
    """Writes the new settings to config.json and adds an entry about this resumption to its "resumptions".

    Raises:
        UserError: if it cannot be written.
    """
    content = run.content()
    before = run.config().to_json() | ((newest.run or {}).get("settings", {}) if newest else {})
    now = config.to_json()
    entry = {
        "after_epoch": newest.epoch if newest else 0,
        "after_step": newest.step if newest else 0,
        "changed": {name: [before[name], now[name]] for name in now if before[name] != now[name]},
        "argv": command_line(),
        "versions": versions(),
    }
    run.write_config(content | {"config": now, "resumptions": [*content.get("resumptions", []), entry]})


def take_up(
    config: Config,
    run: RunDirectory,
    model: Any,
    found: tuple[Checkpoint | None, list[str]],
    say: Callable[[str], None],
    writes: bool,
) -> Checkpoint | None:
    """Restores the model and history.csv from a checkpoint. A killed run's history.csv may be ahead of it or behind.

    Args:
        config: settings of the resumed run.
        run: directory of the run.
        model: compiled model of the run.
        found: checkpoint and problems from `choose`.
        say: function that receives lines for the user.
        writes: True if this process writes the run.

    Returns:
        checkpoint: restored checkpoint, or None.

    Raises:
        UserError: if the checkpoint is of another model, or the run cannot be written.
    """
    newest, problems = found
    for problem in problems:
        say(f"tfvae: {problem}")
    if newest is not None:
        checkpoint.restore(newest, model)
    if writes:
        run.open()
        record(run, config, newest)
        with writing(run.history_file):
            run.write_history(newest.history if newest else [])
    epoch, step = (newest.epoch, newest.step) if newest else (0, 0)
    say(
        f"resuming after epoch {epoch} of {config.epochs}"
        + f" and {step} step{'s' * (step > 1)} of the next" * bool(step)
    )
    return newest
