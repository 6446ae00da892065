"""Kills of training processes at random moments, each resumed: nothing is lost, and the bytes are the same.

A VAE is killed thirty times, a game twelve times: both its players and both optimisers are among the bytes.

Some are told to stop first, and killed while they write what that leaves.
"""

import random
import signal
import time

import pytest
from kit import forks
from kit.run_outcome import arguments, assert_same_outcome

from tfvae.training.runs import checkpoint
from tfvae.training.runs.directory import RunDirectory

VAE = {
    "epochs": 40,
    "latent_size": 2,
    "estimator": "dreg",
    "num_samples": 2,
    "learning_rate": 0.02,
    "patience": 30,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}
GAME = {
    "preset": "gan",
    "epochs": 30,
    "latent_size": 2,
    "cost": "maximum-likelihood",
    "discriminator_steps": 2,
    "r1_penalty": 0.1,
    "penalty_every": 3,
    "discriminator_learning_rate": 0.002,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}
VAE_KINDS = ["start"] * 8 + ["training"] * 14 + ["stopping"] * 8
GAME_KINDS = ["start"] * 2 + ["training"] * 6 + ["stopping"] * 4


def newest(run):
    found, _ = checkpoint.load_newest(run.checkpoints, with_best=True)
    return (found.epoch, found.step) if found else (0, 0)


def until(condition, process, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


@pytest.mark.nightly
@pytest.mark.parametrize(("settings", "kinds"), [(VAE, VAE_KINDS), (GAME, GAME_KINDS)], ids=["vae", "game"])
def test_killed_at_random_moments_nothing_is_lost(settings, kinds, tmp_path):
    moments, kinds = random.Random(11), list(kinds)
    moments.shuffle(kinds)
    done = {"start": 0, "training": 0, "stopping": 0}
    with forks.Server(tmp_path) as server:
        reference = RunDirectory(tmp_path / "reference")
        undisturbed = server.start("train", "--run-dir", reference.path, *arguments(settings))
        assert undisturbed.wait() == 0, undisturbed.said()

        number, run, before = 1, RunDirectory(tmp_path / "run-1"), (0, 0)
        while kinds:
            if run.config_file.is_file():
                words = ["train", "--run-dir", run.path, "--resume"]
            else:
                words = ["train", "--run-dir", run.path, *arguments(settings)]
            process = server.start(*words)
            if kinds[-1] == "start":
                time.sleep(moments.uniform(0.0, 3.0))
            else:
                goal = before[0] + moments.randrange(1, 6)
                until(lambda goal=goal, run=run: newest(run)[0] >= goal, process)
                time.sleep(moments.uniform(0.0, 0.05))
            if kinds[-1] == "stopping" and process.send(signal.SIGINT):
                time.sleep(moments.uniform(0.0, 0.5))
            killed = process.send(signal.SIGKILL)
            code = process.wait()
            if killed and code == -signal.SIGKILL:
                done[kinds.pop()] += 1
            else:
                assert code in (0, 130), process.said()
            assert "Traceback" not in process.said(), process.said()
            after = newest(run)
            assert after >= before, "a checkpoint was lost"
            before = after
            if code == 0:
                assert_same_outcome(run.path, reference.path)
                number, run, before = number + 1, RunDirectory(tmp_path / f"run-{number + 1}"), (0, 0)
        last = server.start("train", "--run-dir", run.path, "--resume")
        if not run.config_file.is_file():
            last.wait()
            last = server.start("train", "--run-dir", run.path, *arguments(settings))
        assert last.wait() == 0, last.said()
        assert_same_outcome(run.path, reference.path)
    print(f"{done} kills, {number} runs")
