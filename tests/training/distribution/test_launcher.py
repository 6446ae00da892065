"""`tfvae train --workers 2`: whatever is killed, the run ends with the same bytes.

Mutations, each seen to break a test here: a restart without --resume; workers that do not watch the
launcher and outlive it; silence that is not measured.
"""

import json
import random
import signal
import subprocess
import time

import pytest
from kit import forks
from kit.launched import COMMAND, LIMIT, Launched, await_that, environment, halting, is_running
from kit.marks import tiers
from kit.run_outcome import arguments, assert_same_outcome

from tfvae import cli
from tfvae.training.distribution import launcher, processes
from tfvae.training.runs.directory import RunDirectory

SETTINGS = {
    "strategy": "multiworker",
    "epochs": 60,
    "batch_size": 500,
    "latent_size": 3,
    "estimator": "dreg",
    "num_samples": 3,
    "figures_every": 0,
    "checkpoint_seconds": 0.0,
}
HANG = {
    True: 30.0,
    False: 60.0,
}  # seconds by whether forked: longer than each phase of a start, on a busy machine


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Starts launchers, and these their workers, as forks, which wait where the file `halt` says."""
    folder = tmp_path_factory.mktemp("forks")
    with forks.Server(folder, halting(folder) | {"TF_CPP_MIN_LOG_LEVEL": "3"}) as server:
        server.folder = folder
        yield server


@pytest.fixture(scope="module")
def reference(server, once):
    """Returns a function that gives the folder of a run with these settings that nothing disturbs."""

    def reference(settings):
        def make(folder):
            run = server.start("train", "--run-dir", folder, "--workers", 2, *arguments(settings))
            assert run.wait() == 0, run.said()

        return once(f"launched-run-{settings['epochs']}", make)

    return reference


@pytest.fixture
def launched(tmp_path):
    found = []

    def launch(*words, **options):
        server = options.get("server")
        found.append(Launched(server.folder if server else tmp_path, *words, **options))
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


CHOSEN = ["stop", "half", "start", "whole"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forked", "kinds"),
    [
        pytest.param(True, ["half"], id="forks"),
        pytest.param(True, CHOSEN, id="forks, many", marks=pytest.mark.nightly),
        pytest.param(False, ["half"], id="processes", marks=pytest.mark.nightly),
        pytest.param(False, [*CHOSEN, *["random"] * 3], id="processes, many", marks=pytest.mark.nightly),
    ],
)
def test_killed_at_several_moments_it_ends_with_the_same_bytes(
    forked, kinds, reference, server, launched, tmp_path
):
    settings = SETTINGS | (
        {"epochs": 8} if kinds == ["half"] else {}
    )  # which comes with the first checkpoint
    folder, new = tmp_path / "killed", ["--workers", 2, *arguments(settings)]
    options = {"server": server} if forked else {}
    if len(kinds) > 2:
        # Without restarts: all end, one line tells, and the run can go on.
        run = launched("--run-dir", folder, *new, **options)
        run.await_step()
        pids = run.kill(1)
        assert run.end() == 3
        assert not any(map(is_running, pids))
        *_, line = run.said().splitlines()
        assert line.startswith("tfvae: worker 1 was killed by SIGKILL; ") and "--resume" in line
        assert "Traceback" not in run.said() and run.said().count("tfvae:") == 1
        assert 0 < len(RunDirectory(folder).read_history()) < SETTINGS["epochs"]

        # The launcher is killed: its workers end too.
        new = ["--workers", 2, "--resume"]
        run = launched("--run-dir", folder, *new, **options)
        run.await_step()
        pids = run.workers()
        run.process.kill()
        await_that(lambda: not any(map(is_running, pids)), 60.0)

    # With restarts, in one go.
    moments = random.Random(3)
    restarts = ["--max-restarts", len(kinds), *(["--hang-timeout", HANG[forked]] if "stop" in kinds else [])]
    run = launched("--run-dir", folder, *new, *restarts, **options)
    said = 0
    for number, kind in enumerate(kinds, 1):
        rank = kill_at(kind, run, folder, moments, said)
        stopped = f"is stopped, no step has finished for {HANG[forked]:g} s"
        how = stopped if kind == "stop" else "was killed by SIGKILL"
        told = f"worker {rank} {how}; restart {number} of {len(kinds)}"
        await_that(lambda told=told: told in run.said() or run.process.poll() is not None)
        assert told in run.said(), f"the run is too short, or: {run.said()}"
        said = len(run.said())
    assert run.end() == 0, run.said()
    assert "Traceback" not in run.said()
    assert_same_outcome(folder, reference(settings))


def kill_at(kind, run, folder, moments, said):
    """Kills or stops one of the workers at a moment of some kind; returns its rank."""

    def epochs_done():
        return len(RunDirectory(folder).read_history())

    rank = moments.randrange(2)
    if kind == "start":
        run.workers()
        time.sleep(moments.uniform(0.0, 3.0))
    elif kind in ("random", "stop"):
        run.await_step(said)
        goal = epochs_done() + moments.randrange(5)
        await_that(lambda: epochs_done() >= goal)
        time.sleep(moments.uniform(0.0, 0.3))
    else:
        run.halt.write_text(kind)
        await_that(lambda: run.halt.read_text() == "paused" or run.process.poll() is not None)
        assert run.process.poll() is None, run.said()
        rank = 0 if kind == "half" else rank
        assert any(path.stat().st_size for path in folder.rglob(".partial-*"))
    run.kill(rank, signal.SIGSTOP if kind == "stop" else signal.SIGKILL)
    return rank


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
def test_bad_input_that_the_workers_find_is_told_once_and_not_tried_again(server, launched, tmp_path):
    words = ["--strategy", "multiworker", "--workers", 2, "--max-restarts", 3, "--dataset", "nowhere.npz"]
    run = launched("--run-dir", tmp_path / "run", *words, server=server)
    assert run.end() == 2
    (line,) = run.said().splitlines()
    assert line.startswith("tfvae: ") and "nowhere.npz" in line
    assert not (tmp_path / "run").exists()


LOST = [
    (0, signal.SIGKILL),
    (0, signal.SIGSTOP),
    (1, signal.SIGKILL),
    (1, signal.SIGSTOP),
    (1, signal.SIGTERM),
]


@pytest.mark.parametrize(("rank", "sent"), tiers(LOST, fast=(), kept=LOST[:1]))
def test_without_a_launcher_the_loss_of_a_worker_ends_the_other_in_one_line(rank, sent, tmp_path):
    """Measured: noticed 2 s after the chief's end, 20 s after another worker's or when one is stopped."""
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
        history = RunDirectory(tmp_path / "run").history_file
        await_that(lambda: history.exists() or any(p.poll() is not None for p in started))
        assert [process.poll() for process in started] == [None, None], logs[0].read_text()
        started[rank].send_signal(sent)
        killed = time.monotonic()
        assert started[1 - rank].wait(LIMIT) == 3, logs[1 - rank].read_text()
        print(f"noticed {time.monotonic() - killed:.1f} s after the kill")
    finally:
        for process in started:
            process.kill()
            process.wait()
    said = [line for line in logs[1 - rank].read_text().splitlines() if not line.startswith("step")]
    assert len(said) == 1 and said[0].startswith(f"tfvae: worker {1 - rank} lost "), said
    assert f"--run-dir {tmp_path / 'run'} --resume` in every worker" in said[0]
    assert logs[1].read_text().count("step") == 0
