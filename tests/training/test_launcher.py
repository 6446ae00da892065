"""`tfvae train --workers 2` with real processes: whatever is killed, the run ends with the same bytes.

Mutations, each seen to break a test here: a restart without --resume; workers that do not watch the
launcher and outlive it.
"""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from outcome import arguments, assert_same_outcome

from tfvae import cli
from tfvae.training import launcher, processes
from tfvae.training.run_directory import RunDirectory

HALTED = Path(__file__).with_name("halted")
COMMAND = [sys.executable, "-c", "import sys; from tfvae import cli; sys.exit(cli.main())", "train"]
SETTINGS = {
    "strategy": "multiworker",
    "epochs": 60,
    "batch_size": 200,
    "latent_size": 3,
    "estimator": "dreg",
    "num_samples": 3,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}
RANDOM = 8  # kills at random moments of the training, besides those at chosen ones
LIMIT = 600.0  # seconds that a start or an end may take on a busy machine


def is_running(pid):
    with contextlib.suppress(OSError):
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state not in "ZX"
    return False


def await_that(condition, seconds=LIMIT):
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
    return found


def heed_interrupts():
    """Ctrl-C works in a process that was started where it is ignored, as background jobs of a shell are."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def environment(own):
    """The environment of a user's terminal, and what is given."""
    hidden = (
        "TF_CONFIG",
        "TF_CPP_MIN_LOG_LEVEL",
    )  # the tests set the second, which brings TensorFlow's notices
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    return kept | {"CUDA_VISIBLE_DEVICES": ""} | own


