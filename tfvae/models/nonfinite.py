"""What `fit` does when its loss is NaN or infinite."""

from __future__ import annotations

import math

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import diagnosis


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops `fit` with a `UserError` once the loss, or in the end a weight, is not finite, and names the layer.

    A loss is looked at after the next step was started, so that a GPU never waits for it, and at the end of an epoch.
    A step that loss scaling skips leaves the loss finite.

    Args:
        inputs, targets: data of `fit`, of which one batch shows which layer it was.
    """

    def __init__(self, inputs, targets):
        super().__init__()
        self._inputs, self._targets = inputs, targets
        self._pending = self._finite = None

    def on_epoch_begin(self, epoch, logs=None):
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        """Looks at the loss of the step before."""
        self._look()
        self._pending = (batch, logs)

    def on_epoch_end(self, epoch, logs=None):
        """Looks at the last step's loss."""
        self._look()

    def on_train_end(self, logs=None):
        """Looks at the weights, which the last step may have spoilt."""
        if not all(np.isfinite(weight.numpy()).all() for weight in self.model.weights):
            self._stop("a weight is not finite after the last step", "finite weights")

    def _look(self):
        if self._pending is None:
            return
        batch, logs = self._pending
        self._pending = None
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            several = self.model.steps_per_execution
            steps = f"at step {batch + 1}" if several == 1 else f"by step {batch + 1}"
            self._stop(f"the loss is {loss} {steps} of epoch {self._epoch + 1}", "a finite loss")
        self._finite = logs

    def _stop(self, what, expected):
        batch = _some_batch(self._inputs, self._targets)
        found = None if batch is None else diagnosis.broken_forward(self.model, batch)
        last = self._finite or {}
        metrics = ", ".join(
            f"{name} {float(last[name]):.6g}" for name in self.model.metrics_names if name in last
        )
        half = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        raise UserError(
            f"{what}: {found}" if found else what,
            expected=expected,
            received=f"last finite metrics: {metrics or 'none yet'}",
            fix="lower the learning rate"
            + ", train in bfloat16 or in float32" * half
            + ", or look at the data",
        )


def _some_batch(inputs, targets):
    """Returns one batch of the data of `fit`, None where taking it would use it up."""
    if isinstance(inputs, tf.data.Dataset):
        return next(iter(inputs), None)
    if not hasattr(inputs, "shape"):
        return None
    return (inputs[:32],) if targets is None else (inputs[:32], targets[:32])
