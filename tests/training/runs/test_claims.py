"""One process at a time writes a run: names are claimed, locks are held, taken over and given back.

Mutations, each seen to break a test here: a new name that is looked up before it is made; a lock that is not taken, not
removed, or removed by the first of two that share it; a lock that was removed while it was waited for, and is held on
to; a directory that stays after a failure, or one that was there before and does not; the record of a killed process
passed over in silence; a full disk noticed after the data were loaded.
"""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tfvae import cli, files
from tfvae.checks import UserError
from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.runs import claims, loading, lock
from tfvae.training.runs.directory import RunDirectory

HOLD = """
import sys, time
from pathlib import Path
from tfvae.training.runs import lock
with lock.Lock(Path(sys.argv[1]), "training", shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Returns a function that starts a process which holds the lock of tmp_path until its input is closed."""
    started = []

    def hold(kind="exclusive"):
        command = [sys.executable, "-c", HOLD, str(tmp_path), kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_a_lock_says_who_holds_it_and_goes_with_its_holder(tmp_path):
    with lock.Lock(tmp_path, "training"):
        holder = json.loads((tmp_path / "run.lock").read_text())
        assert holder["pid"] == os.getpid() and holder["doing"] == "training"
        began = time.process_time()
        with pytest.raises(UserError, match=rf"in use by process {os.getpid()} on \S+ \(training since 20"):
            lock.Lock(tmp_path, "training").__enter__()
        assert time.process_time() - began < 1.0
        with pytest.raises(UserError, match="in use by"):
            lock.Lock(tmp_path, "evaluating", shared=True).__enter__()
        with pytest.raises(UserError, match="in use by"):
            lock.check_free(tmp_path)
        assert json.loads((tmp_path / "run.lock").read_text()) == holder
    assert names(tmp_path) == []
    lock.check_free(tmp_path)


def test_a_refused_lock_leaves_no_file_open(tmp_path):
    with lock.Lock(tmp_path, "training"):
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(UserError):
            lock.Lock(tmp_path, "training").__enter__()
        assert len(os.listdir("/proc/self/fd")) == before


def test_several_may_share_it_and_the_last_removes_it(tmp_path):
    first = lock.Lock(tmp_path, "evaluating", shared=True)
    with first, lock.Lock(tmp_path, "exporting", shared=True):
        with pytest.raises(UserError, match="exporting since"):
            lock.Lock(tmp_path, "training").__enter__()
        first.__exit__()
        with pytest.raises(UserError, match="in use by"):
            lock.Lock(tmp_path, "training").__enter__()
    assert names(tmp_path) == []


@pytest.mark.parametrize("shared", [False, True])
def test_the_lock_of_a_killed_process_is_told_and_taken_over(tmp_path, holder, shared):
    process = holder()
    with pytest.raises(UserError, match=f"in use by process {process.pid} "):
        lock.Lock(tmp_path, "training").__enter__()
    process.send_signal(signal.SIGKILL)
    process.wait()
    said = []
    with lock.Lock(tmp_path, "training", shared=shared, say=said.append):
        (line,) = said
        assert f"was left by process {process.pid} " in line and "taken over" in line and "\n" not in line
        assert json.loads((tmp_path / "run.lock").read_text())["pid"] == os.getpid()
    assert names(tmp_path) == []


def test_a_holder_that_is_just_leaving_is_waited_for(tmp_path, holder):
    process, said = holder(), []
    timer = threading.Timer(0.1, process.stdin.close)
    timer.start()
    with lock.Lock(tmp_path, "training", say=said.append):
        assert (tmp_path / "run.lock").exists() and said == []
    timer.join()


def test_a_lock_file_that_was_removed_while_it_was_opened_is_made_anew(tmp_path, monkeypatch):
    """Its last holder may remove it between the opening and the locking."""
    flock, calls = lock._flock, []

    def removing(handle, **kind):
        if not calls:
            (tmp_path / "run.lock").unlink()
        calls.append(kind)
        flock(handle, **kind)

    monkeypatch.setattr(lock, "_flock", removing)
    with lock.Lock(tmp_path, "training"):
        assert (tmp_path / "run.lock").exists() and len(calls) == 2
        with pytest.raises(UserError, match="in use by"):
            lock.Lock(tmp_path, "training").__enter__()
    assert names(tmp_path) == []


def test_a_file_system_without_locks_earns_a_warning(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(files.fcntl, "flock", unsupported)
    with pytest.warns(UserWarning, match="has no locks"), lock.Lock(tmp_path, "training"):
        assert (tmp_path / "run.lock").exists()
    assert names(tmp_path) == []


def test_a_damaged_lock_file_is_no_obstacle(tmp_path):
    for content in (b"", b"\xff\x00", b'{"pid": 1}\n', b"[" * 5000, b'{"pid": "\\u001b[31m", "host": 1}'):
        (tmp_path / "run.lock").write_bytes(content)
        with lock.Lock(tmp_path, "training", say=lambda line: pytest.fail(line)):
            pass
    record = {"pid": "\x1b[31m1", "host": "a" * 999, "doing": "", "since": ""}
    (tmp_path / "run.lock").write_text(json.dumps(record))
    said = []
    with lock.Lock(tmp_path, "training", say=said.append):
        assert said[0].isprintable() and len(said[0]) < 500


def test_threads_that_ask_for_a_name_at_once_get_one_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(claims.time, "strftime", lambda form: "20261129-120000")
    found, barrier, hold = [], threading.Barrier(8), threading.Event()

    def ask():
        barrier.wait()
        with claims.new_name("digits") as run:
            found.append(str(run.path))
            (run.path / "config.json").touch()
            hold.wait(10.0)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(found) < 8 and any(thread.is_alive() for thread in threads):
        time.sleep(0.01)
    hold.set()
    for thread in threads:
        thread.join()
    first = "runs/digits-20261129-120000"
    assert sorted(found) == sorted([first, *(f"{first}-{number}" for number in range(2, 9))])


def test_a_failure_before_the_first_write_leaves_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    there = tmp_path / "there"
    there.mkdir()
    for words in ([], ["--run-dir", "a/b/c"], ["--run-dir", str(there)]):
        assert cli.main(["train", "--dataset", "nowhere.npz", *words]) == 2
        assert names(tmp_path) == ["there"] and names(there) == []
    monkeypatch.setattr(loading, "load_data", interrupt)
    assert cli.main(["train"]) == 130
    assert names(tmp_path) == ["there"]
    capsys.readouterr()


def interrupt(*_):
    raise KeyboardInterrupt


def test_a_run_in_use_is_refused_to_whoever_would_write_it(tmp_path, holder, capsys):
    RunDirectory(tmp_path).create(Config.resolve({"epochs": 1}), [])
    process = holder()
    for words in (
        ["train", "--run-dir", str(tmp_path)],
        ["train", "--run-dir", str(tmp_path), "--resume"],
        ["evaluate", str(tmp_path)],
        ["export", str(tmp_path), "--format", "tflite"],
    ):
        began = time.process_time()
        assert cli.main(words) == 2
        assert time.process_time() - began < 1.0, words
        (line,) = capsys.readouterr().err.splitlines()
        assert f"in use by process {process.pid} " in line
    launched = ["--strategy", "multiworker", "--workers", "2", "--resume"]
    saved = json.loads((tmp_path / "config.json").read_text())
    saved["config"]["strategy"] = "multiworker"
    (tmp_path / "config.json").write_text(json.dumps(saved))
    assert cli.main(["train", "--run-dir", str(tmp_path), *launched]) == 2
    assert f"in use by process {process.pid} " in capsys.readouterr().err


def test_a_new_run_whose_directory_another_process_has_just_claimed_is_refused(tmp_path, holder, capsys):
    process = holder()
    assert cli.main(["train", "--run-dir", str(tmp_path)]) == 2
    assert f"in use by process {process.pid} " in capsys.readouterr().err


def test_what_a_kill_left_before_config_json_is_taken_over(tmp_path, holder, monkeypatch, capsys):
    def refuse(*_, **__):
        raise UserError("no model can be built")

    monkeypatch.setattr(loop, "build", refuse)
    process = holder()
    process.kill()
    process.wait()
    assert cli.main(["train", "--run-dir", str(tmp_path)]) == 2
    taken, refused = capsys.readouterr().err.splitlines()
    assert "taken over" in taken and "no model can be built" in refused
    assert names(tmp_path) == []


LIMITED = """
import resource, sys, time  # of the processor, as others may be at work
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
from tfvae import cli
began = time.process_time()
code = cli.main(["train", "--run-dir", sys.argv[1]])
print(code, time.process_time() - began, "tensorflow" in sys.modules)
"""


def test_a_full_destination_is_refused_within_a_second(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "run")], capture_output=True, text=True, check=True
    )
    code, seconds, loaded = done.stdout.split()
    assert (code, loaded) == ("2", "False") and float(seconds) < 1.0
    (line,) = done.stderr.splitlines()
    assert line.startswith("tfvae: cannot write ") and "File too large" in line
    assert names(tmp_path) == []


def test_without_posix_locks_runs_are_claimed_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    warned = pytest.warns(UserWarning, match="has no locks")
    with warned, lock.Lock(tmp_path, "training"), files.alone(tmp_path) as sure:
        assert not sure
    assert names(tmp_path) == []
