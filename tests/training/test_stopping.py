"""A run that is stopped by hand is kept, and goes on as if it had not been.

Mutations, each seen to break a test here: the steps of a halted epoch taken twice; its running means, its learning rate
or its noise forgotten; a checkpoint within an epoch that stays, or is taken for that of the epoch; a loss that is not
looked at before that checkpoint; no model after the first signal; a second signal that waits; a schedule that moves
with --epochs; a run that is trained beyond its patience without a word.
"""

import json
import os
import signal

import pytest
from outcome import assert_same_outcome

from tfvae.training import callbacks, checkpoint, loop, results, resumption
from tfvae.training.config import Config
from tfvae.training.run_directory import RunDirectory
from tfvae.training.stopping import Stopped

SHORT = {
    "epochs": 4,
    "latent_size": 3,
    "estimator": "dreg",
    "num_samples": 3,
    "schedule": "cosine",
    "kl_warmup": 2,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
    "learning_rate": 0.02,
}
STEPS = 13


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Returns a function that trains without figures and can send a signal after a step of the process."""
    import keras

    from tfvae.training import figures

    monkeypatch.setattr(figures.Painter, "draw", lambda self: None)
    real = callbacks.Halt.on_train_batch_end

    def train(name, *, resume=False, signals=(), **settings):
        keras.backend.clear_session()
        run, seen = RunDirectory(tmp_path / name), []

        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)
            for after, number in signals:
                if len(seen) == after:
                    os.kill(os.getpid(), number)
            real(self, batch, logs)

        monkeypatch.setattr(callbacks.Halt, "on_train_batch_end", on_train_batch_end)
        config = resumption.changed(run, settings) if resume else Config.resolve(SHORT | settings)
        loop.train(config, run, resume=resume, say=lambda line: None)
        return run

    return train


def test_stopped_within_epochs_and_at_their_ends_it_ends_with_the_same_bytes(train, tmp_path):
    reference = train("reference")
    places = [(5, signal.SIGINT), (12, signal.SIGTERM), (13, signal.SIGINT), (1, signal.SIGINT)]
    done = 0
    run = RunDirectory(tmp_path / "stopped")
    for number, (steps, sent) in enumerate(places):
        with pytest.raises(Stopped) as stopped:
            train("stopped", resume=number > 0, signals=[(steps, sent)])
        done += steps
        epoch, step = divmod(done, STEPS)
        assert str(stopped.value) == f"after epoch {epoch} of 4" + f" and {step} steps of the next" * bool(
            step
        )
        assert checkpoint.found(run.checkpoints)[-1] == (epoch, step)
        assert len(run.read_history()) == epoch
        results.load_model(run)
    train("stopped", resume=True)
    assert_same_outcome(run.path, reference.path)
    assert checkpoint.found(run.checkpoints) == [(3, 0), (4, 0)]
    written = json.loads(run.config_file.read_text())
    places = [(one["after_epoch"], one["after_step"], one["changed"]) for one in written["resumptions"]]
    assert places == [(0, 5, {}), (1, 4, {}), (2, 4, {}), (2, 5, {})]
    assert written["resumptions"][0]["versions"] == written["versions"]
