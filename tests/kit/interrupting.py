"""A training that is interrupted during one of its steps."""

import contextlib
import os
import signal

import keras
import pytest
from kit.run_outcome import assert_same_outcome

from tfvae.training import callbacks, loop
from tfvae.training.runs import resumption
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.stopping import Stopped


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


def assert_same_after_a_stop(train, reference, step, says):
    """Stops a training during a step, resumes it, and compares what it leaves with what an undisturbed one left.

    Args:
        train: function of a name that trains into a run directory of that name beside the reference.
        reference: the undisturbed run; its layers have the names of a fresh session.
        step: counted from 1.
        says: how the stop is told.

    Returns:
        run: the run that was stopped and resumed.
    """
    run = RunDirectory(reference.path.with_name(f"stopped-{step}"))
    keras.backend.clear_session()  # so that layers have the same names in the files
    with interrupted_at(step), pytest.raises(Stopped, match=says):
        train(run.path.name)
    keras.backend.clear_session()
    loop.train(resumption.changed(run, {}), run, resume=True, say=lambda line: None)
    assert_same_outcome(run.path, reference.path)
    return run
