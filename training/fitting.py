"""`fit` as a run calls it: from any epoch and any step of it on."""

from __future__ import annotations

import functools
from typing import Any

from tfvae.training import callbacks, data
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.stopping import Stop


def watchers(
    config: Config,
    run: RunDirectory,
    loaded: data.DataSet,
    recorder: callbacks.Recorder,
    stop: Stop,
    *,
    halts: bool,
) -> list[Any]:
    """Returns the callbacks of every run, in order.

    Args:
        config: settings of the run.
        run: directory of the run.
        loaded: data set of the run.
        recorder: callback that keeps the history.
        stop: request to stop, which a signal makes.
        halts: whether `fit` may stop within an epoch.
    """
    steps = data.steps_per_epoch(len(loaded.train), config.batch_size)
    finite = callbacks.StopWhenNotFinite(run, functools.partial(_batch_of, config, loaded), steps)
    halt = callbacks.Halt(lambda: stop.requested, finite, recorder, steps)
    return [finite, recorder, callbacks.Heartbeat()] + [halt] * halts


def fit(config: Config, loaded: data.DataSet, model: Any, epoch: int, step: int, watchers: list[Any]) -> int:
    """Fits the model after `epoch` epochs and `step` steps of the next one.

    Returns:
        step: steps done of an epoch in which it was halted; 0 where it ended with one.
    """
    try:
        if step:
            _fit(config, loaded, model, epoch, step, watchers)
            epoch += 1
        if epoch < config.epochs and not (step and model.stop_training):
            _fit(config, loaded, model, epoch, 0, watchers)
    except callbacks.Halted as halted:
        return halted.args[0]
    return 0


def _fit(
    config: Config, loaded: data.DataSet, model: Any, epoch: int, step: int, watchers: list[Any]
) -> None:
    """Fits to the end; with `step` the remaining steps of one epoch."""
    batches = _batches(config, loaded, epoch)
    model.fit(
        batches.skip(step) if step else batches,
        steps_per_epoch=data.steps_per_epoch(len(loaded.train), config.batch_size) - step,
        initial_epoch=epoch,
        epochs=epoch + 1 if step else config.epochs,
        validation_data=_validation(loaded, config),
        callbacks=watchers,
        shuffle=False,
        verbose=0,
    )


def _batches(config: Config, loaded: data.DataSet, start_epoch: int) -> Any:
    """Returns the pipeline of training batches from an epoch on."""
    return data.training_pipeline(
        loaded.train.images,
        batch_size=config.batch_size,
        seed=config.seed,
        binarize=config.binarize,
        start_epoch=start_epoch,
        **loaded.condition_of(config.condition, loaded.train),
    )


def _batch_of(config: Config, loaded: data.DataSet, epoch: int, step: int) -> Any:
    """Returns the batch of one step of an epoch."""
    return next(iter(_batches(config, loaded, epoch).skip(step)))


def _validation(loaded: data.DataSet, config: Config) -> Any:
    if not len(loaded.validation):
        return None
    images = data.binarize_once(loaded.validation.images, config.binarize, config.seed, "validation")
    condition = loaded.condition_of(config.condition, loaded.validation)
    return data.evaluation_pipeline(images, batch_size=min(len(images), 500), **condition)
