"""The time of a training step inside `model.fit`."""

from __future__ import annotations

import time

import keras


class Clock(keras.callbacks.Callback):
    """Times the steps between the end of the first dispatch and the end of the last one.

    What `fit` does before and after its steps is left out, and so is a first step that is traced. It holds for any
    number of steps per dispatch (`steps_per_execution`), provided there are two dispatches.
    """

    def __init__(self):
        super().__init__()
        self._ends = []

    def on_train_batch_end(self, batch, logs=None):
        self._ends.append((batch, time.perf_counter()))

    def seconds_per_step(self):
        (first, began), (last, ended) = self._ends[0], self._ends[-1]
        return (ended - began) / (last - first)
