"""A training that is interrupted during one of its steps."""

import contextlib
import os
import signal

from tfvae.training import callbacks


@contextlib.contextmanager
def interrupted_at(step):
    """Interrupts this process during a step of the training within, counted from 1.

    Ctrl-C works there even where the tests were started with it ignored, as background jobs of a shell are.
    """
    real, seen = callbacks.Halt.on_train_batch_end, []

    def stopping(self, batch, logs=None):
        seen.append(batch)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGINT)
        real(self, batch, logs)

    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    callbacks.Halt.on_train_batch_end = stopping
    try:
        yield
    finally:
        callbacks.Halt.on_train_batch_end = real
        signal.signal(signal.SIGINT, former)
