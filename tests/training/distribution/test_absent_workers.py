"""Workers that are absent, late, strangers or started otherwise are told of in one line, each in every process.

Mutations, each seen to break a test here: no barrier at which workers register (the chief then waits for ever); all
tasks in TensorFlow's error named, its sender too; settings compared with the process' own in place of the chief's.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tfvae import cli
from tfvae.checks import UserError
from tfvae.training.distribution import multiworker, processes, tf_config

SCRIPT = Path(__file__).with_name("workers_apart.py")
TIMEOUT = 8


def cluster(count):
    return [f"127.0.0.1:{port}" for port in processes.free_ports(count)]


def own(addresses, rank):
    return {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": rank}}


def task_of(addresses, rank):
    names = tuple(f"worker {index}" for index in range(len(addresses)))
    return tf_config.Task(names, tuple(addresses), rank)


@contextlib.contextmanager
def stranger(answer):
    """The address of a server that sends every client the same bytes and keeps its connection."""
    kept = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                kept.append(connection)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    for connection in kept:
        connection.close()


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each worker said and its address, by the name of its case."""
    folder = tmp_path_factory.mktemp("apart")
    (folder / "runs").mkdir()
    ports = cluster(12)
    trio, alone, pair, (last, mute, web, lost, astray) = ports[:3], ports[3:5], ports[5:7], ports[7:]
    words = ["--worker-timeout", str(TIMEOUT), "--batch-size", "200"]
    with stranger(b"") as silent, stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n") as http:
        cases = {
            "chief of three": (trio, 0, []),
            "last of three": (trio, 2, []),
            "fourth of three": ([*trio, last], 3, []),
            "chief missing": (alone, 1, []),
            "no such host": (["no-such-host.invalid:4001", lost], 1, []),
            "no chief": ([lost, astray], 1, []),
            "chief": (pair, 0, []),
            "other settings": (pair, 1, ["--learning-rate", "0.5"]),
            "silent": ([silent, mute], 1, []),
            "http": ([http, web], 1, []),
        }
        given = [
            {"task": own(addresses, rank), "words": [*words, "--run-dir", str(folder / "runs" / name), *more]}
            for name, (addresses, rank, more) in cases.items()
        ]
        (folder / "cases.json").write_text(json.dumps(given))
        hidden = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run(
            [sys.executable, SCRIPT, folder], env=hidden, check=True, timeout=600, capture_output=True
        )
    assert not list((folder / "runs").iterdir())
    found = {}
    for number, (name, (addresses, *_)) in enumerate(cases.items()):
        said = (folder / f"{number}.out").read_text()
        print(name, said)
        assert (folder / f"{number}.code").read_text() == "2", said
        (line,) = said.splitlines()
        found[name] = (line, addresses)
    return found


@pytest.mark.slow
def test_all_who_came_name_the_worker_that_is_missing(said):
    chief, addresses = said["chief of three"]
    assert chief.startswith(
        f"tfvae: worker 1 ({addresses[1]}) did not appear; expected all 3 workers within 8 s"
    )
    assert "--worker-timeout" in chief and said["last of three"][0] == chief


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chief missing", "no such host", "no chief", "silent", "http"])
def test_a_worker_names_the_chief_that_is_missing(name, said):
    line, addresses = said[name]
    assert line.startswith(
        f"tfvae: worker 0 ({addresses[0]}) did not appear; expected all 2 workers within 8 s"
    )


@pytest.mark.slow
def test_a_worker_that_the_chief_does_not_know_is_refused_and_holds_up_nobody(said):
    line, addresses = said["fourth of three"]
    assert line.startswith(
        f"tfvae: worker 3 ({addresses[3]}) is not in the cluster of worker 0 ({addresses[0]})"
    )


@pytest.mark.slow
def test_settings_that_differ_are_told_in_every_worker(said):
    line, addresses = said["chief"]
    assert line.startswith(f"tfvae: worker 1 ({addresses[1]}) was started with other settings; ")
    assert "received learning_rate (0.002 of worker 0, 0.5 there); " in line
    assert said["other settings"][0] == line


def test_the_first_who_differs_from_the_chief_is_named_with_every_setting():
    settings = [{"epochs": 3, "seed": 0}, {"epochs": 3, "seed": 0}, {"epochs": 4, "kind": "new"}]
    tf_config.check_settings(task_of(["a:1", "b:2"], 1), settings[:2])
    with pytest.raises(UserError) as error:
        tf_config.check_settings(task_of(["a:1", "b:2", "c:3"], 2), settings)
    assert str(error.value).startswith(
        "worker 2 (c:3) was started with other settings; "
        "received epochs (3 of worker 0, 4 there), seed (0 of worker 0, None there), kind (None of worker 0, new"
    )


def test_several_who_are_missing_are_named_and_no_other():
    error = (
        "The first task at the barrier: /job:worker/replica:0/task:0. Some timed out task names:\n"
        "/job:worker/replica:0/task:2\n/job:worker/replica:0/task:1\n\n"
        "Additional GRPC error information from remote target /job:worker/replica:0/task:0 while calling"
    )
    line = str(multiworker.absent(task_of(["a:1", "b:2", "c:3", "d:4"], 3), error, 5.0))
    assert line.startswith("worker 2 (c:3), worker 1 (b:2) did not appear; expected all 4 workers within 5 s")


@pytest.mark.parametrize("rank", [0, 1])
def test_a_port_in_use_is_told_before_tensorflow_is_loaded(rank, capsys, monkeypatch, tmp_path):
    addresses = cluster(2)
    monkeypatch.setenv("TF_CONFIG", json.dumps(own(addresses, rank)))
    monkeypatch.setattr(multiworker.quiet_tensorflow, "tensorflow", None)
    with socket.create_server(tf_config.split_address(addresses[rank])):
        words = ["train", "--strategy", "multiworker", "--run-dir", str(tmp_path / "run")]
        assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"tfvae: the port of worker {rank} ({addresses[rank]}) is in use")
    assert not (tmp_path / "run").exists()
