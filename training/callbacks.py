"""Keras callbacks of a run."""

from __future__ import annotations

import math
import time

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.training import checkpoint, progress
from tfvae.training.run_directory import RunDirectory, cannot_write


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
    """

    def __init__(
        self, run: RunDirectory, history, *, epochs, steps, patience, checkpoint_seconds, writes=True
    ):
        super().__init__()
        self.rows = list(history)
        self._run, self._epochs, self._steps = run, epochs, steps
        self._patience, self._seconds = patience, checkpoint_seconds
        self._saved = time.monotonic()
        self._writes = writes
        self._bar = progress.Progress(epochs * steps, "step")

    def stopped(self) -> bool:
        """Returns whether patience has run out."""
        return bool(self._patience) and len(self.rows) - checkpoint.best_epoch(self.rows) >= self._patience

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the time and the learning rate."""
        self._began = time.monotonic()
        self._rate = float(tf.convert_to_tensor(self.model.optimizer.learning_rate))

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        done = len(self.rows) * self._steps + batch + 1
        if self._writes and done < self._epochs * self._steps:
            self._bar.update(done, self._words())

    def on_epoch_end(self, epoch, logs=None):
        """Adds a row; writes history.csv and, when it is time, a checkpoint."""
        row = {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
        row["learning_rate"] = self._rate
        row["seconds"] = round(time.monotonic() - self._began, 3)
        self.rows.append(row)
        stop = self.stopped()
        self.model.stop_training = stop
        if self._writes:
            self._write(last=stop or len(self.rows) == self._epochs)

    def _write(self, last):
        best = self._patience and checkpoint.best_epoch(self.rows) == len(self.rows)
        try:
            if best or last or time.monotonic() - self._saved >= self._seconds:
                checkpoint.save(self._run.checkpoints, self.model, self.rows)
                self._saved = time.monotonic()
            self._run.write_history(self.rows)
        except OSError as error:
            raise cannot_write(self._run.path, error) from error
        if last:
            self._bar.update(self._epochs * self._steps, self._words())

    def _words(self):
        return progress.figures(self.rows[-1]) if self.rows else ""


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops a run at the first step whose loss is NaN or infinite, and before such weights reach a checkpoint.

    Args:
        run: whose last checkpoint to name.
    """

    def __init__(self, run: RunDirectory):
        super().__init__()
        self._run = run
        self._finite = "none yet"

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss."""
        logs = {name: float(value) for name, value in logs.items()}
        if not math.isfinite(logs["loss"]):
            self._stop(f"the loss is {logs['loss']}", "a finite loss")
        self._finite = ", ".join(f"{name} {value:.6g}" for name, value in logs.items())

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the weights, which the last step may have spoilt, and at the validation loss."""
        if not all(np.isfinite(weight.numpy()).all() for weight in self.model.weights):
            self._stop("a weight is not finite", "finite weights")
        if not math.isfinite(logs.get("val_loss", 0.0)):
            self._stop(f"the validation loss is {logs['val_loss']}", "a finite loss")

    def _stop(self, what, expected):
        newest = sorted(self._run.checkpoints.glob("epoch-*.ckpt"))
        raise UserError(
            f"{what} at step {int(tf.convert_to_tensor(self.model.optimizer.iterations))}",
            expected=expected,
            received=f"last finite metrics: {self._finite}",
            fix=f"last good checkpoint: {newest[-1] if newest else 'none'}; lower --learning-rate or look at the data",
        )
