"""A worker, or the launcher, killed thirty times at random moments of a run: nothing is lost and nobody is left behind.

The launchers are forks of a process that has loaded TensorFlow; `test_launcher.py` kills real ones.

Mutation, seen to break a test here: workers that do not watch the launcher and outlive it.
"""

import os
import re
import signal
import time

import numpy as np
import pytest
from kit import forks
from kit.launched import LIMIT, await_that, children_of, is_running, state_of
from kit.run_outcome import arguments, assert_same_outcome

from tfvae.training.runs.directory import RunDirectory

KILLS = 30
SETTINGS = {
    "strategy": "multiworker",
    "epochs": 200,
    "batch_size": 500,
    "latent_size": 3,
    "estimator": "dreg",
    "num_samples": 3,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}
NEW = ["train", "--workers", 2, *arguments(SETTINGS)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with forks.Server(tmp_path_factory.mktemp("logs")) as server:
        yield server


@pytest.fixture(scope="module")
def reference(server, tmp_path_factory):
    """The folder of a run that nothing disturbs, and the seconds to its first step."""
    folder = tmp_path_factory.mktemp("runs") / "reference"
    began = time.monotonic()
    run = server.start(*NEW, "--run-dir", folder)
    await_step(run)
    seconds = time.monotonic() - began
    assert run.wait() == 0, run.said()
    return folder, seconds


def await_step(run, since=0):
    await_that(lambda: re.search(r"step \d+/", run.said()[since:]) or run.poll() is not None)


def epochs_done(folder):
    return len(RunDirectory(folder).read_history()) if RunDirectory(folder).history_file.exists() else 0


def pass_time(run, folder, seconds, moments, since=0):
    """Waits until a random moment: of the start as often as of the training after it."""
    if moments.random() < 0.5:
        end, goal = time.monotonic() + moments.uniform(0.0, seconds), epochs_done(folder) + 2
        await_that(lambda: time.monotonic() > end or epochs_done(folder) >= goal or run.poll() is not None)
        return
    await_step(run, since)
    goal = epochs_done(folder) + moments.integers(3)
    await_that(lambda: epochs_done(folder) >= goal or run.poll() is not None)
    time.sleep(moments.uniform(0.0, 0.3))


@pytest.mark.nightly
def test_thirty_kills_of_a_worker(server, reference, tmp_path):
    expected, seconds = reference
    folder, moments = tmp_path / "killed", np.random.default_rng(0)
    run = server.start(*NEW, "--run-dir", folder, "--max-restarts", KILLS)
    gone, said, found = set(), 0, []
    for number in range(1, KILLS + 1):

        def workers():
            alive = [pid for pid in children_of(run.pid) if pid not in gone]
            return alive if len(alive) == 2 or run.poll() is not None else None

        pids = await_that(workers)
        pass_time(run, folder, seconds, moments, said)
        assert run.poll() is None, f"the run is too short, or: {run.said()}"
        gone.update(pids)
        os.kill(pids[moments.integers(2)], signal.SIGKILL)
        told = f"restart {number} of {KILLS}, from the last checkpoint"
        await_that(lambda told=told: told in run.said() or run.poll() is not None)
        assert told in run.said(), run.said()
        said = len(run.said())
        found.append(epochs_done(folder))
    assert run.wait() == 0, run.said()
    print(f"{KILLS} kills of a worker, after epochs {found}")
    assert run.said().count("was killed by SIGKILL") == KILLS and "Traceback" not in run.said()
    assert not any(map(is_running, gone))
    assert_same_outcome(folder, expected)


@pytest.mark.nightly
def test_thirty_kills_of_the_launcher(server, reference, tmp_path):
    expected, seconds = reference
    folder, moments = tmp_path / "killed", np.random.default_rng(1)
    found = []

    def start():
        resume = ["--resume"] * RunDirectory(folder).config_file.exists()
        return server.start(*NEW, *resume, "--run-dir", folder)

    for _ in range(KILLS):
        run = start()
        pass_time(run, folder, seconds, moments)
        assert run.poll() is None, f"the run is too short, or: {run.said()}"
        os.kill(run.pid, signal.SIGSTOP)  # it starts nobody after they are counted
        await_that(lambda run=run: state_of(run.pid) == "T")
        pids = children_of(run.pid)
        os.kill(run.pid, signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
        await_that(lambda pids=pids: not any(map(is_running, pids)), 60.0)
        assert "Traceback" not in run.said()
        found.append((len(pids), epochs_done(folder)))
        print(found[-1], flush=True)
    run = start()
    await_that(lambda: run.poll() is not None, LIMIT)
    assert run.wait() == 0, run.said()
    print(f"{KILLS} kills of the launcher, its workers and the epochs done at each: {found}")
    assert_same_outcome(folder, expected)
