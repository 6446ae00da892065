"""Thirty kills of a training process at random moments, each resumed: nothing is lost, and the bytes are the same.

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

KILLS = 30
SETTINGS = {
    "epochs": 40,
    "latent_size": 2,
    "estimator": "dreg",
    "num_samples": 2,
    "learning_rate": 0.02,
    "patience": 30,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}


def newest(run):
    found, _ = checkpoint.load_newest(run.checkpoints, with_best=True)
    return (found.epoch, found.step) if found else (0, 0)


def until(condition, process, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


@pytest.mark.nightly
def test_killed_at_thirty_random_moments_nothing_is_lost(tmp_path):
    moments = random.Random(11)
    kinds = ["start"] * 8 + ["training"] * 14 + ["stopping"] * 8
    assert len(kinds) == KILLS
    moments.shuffle(kinds)
    done = {"start": 0, "training": 0, "stopping": 0}
    with forks.Server(tmp_path) as server:
        reference = RunDirectory(tmp_path / "reference")
        undisturbed = server.start("train", "--run-dir", reference.path, *arguments(SETTINGS))
        assert undisturbed.wait() == 0, undisturbed.said()

        number, run, before = 1, RunDirectory(tmp_path / "run-1"), (0, 0)
        while kinds:
            if run.config_file.is_file():
                words = ["train", "--run-dir", run.path, "--resume"]
            else:
                words = ["train", "--run-dir", run.path, *arguments(SETTINGS)]
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
            last = server.start("train", "--run-dir", run.path, *arguments(SETTINGS))
        assert last.wait() == 0, last.said()
        assert_same_outcome(run.path, reference.path)
    print(f"{done} kills, {number} runs")
