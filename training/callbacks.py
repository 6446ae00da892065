"""Keras callbacks of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import tensorflow as tf

from tfvae.models import nonfinite
from tfvae.training import progress
from tfvae.training.distribution import heartbeat
from tfvae.training.runs import checkpoint, resumption
from tfvae.training.runs.directory import RunDirectory, writing

SCALE_EVERY = 100  # steps between looks at the scale of the loss


class Recorder(keras.callbacks.Callback):
    """Keeps the history, writes it and the checkpoints, and stops early.

    Everything it decides is a function of the history, which the checkpoint holds.

    Args:
        run: directory of the run.
        history: rows of the epochs done.
        epochs: epochs of the whole run.
        steps: optimiser steps in an epoch.
        patience: epochs without a better validation bound after which to stop; 0 never stops.
        checkpoint_seconds: least time between checkpoints.
        writes: whether to write and to show the bar, as one of several workers does.
        identity: what checkpoints hold of the run, see `identity.of`.
        part: the share of the next epoch that is done; None for nothing of it.
        asked: function that is called at the end of an epoch and returns whether to stop there.
        bar: what shows the progress; None for silence.
    """

    def __init__(
        self,
        run: RunDirectory,
        history: Iterable[dict[str, float]],
        *,
        epochs: int,
        steps: int,
        patience: int,
        checkpoint_seconds: float,
        writes: bool = True,
        identity: dict[str, Any] | None = None,
        part: checkpoint.Part | None = None,
        asked: Callable[[], bool] = lambda: False,
        bar: progress.EpochProgress | None = None,
    ) -> None:
        super().__init__()
        self.rows = list(history)
        self._identity, self._part, self._asked = identity, part, asked
        self._run, self._epochs, self._steps = run, epochs, steps
        self._patience, self._seconds = patience, checkpoint_seconds
        self._saved = time.monotonic()
        self._writes = writes
        self._bar = bar

    def stopped(self) -> bool:
        """Returns whether patience has run out."""
        return resumption.stopped(self.rows, self._patience)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the time and the learning rate; takes up the metrics of an epoch that was begun before."""
        self._began = time.monotonic()
        self._rate = float(tf.convert_to_tensor(self.model.optimizer.learning_rate))
        self._first = self._part.step if self._part else 0
        if self._part:
            self._began -= self._part.seconds
            self._rate = self._part.learning_rate
            for variable, value in zip(self.model.metrics_variables, self._part.metrics, strict=True):
                variable.assign(value)
            self._part = None

    def pause(self, step: int) -> None:
        """Writes the checkpoint within an epoch, after `step` of its steps."""
        metrics = [variable.numpy() for variable in self.model.metrics_variables]
        part = checkpoint.Part(step, self._rate, round(time.monotonic() - self._began, 3), metrics)
        with writing(self._run.path):
            checkpoint.save(self._run.checkpoints, self.model, self.rows, self._identity, part)
            self._run.write_history(self.rows)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Moves the bar."""
        done = len(self.rows) * self._steps + self._first + batch + 1
        if self._writes and self._bar is not None:
            self._bar.step(done, lambda: self._words(logs))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Adds a row; writes history.csv and, when it is time, a checkpoint."""
        row = {"epoch": epoch + 1} | {name: float(value) for name, value in (logs or {}).items()}
        row["learning_rate"] = self._rate
        row["seconds"] = round(time.monotonic() - self._began, 3)
        self.rows.append(row)
        asked = self._asked()
        last = self.stopped() or len(self.rows) == self._epochs
        self.model.stop_training = last or asked
        if self._writes:
            self._write(last, asked)

    def _write(self, last: bool, asked: bool) -> None:
        best = self._patience and checkpoint.best_epoch(self.rows) == len(self.rows)
        with writing(self._run.path):
            if best or last or asked or time.monotonic() - self._saved >= self._seconds:
                checkpoint.save(self._run.checkpoints, self.model, self.rows, self._identity)
                self._saved = time.monotonic()
            self._run.write_history(self.rows)
        if self._bar is not None:
            self._bar.epoch(len(self.rows) * self._steps, self._words(None), last)

    def _words(self, logs: Mapping[str, Any] | None) -> str:
        """Returns the metrics of the last epoch, or those of the steps so far within the first one."""
        if self.rows:
            return progress.metrics(self.rows[-1])
        return progress.metrics({name: float(value) for name, value in (logs or {}).items()})