class Launched:
    """A launcher and its workers, whose lines go into a file."""

    def __init__(self, folder, *words, halt=""):
        self.log = folder / f"log-{time.monotonic_ns()}"
        self.halt = folder / "halt"
        self.halt.write_text(halt)
        own = {"PYTHONPATH": str(HALTED), "HALT": str(self.halt)}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [*COMMAND, *map(str, words)],
                stderr=log,
                stdout=log,
                env=environment(own),
                preexec_fn=heed_interrupts,
            )
        self.gone = set()

    def said(self):
        return self.log.read_text()

    def workers(self):
        """Returns the processes of both workers, the chief first, waiting until they have been started."""

        def found():
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            alive = [int(pid) for pid in children if int(pid) not in self.gone and is_running(pid)]
            return alive if len(alive) == 2 else None

        assert self.process.poll() is None, self.said()
        return sorted(await_that(found))

    def await_step(self, since=0):
        """Waits until a step is told after character `since` of what was said."""
        await_that(lambda: re.search(r"step \d+/", self.said()[since:]) or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def kill(self, rank):
        """Kills a worker; returns both processes."""
        pids = self.workers()
        self.gone.update(pids)
        os.kill(pids[rank], signal.SIGKILL)
        return pids

    def end(self):
        """Returns the exit code once the launcher and all of the last workers have ended."""
        return self.process.wait(LIMIT)


@pytest.fixture
def launched(tmp_path):
    found = []

    def launch(*words, **options):
        found.append(Launched(tmp_path, *words, **options))
        return found[-1]

    yield launch
    for each in found:
        each.process.kill()
        each.process.wait()


def test_a_restart_goes_on_with_the_run_that_was_begun(monkeypatch, tmp_path):
    started = []

    def launch(command, workers, **options):
        started.append(command())
        run = RunDirectory(tmp_path / "run")
        run.path.mkdir()
        run.config_file.touch()
        started.append(command())
        return 0

    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(launcher, "launch", launch)
    words = ["train", "--strategy", "multiworker", "--workers", "2", "--run-dir", str(tmp_path / "run")]
    assert cli.main(words) == 0
    assert started == [words, [*words, "--resume"]]


@pytest.mark.slow
def test_killed_at_many_moments_it_ends_with_the_same_bytes(launched, tmp_path):
    reference, folder = tmp_path / "reference", tmp_path / "killed"
    new = ["--workers", 2, *arguments(SETTINGS)]
    undisturbed = launched("--run-dir", reference, *new)
    assert undisturbed.end() == 0, undisturbed.said()

    # Without restarts: all end, one line tells, and the run can go on.
    run = launched("--run-dir", folder, *new)
    run.await_step()
    pids = run.kill(1)
    killed = time.monotonic()
    assert run.end() == 3
    print(f"ended {time.monotonic() - killed:.2f} s after the kill")
    assert not any(map(is_running, pids))
    *_, line = run.said().splitlines()
    assert line.startswith("tfvae: worker 1 was killed by SIGKILL; ") and "--resume" in line
    assert "Traceback" not in run.said() and run.said().count("tfvae:") == 1
    assert 0 < len(RunDirectory(folder).read_history()) < SETTINGS["epochs"]

    def epochs_done():
        return len(RunDirectory(folder).read_history())

    # With restarts, in one go.
    moments = random.Random(3)
    kinds = ["random"] * RANDOM + ["start", "half", "whole"]
    moments.shuffle(kinds)
    run = launched("--run-dir", folder, "--workers", 2, "--resume", "--max-restarts", len(kinds))
    said = 0
    for number, kind in enumerate(kinds, 1):
        if kind == "start":
            run.workers()
            time.sleep(moments.uniform(0.0, 3.0))
            rank = moments.randrange(2)
        elif kind == "random":
            run.await_step(said)
            goal = epochs_done() + moments.randrange(5)
            await_that(lambda goal=goal: epochs_done() >= goal)
            time.sleep(moments.uniform(0.0, 0.3))
            rank = moments.randrange(2)
        else:
            run.halt.write_text(kind)
            await_that(lambda: run.halt.read_text() == "paused")
            rank = 0 if kind == "half" else moments.randrange(2)
            assert any(path.stat().st_size for path in folder.rglob(".partial-*"))
        run.kill(rank)
        told = f"worker {rank} was killed by SIGKILL; restart {number} of {len(kinds)}"
        await_that(lambda told=told: told in run.said() or run.process.poll() is not None)
        assert told in run.said(), f"the run is too short, or: {run.said()}"
        said = len(run.said())
    assert run.end() == 0, run.said()
    assert "Traceback" not in run.said()
    assert_same_outcome(folder, reference)


@pytest.mark.slow
def test_when_the_launcher_is_killed_in_training_its_workers_end(launched, tmp_path):
    run = launched("--run-dir", tmp_path / "run", "--workers", 2, *arguments(SETTINGS))
    run.await_step()
    pids = run.workers()
    run.process.kill()
    await_that(lambda: not any(map(is_running, pids)), 60.0)


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_workers_end_with_the_launcher(sent, launched, tmp_path):
    run = launched("--run-dir", tmp_path / "run", "--workers", 2, *arguments(SETTINGS))
    pids = run.workers()
    run.process.send_signal(sent)
    code = run.end()
    await_that(lambda: not any(map(is_running, pids)), 60.0)
    if sent == signal.SIGINT:
        assert code == 130
        (line,) = run.said().splitlines()
        assert "interrupted" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_bad_input_that_the_workers_find_is_told_once_and_not_tried_again(launched, tmp_path):
    words = ["--strategy", "multiworker", "--workers", 2, "--max-restarts", 3, "--dataset", "nowhere.npz"]
    run = launched("--run-dir", tmp_path / "run", *words)
    assert run.end() == 2
    (line,) = run.said().splitlines()
    assert line.startswith("tfvae: ") and "nowhere.npz" in line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_without_a_launcher_the_loss_of_a_worker_ends_the_other_in_one_line(rank, tmp_path):
    """Measured: noticed 2 s after the chief's end, 20 s after another worker's."""
    addresses = [f"127.0.0.1:{port}" for port in processes.free_ports(2)]
    started, logs = [], [tmp_path / "log-0", tmp_path / "log-1"]
    for index, log in enumerate(logs):
        task = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        words = [*COMMAND, "--run-dir", tmp_path / "run", *arguments(SETTINGS | {"epochs": 2000})]
        with open(log, "w") as stream:
            started.append(
                subprocess.Popen(
                    words, stdout=stream, stderr=stream, env=environment({"TF_CONFIG": json.dumps(task)})
                )
            )
    try:
        await_that(lambda: "step" in logs[0].read_text() or any(p.poll() is not None for p in started))
        assert [process.poll() for process in started] == [None, None], logs[0].read_text()
        started[rank].kill()
        killed = time.monotonic()
        assert started[1 - rank].wait(LIMIT) == 3, logs[1 - rank].read_text()
        print(f"noticed {time.monotonic() - killed:.1f} s after the kill")
    finally:
        for process in started:
            process.kill()
            process.wait()
    said = [line for line in logs[1 - rank].read_text().splitlines() if not line.startswith("step")]
    assert len(said) == 1 and said[0].startswith(f"tfvae: worker {1 - rank} lost "), said
    assert "--resume" in said[0] and logs[1].read_text().count("step") == 0
