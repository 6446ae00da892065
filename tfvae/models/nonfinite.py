"""What `fit` does when its loss is NaN or infinite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.checks import UserError
from tfvae.models import diagnosis


class StopWhenNotFinite(keras.callbacks.Callback):
    """Stops `fit` with a `UserError` once the loss, or in the end a weight, is not finite, and names the layer.

    A loss is looked at after the next step was started, so that a GPU never waits for it, and at the end of an epoch.
    A step that loss scaling skips leaves the loss finite. `fit` adds one where its callbacks hold none.

    Args:
        inputs, targets: data of `fit`, of which one batch shows which layer it was.
    """

    def __init__(self, inputs: Any = None, targets: Any = None) -> None:
        super().__init__()
        self._inputs, self._targets = inputs, targets
        self._pending: tuple[int, Mapping[str, Any]] | None = None
        self._finite: Mapping[str, Any] = {}
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Notes the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Looks at the loss of the step before."""
        self._look()
        self._pending = batch, logs or {}

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Looks at the last step's loss."""
        self._look()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        """Looks at the weights, which the last step may have spoilt."""
        if not self._weights_are_finite():
            raise self._error("a weight is not finite after the last step", 0, expected="finite weights")

    def _weights_are_finite(self) -> bool:
        return all(np.isfinite(weight.numpy()).all() for weight in self.model.weights)

    def _look(self) -> None:
        if self._pending is None:
            return
        batch, logs = self._pending
        self._pending = None
        for name, loss in logs.items():
            if name.endswith("loss") and not math.isfinite(float(loss)):
                what = f"the {name.replace('_', ' ')} is {float(loss)} {self._where(batch)}"
                raise self._error(what, batch)
        self._finite = logs

    def _error(
        self, what: str, batch: int, *, expected: str = "a finite loss", scale: float | None = None
    ) -> UserError:
        """Returns the error that names the layer.

        Args:
            what: what is not finite, and where.
            batch: number in its epoch of the step that was looked at.
            expected: what should have been.
            scale: scale of the loss whose gradients overflowed; None where the forward pass is at fault.
        """
        examples = self._examples(batch)
        if examples is None:
            found = None
        elif scale is None:
            found = diagnosis.broken_forward(self.model, examples)
        else:
            found = diagnosis.broken_backward(self.model, examples, scale)
        metrics = ", ".join(
            f"{name} {float(self._finite[name]):.6g}" for name in self._metrics() if name in self._finite
        )
        half = isinstance(self.model.optimizer, keras.optimizers.LossScaleOptimizer)
        return UserError(
            f"{what}: {found}" if found else what,
            expected=expected,
            received=f"last finite metrics: {metrics or 'none yet'}",
            fix=self._fix(half),
        )

    def _metrics(self) -> Iterable[str]:
        """Returns the metrics to name, in order."""
        return self.model.metrics_names

    def _where(self, batch: int) -> str:
        """Returns the step in words."""
        at = "at" if self.model.steps_per_execution == 1 else "by"
        return f"{at} step {batch + 1} of epoch {self._epoch + 1}"

    def _examples(self, batch: int) -> Any:
        """Returns a batch of the data of `fit`; None where taking it would use it up."""
        return _some_batch(self._inputs, self._targets)

    def _fix(self, half: bool) -> str:
        """Returns what to do; `half` is whether the optimiser scales the loss for float16."""
        return (
            "lower the learning rate" + ", train in bfloat16 or in float32" * half + ", or look at the data"
        )


def _some_batch(inputs: Any, targets: Any) -> Any:
    """Returns one batch of the data of `fit`, None where taking it would use it up."""
    if isinstance(inputs, tf.data.Dataset):
        return next(iter(inputs), None)
    if not hasattr(inputs, "shape"):
        return None
    return (inputs[:32],) if targets is None else (inputs[:32], targets[:32])


def watched(callbacks: Any, watcher: keras.callbacks.Callback) -> Any:
    """Returns the callbacks of `fit` with one more at the end; as they are where they are a list of Keras', which takes
    no more, or one of them ends training at NaN."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return callbacks
    callbacks = keras.tree.flatten([] if callbacks is None else callbacks)
    if any(isinstance(each, (keras.callbacks.TerminateOnNaN, StopWhenNotFinite)) for each in callbacks):
        return callbacks
    return [*callbacks, watcher]
