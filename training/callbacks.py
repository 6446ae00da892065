"""Keras callbacks of a run."""

from __future__ import annotations

import math
import time

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import diagnosis
from tfvae.training import progress
from tfvae.training.distribution import heartbeat
from tfvae.training.runs import checkpoint, resumption
from tfvae.training.runs.directory import RunDirectory, cannot_write

SCALE_EVERY = 100  # steps between looks at the scale of the loss


class Recorder(keras.callbacks.Callback):
    """Keeps the history, writes it and the checkpoints, and stops early.

    Everything it decides is a function of the history, which the checkpoint holds.

    Args:
        run: where to write.
        history: rows of the epochs done.
        epochs: of the whole run.
        steps: optimiser steps in an epoch.
        patience: epochs without a better validation bound after which to stop; 0 never stops.
        checkpoint_seconds: least time between checkpoints.
        writes: whether to write and to show a bar, as one of several workers does.
        identity: what checkpoints hold of the run, see `identity.of`.
        part: share of the next epoch that is done.
        asked: tells at the end of an epoch whether to stop there.
    """

    def __init__(
        self,
        run: RunDirectory,
        history,
        *,
        epochs,
        steps,
        patience,
        checkpoint_seconds,
        writes=True,
        identity=None,
        part=None,
        asked=lambda: False,
    ):
        super().__init__()
        self.rows = list(history)
        self._identity, self._part, self._asked = identity, part, asked
        self._run, self._epochs, self._steps = run, epochs, steps
        self._patience, self._seconds = patience, checkpoint_seconds
        self._saved = time.monotonic()
        self._writes = writes
        self._bar = progress.Progress(epochs * steps, "step")

    def stopped(self) -> bool:
        """Returns whether patience has run out."""
        return resumption.stopped(self.rows, self._patience)

    def on_epoch_begin(self, epoch, logs=None):
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

    def pause(self, step):
        """Writes the checkpoint within an epoch, after `step` of its steps."""
        metrics = [variable.numpy() for variable in self.model.metrics_variables]
        part = checkpoint.Part(step, self._rate, round(time.monotonic() - self._began, 3), metrics)
        try:
            checkpoint.save(self._run.checkpoints, self.model, self.rows, self._identity, part)
            self._run.write_history(self.rows)
        except OSError as error:
            raise cannot_write(self._run.path, error) from error

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        done = len(self.rows) * self._steps + self._first + batch + 1
        if self._writes and done < self._epochs * self._steps:
            self._bar.update(done, self._words())

    def on_epoch_end(self, epoch, logs=None):
        """Adds a row; writes history.csv and, when it is time, a checkpoint."""
        row = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
        row["learning_rate"] = self._rate
        row["seconds"] = round(time.monotonic() - self._began, 3)
        self.rows.append(row)
        asked = self._asked()
        last = self.stopped() or len(self.rows) == self._epochs
        self.model.stop_training = last or asked
        if self._writes:
            self._write(last, asked)

    def _write(self, last, asked):
        best = self._patience and checkpoint.best_epoch(self.rows) == len(self.rows)
        try:
            if best or last or asked or time.monotonic() - self._saved >= self._seconds:
                checkpoint.save(self._run.checkpoints, self.model, self.rows, self._identity)
                self._saved = time.monotonic()
            self._run.write_history(self.rows)
        except OSError as error:
            raise cannot_write(self._run.path, error) from error
        if last:
            self._bar.update(self._epochs * self._steps, self._words())

    def _words(self):
        return progress.figures(self.rows[-1]) if self.rows else ""


