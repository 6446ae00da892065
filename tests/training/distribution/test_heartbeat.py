"""Workers that hang are ended, by the launcher or by themselves, and those that are only slow are not.

Mutations, each seen to break a test here: signs of life that are not counted; time in which the watcher itself slept
counted as silence; a watch that goes on after its block.
"""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from kit.launched import await_that, is_running, state_of

from tfvae.checks import LostWorker
from tfvae.training.distribution import heartbeat, launcher, processes

LIVING = """
from tfvae.training.distribution import heartbeat, processes
processes.end_with_launcher()
import os, signal, sys, time
folder, seconds = sys.argv[1], float(sys.argv[2])
rank = os.environ["TF_CONFIG"][-3]
begun = os.path.join(folder, f"begun-{rank}")
again = os.path.exists(begun)
with open(begun, "a") as file:
    file.write(f"{os.getpid()}\\n")
end = time.monotonic() + seconds
while time.monotonic() < end:
    heartbeat.beat()
    time.sleep(0.1)
if not again:
    SICKNESS
"""


def launch(monkeypatch, tmp_path, sickness, *, seconds=0.3, limit=1.5, restarts=0):
    """Launches two workers that live for some seconds and then, at their first start, fall sick."""
    monkeypatch.setattr(processes, "START", LIVING.replace("SICKNESS", sickness))
    said = []
    words = [str(tmp_path), str(seconds)]
    timeouts = {"worker_timeout": 2 * limit, "hang_timeout": limit}
    code = launcher.launch(lambda: words, 2, max_restarts=restarts, say=said.append, **timeouts)
    return code, said


def pids_of(tmp_path):
    return [int(pid) for path in tmp_path.glob("begun-*") for pid in path.read_text().split()]


def test_a_stopped_worker_is_named_killed_and_started_again(monkeypatch, tmp_path):
    sickness = "os.kill(os.getpid(), signal.SIGSTOP) if rank == '1' else time.sleep(600)"
    code, said = launch(monkeypatch, tmp_path, sickness, limit=2.0, restarts=2)
    assert code == 0
    assert said == [
        "tfvae: worker 1 is stopped, no step has finished for 2 s; restart 1 of 2, from the last checkpoint"
    ]
    pids = pids_of(tmp_path)
    assert len(pids) == 4 and not any(map(is_running, pids))


def test_workers_that_hang_without_restarts_are_lost(monkeypatch, tmp_path):
    with pytest.raises(LostWorker, match=r"no step has finished for 2 s; all 2 workers have ended"):
        launch(monkeypatch, tmp_path, "time.sleep(600)", limit=2.0)
    assert not any(map(is_running, pids_of(tmp_path)))


def test_slow_workers_that_show_signs_of_life_are_left_alone(monkeypatch, tmp_path):
    assert launch(monkeypatch, tmp_path, "sys.exit(0)", seconds=4.0, limit=2.0) == (0, [])


def test_a_stopped_worker_ends_with_its_launcher(tmp_path):
    code = f"""
        from tfvae.training.distribution import launcher, processes
        processes.START = {LIVING.replace("SICKNESS", "os.kill(os.getpid(), signal.SIGSTOP)")!r}
        launcher.launch(lambda: [{str(tmp_path)!r}, "0.0"], 2, say=print)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])

    await_that(lambda: len(pids_of(tmp_path)) == 2 and set(map(state_of, pids_of(tmp_path))) == {"T"})
    process.kill()
    process.wait()
    await_that(lambda: not any(map(is_running, pids_of(tmp_path))))


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(heartbeat.time, "monotonic", lambda: self.now)

    def pass_by(self, seconds):
        self.now += seconds


def test_silence_is_as_long_as_no_sign_is_new(monkeypatch):
    clock = Clock(monkeypatch)
    silence = heartbeat.Silence(10.0, 15.0)
    assert silence.tick == 1.0
    found = []
    for signs in [0] * 12 + [1] * 12:
        clock.pass_by(1.0)
        found.append(silence.too_long(signs))
    assert found == [False] * 22 + [True] * 2
    assert heartbeat.Silence(10.0).limit(0) == heartbeat.Silence(10.0).limit(1) == 10.0


def test_workers_may_load_for_longer_than_a_step_takes(monkeypatch):
    clock = Clock(monkeypatch)
    silence = heartbeat.Silence(4.0, 8.0)
    found = []
    for _ in range(10):
        clock.pass_by(1.0)
        found.append(silence.too_long(0))
    assert found == [False] * 8 + [True] * 2


def test_time_in_which_the_watcher_itself_slept_is_no_silence(monkeypatch):
    clock = Clock(monkeypatch)
    silence = heartbeat.Silence(10.0)
    assert not silence.too_long(5)
    for _ in range(4):
        clock.pass_by(3600.0)
        assert not silence.too_long(5)


WATCHED = """
import sys, time
from tfvae.training.distribution import heartbeat, tf_config
task = tf_config.Task(("worker 0", "worker 1"), ("a:1", "b:2"), 1)
with heartbeat.watched(task, 0.8, "`again`"):
    for _ in range(8):
        heartbeat.beat()
        time.sleep(0.2)
time.sleep(1.6)
print("left alone", flush=True)
with heartbeat.watched(None, 0.2, ""):
    time.sleep(0.6)
with heartbeat.watched(task, 0.8, "`again`"):
    time.sleep(600)
"""


def test_without_a_launcher_a_worker_that_hangs_ends_itself_in_one_line():
    kept = {name: value for name, value in os.environ.items() if name != processes.CHILD}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], capture_output=True, text=True, timeout=120, env=kept
    )
    assert (done.returncode, done.stdout) == (processes.LOST, "left alone\n")
    (line,) = done.stderr.splitlines()
    assert (
        line.startswith("tfvae: worker 1 has finished no step for 0.8 s, ")
        and "; `again` in every worker goes on" in line
    )


def test_the_signs_of_a_worker_hold_it_up_never():
    """Not even where the launcher reads none of them, or is gone."""
    code = """
import os, signal, socket, time
from tfvae.training.distribution import heartbeat
ours, theirs = socket.socketpair()
os.dup2(theirs.fileno(), 0)
theirs.close()
heartbeat.EVERY = 0.0
for _ in range(5000):
    heartbeat.beat()
received = len(ours.recv(10_000))
ours.close()
heartbeat.beat()
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
free = os.dup(0)
heartbeat.beat()
assert os.dup(0) == free + 1
print(received)
"""
    own = os.environ | {processes.CHILD: str(os.getpid())}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=own)
    assert (done.returncode, done.stderr) == (0, "") and 100 < int(done.stdout) <= 5000
    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN
