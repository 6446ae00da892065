"""Going on with a run: which settings may change, which checkpoint to take, and the record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint, identity
from tfvae.training.runs.checkpoint import Checkpoint
from tfvae.training.runs.directory import RunDirectory, cannot_write, command_line, versions


def changed(run: RunDirectory, given: dict[str, Any]) -> Config:
    """Returns the settings to go on with: those of the run, and those given of the ones that may change.

    The learning rate goes on as the run's schedule has it, over the `schedule_epochs` that the run was started with. A
    cosine that ends before the new number of epochs is stretched to it.

    Args:
        run: the run.
        given: setting to value; None for those not given.

    Raises:
        UserError: if others were given that differ, naming each.
    """
    config = run.config()
    given = {name: value for name, value in given.items() if value is not None}
    differing = config.differences(given)
    known = bool(run.content().get("data_sha256"))  # without it the file alone tells which data they are
    may_change = [name for name in identity.MAY_CHANGE if known or name != "dataset"]
    if any(name not in may_change and value != getattr(config, name) for name, value in given.items()):
        raise UserError(
            f"the run in {run.path} has other settings",
            expected=f"no changes but of {identity.FLAGS}",
            received=", ".join(differing),
            fix="leave the others out to go on with the run, or start a new one in another --run-dir",
        )
    config = replace(config, **given)
    if config.schedule == "cosine" and config.epochs > config.schedule_epochs and "epochs" in given:
        config = replace(config, schedule_epochs=config.epochs)
    return config


def choose(run: RunDirectory, config: Config) -> tuple[Checkpoint | None, list[str]]:
    """Returns the checkpoint to go on from and a line for each newer one that is damaged.

    Args:
        run: the run.
        config: settings to go on with.

    Raises:
        UserError: if config.json was edited, the checkpoint is another run's, or the run cannot go on to `epochs`.
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
    """Checks that the run can go on from a checkpoint to the end that the settings have."""
    least = newest.epoch + bool(newest.part)
    if config.epochs < least:
        raise UserError(
            f"the run in {run.path} has gone beyond epoch {config.epochs}",
            expected=f"--epochs of at least {least}",
            received=config.epochs,
            fix="or start a new run in another --run-dir",
        )


def _check_best(run: RunDirectory, config: Config, newest: Checkpoint, former: dict[str, Any]) -> None:
    """Checks that the weights of the best epoch were kept, and that patience allows what was asked for."""
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
    """Returns whether patience has run out; 0 never does."""
    return bool(patience) and len(history) - checkpoint.best_epoch(history) >= patience


def record(run: RunDirectory, config: Config, newest: Checkpoint | None) -> None:
    """Writes into config.json the settings from now on, and adds what was resumed with what to its "resumptions".

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
    model,
    found: tuple[Checkpoint | None, list[str]],
    say: Callable[[str], None],
    writes: bool,
) -> Checkpoint | None:
    """Gives the model the state of a checkpoint, history.csv its history, and returns it.

    A killed run's history.csv may be ahead of the checkpoint or behind.

    Args:
        config: settings to go on with.
        run: the run.
        model: a compiled model of it.
        found: what `choose` gave.
        say: takes lines for the user.
        writes: whether this process writes the run.

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
        try:
            run.write_history(newest.history if newest else [])
        except OSError as error:
            raise cannot_write(run.history_file, error) from error
    epoch, step = (newest.epoch, newest.step) if newest else (0, 0)
    say(
        f"resuming after epoch {epoch} of {config.epochs}"
        + f" and {step} step{'s' * (step > 1)} of the next" * bool(step)
    )
    return newest