class Heartbeat(keras.callbacks.Callback):
    """Tells those who watch for workers that hang that this process goes on."""

    def on_train_batch_end(self, batch, logs=None):
        """Tells it after a step."""
        heartbeat.beat()

    def on_test_batch_end(self, batch, logs=None):
        """Tells it within a validation."""
        heartbeat.beat()

    def on_epoch_end(self, epoch, logs=None):
        """Tells it after a checkpoint."""
        heartbeat.beat()


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops a run whose loss is NaN or infinite, before such weights reach a checkpoint, and names the layer.

    A loss is looked at after the next step was started, so that a GPU never waits for it, and at the end of an epoch.
    Gradients that overflow float16 leave the loss finite: loss scaling skips their step and halves the scale. Such a
    run is stopped where the scale has fallen below 1.

    Args:
        run: whose last checkpoint to name.
        batch_of: from an epoch and the number of a step in it, both from 0, to that step's batch, as `fit` takes it.
        steps: optimiser steps in an epoch, of which `fit` may be given the last ones alone.
    """

    def __init__(self, run: RunDirectory, batch_of, steps: int):
        super().__init__()
        self._run, self._batch_of, self._steps = run, batch_of, steps
        self._pending = self._finite = None

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self._epoch, self._first = epoch, self._steps - self.params["steps"]

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss of the step before, and now and then at the scale of the loss."""
        self._look()
        self._pending = (batch, logs)
        if batch % SCALE_EVERY == SCALE_EVERY - 1:
            self._look_at_scale(batch)

    def look_at_all(self):
        """Looks at the last step and at the weights, which it may have spoilt; returns that step's number."""
        batch = self._pending[0]
        self._look()
        self._look_at_scale(batch)
        if not all(np.isfinite(weight.numpy()).all() for weight in self.model.weights):
            self._stop("a weight is not finite", batch, expected="finite weights")
        return batch

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the weights and at the validation loss."""
        batch = self.look_at_all()
        if not math.isfinite(logs.get("val_loss", 0.0)):
            self._stop(f"the validation loss is {logs['val_loss']}", batch)

    def _look(self):
        if self._pending is None:
            return
        batch, logs = self._pending
        self._pending = None
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            self._stop(f"the loss is {loss}", batch)
        self._finite = logs

    def _look_at_scale(self, batch):
        scale = getattr(self.model.optimizer, "dynamic_scale", None)
        scale = 1.0 if scale is None else float(tf.convert_to_tensor(scale))
        if scale < 1.0:
            what = f"the gradients overflow float16 at a loss scale of {2.0 * scale:g}"
            self._stop(what, batch, expected="finite gradients at a scale of 1", scale=scale)

    def _stop(self, what, batch, *, expected="a finite loss", scale=None):
        examples = self._batch_of(self._epoch, self._first + batch)
        if scale is None:
            found = diagnosis.broken_forward(self.model, examples)
        else:
            found = diagnosis.broken_backward(self.model, examples, scale)
        newest = [
            checkpoint.path_of(self._run.checkpoints, *one) for one in checkpoint.found(self._run.checkpoints)
        ]
        figures = ", ".join(f"{name} {float(value):.6g}" for name, value in (self._finite or {}).items())
        half = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        raise UserError(
            f"{what} {self._where(batch)}" + (f": {found}" if found else ""),
            expected=expected,
            received=f"last finite metrics: {figures or 'none yet'}",
            fix=f"last good checkpoint: {newest[-1] if newest else 'none'}; lower --learning-rate"
            + ", or train with --mixed-precision bfloat16 or in float32" * half
            + " or look at the data",
        )

    def _where(self, batch):
        """Returns the step in words; where several go into a dispatch, from the first to the last of it."""
        last = self._epoch * self._steps + self._first + batch + 1
        several = self.model.steps_per_execution
        return f"at step {last}" if several == 1 else f"in steps {last - several + 1} to {last}"


class Halt(keras.callbacks.Callback):
    """Ends `fit` by `Halted` after the step during which that was asked for, unless it is the last of its epoch.

    Args:
        asked: tells whether to.
        stop: looks at what reaches the checkpoint then.
        recorder: writes the checkpoint.
        steps: optimiser steps in an epoch.
    """

    def __init__(self, asked, stop: StopWhenNotFinite, recorder: Recorder, steps: int):
        super().__init__()
        self._asked, self._stop, self._recorder, self._steps = asked, stop, recorder, steps

    def on_train_batch_end(self, batch, logs=None):
        """Ends `fit` if that was asked for."""
        step = self._steps - self.params["steps"] + batch + 1
        if self._asked() and step < self._steps:
            self._stop.look_at_all()
            self._recorder.pause(step)
            raise Halted(step)


class Halted(Exception):
    """`fit` has ended within an epoch, after so many of its steps."""