class Painter(keras.callbacks.Callback):
    """Draws the figures of a run every few epochs, but not after the last one.

    Args:
        every: epochs between two drawings; 0 for none.
        epochs: epochs of the whole run.
        draw: function that draws the model as it is.
    """

    def __init__(self, every: int, epochs: int, draw: Callable[[], None]) -> None:
        super().__init__()
        self._every, self._epochs, self._draw = every, epochs, draw

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Draws where it is time."""
        if self._every and (epoch + 1) % self._every == 0 and epoch + 1 < self._epochs:
            self._draw()


class Heartbeat(keras.callbacks.Callback):
    """Beats for those who watch for workers that hang: this process goes on."""

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Beats after a step."""
        heartbeat.beat()

    def on_test_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Beats within a validation."""
        heartbeat.beat()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Beats after a checkpoint."""
        heartbeat.beat()


class StopWhenNotFinite(nonfinite.StopWhenNotFinite):
    """As the library's, before such weights reach a checkpoint; it names the last good one.

    Gradients that overflow float16 leave the loss finite: loss scaling skips their step and halves the scale. Such a
    run is stopped where the scale has fallen below 1.

    Args:
        run: the run, whose last checkpoint is named.
        batch_of: function from an epoch and the number of a step in it, both from 0, to that step's batch, as `fit`
            takes it.
        steps: optimiser steps in an epoch, of which `fit` may be given the last ones alone.
    """

    def __init__(self, run: RunDirectory, batch_of: Callable[[int, int], Any], steps: int) -> None:
        super().__init__()
        self._run, self._batch_of, self._steps = run, batch_of, steps

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the epoch, and how many of its steps were done before."""
        super().on_epoch_begin(epoch, logs)
        self._first = self._steps - self.params["steps"]

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Looks at the loss of the step before, and now and then at the scale of the loss."""
        super().on_train_batch_end(batch, logs)
        if batch % SCALE_EVERY == SCALE_EVERY - 1:
            self._look_at_scale(batch)

    def look_at_all(self) -> int:
        """Looks at the last step and at the weights, which it may have spoilt; returns that step's number."""
        assert self._pending is not None, "no step was taken"
        batch = self._pending[0]
        self._look()
        self._look_at_scale(batch)
        if not self._weights_are_finite():
            what = f"a weight is not finite {self._where(batch)}"
            raise self._error(what, batch, expected="finite weights")
        return batch

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Looks at the weights and at the validation loss."""
        batch = self.look_at_all()
        loss = (logs or {}).get("val_loss", 0.0)
        if not math.isfinite(loss):
            raise self._error(f"the validation loss is {loss} {self._where(batch)}", batch)

    def _look_at_scale(self, batch: int) -> None:
        found = [
            getattr(optimizer, "dynamic_scale", None) for optimizer, _ in self.model.optimizers().values()
        ]
        scale = min([float(tf.convert_to_tensor(one)) for one in found if one is not None], default=1.0)
        if scale < 1.0:
            what = f"the gradients overflow float16 at a loss scale of {2.0 * scale:g} {self._where(batch)}"
            raise self._error(what, batch, expected="finite gradients at a scale of 1", scale=scale)

    def _metrics(self) -> Iterable[str]:
        return self._finite

    def _where(self, batch: int) -> str:
        """Returns the step in words; where several go into a dispatch, from the first to the last of it."""
        last = self._epoch * self._steps + self._first + batch + 1
        several = self.model.steps_per_execution
        return f"at step {last}" if several == 1 else f"in steps {last - several + 1} to {last}"

    def _examples(self, batch: int) -> Any:
        return self._batch_of(self._epoch, self._first + batch)

    def _fix(self, half: bool) -> str:
        found = checkpoint.found(self._run.checkpoints)
        newest = checkpoint.path_of(self._run.checkpoints, *found[-1]) if found else "none"
        return (
            f"last good checkpoint: {newest}; lower --learning-rate"
            + ", or train with --mixed-precision bfloat16 or in float32" * half
            + " or look at the data"
        )


class Halt(keras.callbacks.Callback):
    """Ends `fit` by `Halted` after the step during which that was asked for, unless it is the last of its epoch.

    Args:
        asked: function that returns whether to end.
        stop: callback that looks at what reaches the checkpoint then.
        recorder: callback that writes the checkpoint.
        steps: optimiser steps in an epoch.
    """

    def __init__(
        self, asked: Callable[[], bool], stop: StopWhenNotFinite, recorder: Recorder, steps: int
    ) -> None:
        super().__init__()
        self._asked, self._stop, self._recorder, self._steps = asked, stop, recorder, steps

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Ends `fit` if that was asked for."""
        step = self._steps - self.params["steps"] + batch + 1
        if self._asked() and step < self._steps:
            self._stop.look_at_all()
            self._recorder.pause(step)
            raise Halted(step)


class Halted(Exception):
    """`fit` has ended within an epoch, after so many of its steps."""
