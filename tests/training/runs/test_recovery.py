"""A run that is killed, and resumed, ends with the same bytes as one that was not.

Mutations, each seen to break a test here: data order that starts at epoch 0 on resume; history.csv left as the killed
process left it; an optimiser that is built twice (under mixed precision it then has two variables more); temporary
files of killed processes that are not swept away.
"""

import shutil
import signal

import pytest
from kit import forks
from kit.launched import await_that
from kit.marks import tiers
from kit.run_outcome import arguments, assert_same_outcome, outcome

from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint
from tfvae.training.runs.directory import RunDirectory

SETTINGS = {
    "epochs": 200,
    "latent_size": 3,
    "estimator": "dreg",
    "num_samples": 3,
    "learning_rate": 0.02,
    "schedule": "constant",
    "kl_warmup": 4,
    "patience": 6,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}


@pytest.fixture
def start(tmp_path):
    """Returns a function that starts a run, which waits to be killed at a stage and occurrence `pause` of a write."""
    with forks.Server(tmp_path) as server:
        yield lambda *words, pause=None: server.start("train", "--run-dir", *words, pause=pause)


def kill(process):
    """Kills a process once it waits."""
    await_that(lambda: "paused" in process.said() or process.poll() is not None)
    assert process.send(signal.SIGKILL), f"the run is too short, or: {process.said()}"
    assert process.wait() == -signal.SIGKILL


@pytest.mark.slow
def test_killed_at_each_moment_of_a_write_it_ends_with_the_same_bytes(start, tmp_path):
    reference, folder = tmp_path / "reference", tmp_path / "killed"
    whole = start(reference, *arguments(SETTINGS))
    assert whole.wait() == 0, whole.said()
    rows = outcome(reference)[3]
    best = checkpoint.best_epoch([{"val_bound": float(row["val_bound"])} for row in rows])
    assert best + SETTINGS["patience"] == len(rows) < SETTINGS["epochs"], (
        "early stopping is part of this test"
    )

    kill(start(folder, *arguments(SETTINGS), pause=("config", 1)))
    kill(start(folder, *arguments(SETTINGS), pause=("half", 1)))  # nothing to go on from but config.json
    for occurrence, kind in enumerate(("history", "half", "named", "whole"), 1):
        kill(start(folder, "--resume", pause=(kind, occurrence)))
        left = [path for path in folder.rglob(".partial-*") if path.stat().st_size]
        assert bool(left) == (kind in ("half", "whole", "history")), (kind, left)
    done = len(RunDirectory(folder).read_history())
    assert 0 < done < len(rows), "the kills have to fall into the training"
    kill(start(folder, "--resume", pause=("model", 1)))
    assert not (folder / "model.keras").exists()
    last = start(folder, "--resume")
    assert last.wait() == 0, last.said()
    assert f"resuming after epoch {len(rows)} of" in last.said()
    assert_same_outcome(folder, reference)


class Killed(BaseException):
    """Ends a run where a kill would."""


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Returns a function that trains in this process, without figures, and can end after a number of checkpoints."""
    import keras

    from tfvae.training.runs import figures

    monkeypatch.setattr(figures, "draw_run", lambda *_: None)
    save = checkpoint.save

    def train(name, settings, *, resume=False, killed_after=None):
        keras.backend.clear_session()  # or layers get other names than in a fresh process
        run, said = RunDirectory(tmp_path / name), []

        def save_and_die(folder, model, history, *rest):
            save(folder, model, history, *rest)
            if len(history) == killed_after:
                raise Killed

        monkeypatch.setattr(checkpoint, "save", save_and_die)
        config = run.config() if resume else Config.resolve(settings)
        if killed_after:
            with pytest.raises(Killed):
                loop.train(config, run, resume=resume, say=said.append)
        else:
            loop.train(config, run, resume=resume, say=said.append)
        return run, said

    return train


SHORT = SETTINGS | {
    "epochs": 5,
    "patience": 4,
    "schedule": "cosine",
    "estimator": "elbo-analytic",
    "free_bits": 0.05,
}


@pytest.fixture
def reference(train, once, tmp_path):
    """A copy of an uninterrupted run."""
    folder = once("short-run", lambda folder: shutil.copytree(train("uninterrupted", SHORT)[0].path, folder))
    return RunDirectory(shutil.copytree(folder, tmp_path / "reference"))


@pytest.mark.parametrize("damage", tiers(["truncated", "one bit"], fast=(), kept=["truncated"]))
def test_a_damaged_newest_checkpoint_is_reported_and_the_one_before_used(train, reference, damage):
    run, _ = train("killed", SHORT, killed_after=3)
    newest = checkpoint.path_of(run.checkpoints, 3)
    content = bytearray(newest.read_bytes())
    if damage == "one bit":
        content[len(content) // 2] ^= 1
    newest.write_bytes(content[: {"truncated": -1000, "one bit": None}[damage]])
    _, said = train("killed", SHORT, resume=True)
    assert "epoch-000003.ckpt" in said[0] and "truncated or corrupted" in said[0]
    assert said[1] == "resuming after epoch 2 of 5"
    assert_same_outcome(run.path, reference.path)
    checkpoint.load(checkpoint.path_of(run.checkpoints, 4))


@pytest.mark.slow
def test_without_a_whole_checkpoint_training_starts_over_to_the_same_bytes(train, reference):
    run, _ = train("killed", SHORT, killed_after=2)
    for path in run.checkpoints.iterdir():
        path.write_bytes(b"")
    _, said = train("killed", SHORT, resume=True)
    assert sum("is passed over" in line for line in said) == 2 and "resuming after epoch 0 of 5" in said
    assert_same_outcome(run.path, reference.path)


def test_a_kill_between_the_last_checkpoint_and_history_csv_costs_no_row(train, reference):
    run, _ = train("killed", SHORT, killed_after=5)
    assert len(run.read_history()) == 4
    shutil.rmtree(run.figures)
    train("killed", SHORT, resume=True)
    assert_same_outcome(run.path, reference.path)


def test_resuming_a_finished_run_changes_nothing(train, reference):
    before = outcome(reference.path)
    train("reference", SHORT, resume=True)
    assert outcome(reference.path) == before


HOW = {
    "float16": {"mixed_precision": "float16"},
    "bfloat16, compiled": {"mixed_precision": "bfloat16", "jit": "on"},
}


@pytest.mark.parametrize("how", tiers(HOW, fast=(), kept=["float16"]))
def test_mixed_precision_and_jit_resume_to_the_same_bytes(train, how):
    settings = SHORT | {"epochs": 3} | HOW[how]
    whole, _ = train("whole", settings)
    run, _ = train("killed", settings, killed_after=1)
    train("killed", settings, resume=True)
    assert_same_outcome(run.path, whole.path)


@pytest.mark.slow
def test_batch_normalisation_and_convolutions_resume_to_the_same_bytes(train, monkeypatch):
    import dataclasses

    from tfvae import presets

    settings = SHORT | {"preset": "conv", "epochs": 2, "batch_size": 300, "patience": 0, "latent_size": 2}
    normalised = dataclasses.replace(presets.get("digits"), batch_norm=True)
    others = [preset for preset in presets.TABLE if preset.name != "digits"]
    monkeypatch.setattr(presets.table, "TABLE", (normalised, *others))
    for preset in ("conv", "digits"):
        whole, _ = train(f"whole-{preset}", settings | {"preset": preset})
        run, _ = train(f"killed-{preset}", settings | {"preset": preset}, killed_after=1)
        train(f"killed-{preset}", {}, resume=True)
        assert_same_outcome(run.path, whole.path)
