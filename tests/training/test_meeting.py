"""Workers find each other, or say in time who is missing, over sockets and without TensorFlow.

Mutations, each seen to break a test here: the listener not opened before the report (a port in use goes unnoticed);
the chief's answer sent before all have reported; a stranger's connection counted as a worker.
"""

import json
import socket
import threading
import time

import pytest

from tfvae import cli
from tfvae.checks import UserError
from tfvae.training import meeting, processes, tasks

SETTINGS = {"epochs": 3, "seed": 0}


def cluster(count):
    ports = processes.free_ports(count)
    names = tuple(f"worker {rank}" for rank in range(count))
    return [tasks.Task(names, tuple(f"127.0.0.1:{port}" for port in ports), rank) for rank in range(count)]


class Attending(threading.Thread):
    def __init__(self, task, settings=SETTINGS, timeout=30.0):
        super().__init__(daemon=True)
        self.arguments, self.error = (task, settings, timeout), None
        self.start()

    def run(self):
        try:
            meeting.attend(*self.arguments)
        except UserError as error:
            self.error = str(error)

    def outcome(self):
        self.join(30)
        assert not self.is_alive()
        return self.error


def test_all_go_on_once_all_are_there_in_whatever_order():
    tasks = cluster(3)
    early = [Attending(tasks[2]), Attending(tasks[0])]
    time.sleep(0.5)
    assert all(thread.is_alive() for thread in early)
    assert [thread.outcome() for thread in (*early, Attending(tasks[1]))] == [None] * 3
    for task in tasks:  # TensorFlow binds the same ports next
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", int(task.addresses[task.rank].split(":")[1])))


def test_the_chief_names_the_worker_that_is_missing_and_tells_the_others():
    tasks = cluster(3)
    chief, present = Attending(tasks[0], timeout=1.0), Attending(tasks[2], timeout=30.0)
    assert chief.outcome() == present.outcome()
    assert (
        f"worker 1 ({tasks[1].addresses[1]}) did not appear; expected all 3 workers within 1 s" in chief.error
    )


def test_a_worker_names_the_chief_that_is_missing():
    tasks = cluster(2)
    error = Attending(tasks[1], timeout=0.7).outcome()
    assert f"worker 0 ({tasks[0].addresses[0]}) did not appear" in error


def test_a_host_that_cannot_be_resolved_is_missing():
    task = tasks.Task(("worker 0", "worker 1"), ("no-such-host.invalid:4001", "127.0.0.1:4002"), 1)
    assert "worker 0 (no-such-host.invalid:4001) did not appear" in Attending(task, timeout=0.5).outcome()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_port_in_use_is_told_at_once(rank):
    found = cluster(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", tasks.split_address(found[rank].addresses[rank])[1]))
        other.listen()
        error = Attending(found[rank]).outcome()
    assert f"port of worker {rank} ({found[rank].addresses[rank]}) is in use" in error


def test_other_settings_are_told_to_all():
    found = cluster(2)
    threads = [Attending(found[0]), Attending(found[1], settings=SETTINGS | {"epochs": 4})]
    errors = [thread.outcome() for thread in threads]
    assert errors[0] == errors[1]
    assert "worker 1" in errors[0] and "epochs (3 of worker 0, 4 here)" in errors[0]


@pytest.mark.parametrize("words", [b"GET / HTTP/1.1\r\n", b"", b"[]\n", b'{"from": "tfvae worker"}\n'])
def test_strangers_are_sent_away(words):
    found = cluster(2)
    chief = Attending(found[0])
    time.sleep(0.2)
    with socket.create_connection(tasks.split_address(found[0].addresses[0])) as stranger:
        stranger.sendall(words)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(10) == b""
    assert chief.is_alive()
    assert Attending(found[1]).outcome() is None and chief.outcome() is None


def test_a_worker_that_is_started_again_takes_its_place():
    found = cluster(3)
    chief = Attending(found[0])
    time.sleep(0.3)
    with socket.create_connection(tasks.split_address(found[0].addresses[0])) as first:
        first.sendall(b'{"from": "tfvae worker", "rank": 1, "settings": {"epochs": 3, "seed": 0}}\n')
        second = Attending(found[1])
        assert first.recv(10) == b""
        last = Attending(found[2])
    assert [thread.outcome() for thread in (chief, second, last)] == [None] * 3


def refusal(capsys, monkeypatch, tmp_path, task, *words):
    own = {"cluster": {"worker": list(task.addresses)}, "task": {"type": "worker", "index": task.rank}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(own))
    run = tmp_path / "run"
    assert cli.main(["train", "--strategy", "multiworker", "--run-dir", str(run), *words]) == 2
    assert not run.exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_command_names_the_worker_that_never_appears(capsys, monkeypatch, tmp_path):
    found = cluster(2)
    line = refusal(capsys, monkeypatch, tmp_path, found[0], "--worker-timeout", "0.5")
    assert line.startswith(f"tfvae: worker 1 ({found[0].addresses[1]}) did not appear; ")
    assert "within 0.5 s" in line and "--worker-timeout" in line


def test_the_command_names_the_port_that_is_in_use(capsys, monkeypatch, tmp_path):
    found = cluster(2)
    with socket.socket() as other:
        other.bind(("127.0.0.1", tasks.split_address(found[1].addresses[1])[1]))
        other.listen()
        line = refusal(capsys, monkeypatch, tmp_path, found[1])
    assert line.startswith(f"tfvae: the port of worker 1 ({found[1].addresses[1]}) is in use")
