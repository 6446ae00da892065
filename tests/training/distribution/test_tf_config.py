"""TF_CONFIG and the options of several workers are checked before TensorFlow is loaded.

Mutations, each seen to break a test here: an index that is not compared with the cluster's; a duplicate address let
through; the chief ranked behind the workers; --workers accepted with --strategy mirrored.
"""

import json
import subprocess
import sys

import pytest

from tfvae import cli
from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.distribution import launcher, processes, tf_config

PAIR = ["localhost:4001", "localhost:4002"]


def described(cluster, kind="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})


def test_the_tasks_are_ranked_as_tensorflow_ranks_their_replicas(monkeypatch):
    monkeypatch.setenv("TF_CONFIG", described({"worker": PAIR, "chief": ["[::1]:4000"]}, index=1))
    task = tf_config.from_environment()
    assert task.names == ("chief 0", "worker 0", "worker 1")
    assert (task.rank, task.name, task.is_chief) == (2, "worker 1", False)
    assert task.described(0) == "chief 0 ([::1]:4000)"
    assert tf_config.split_address(task.addresses[0]) == ("::1", 4000)
    monkeypatch.setenv("TF_CONFIG", described({"worker": PAIR}))
    assert tf_config.from_environment().is_chief


MALFORMED = {
    "not JSON": "{'cluster'",
    "no JSON object": "[1, 2]",
    "no cluster": json.dumps({"task": {"type": "worker", "index": 0}}),
    "has no cluster": json.dumps({"cluster": {}, "task": {"type": "worker", "index": 0}}),
    "no task": json.dumps({"cluster": {"worker": PAIR}}),
    "0 to 1": described({"worker": PAIR}, index=2),
    "received -1": described({"worker": PAIR}, index=-1),
    "received '0'": described({"worker": PAIR}, index="0"),
    "received True": described({"worker": PAIR}, index=True),
    "another type": described({"worker": PAIR, "ps": ["localhost:1"]}),
    "received 'evaluator'": described({"worker": PAIR}, kind="evaluator"),
    "received 'chief'": described({"worker": PAIR}, kind="chief"),
    "bad address": described({"worker": ["localhost"]}),
    "'localhost:0'": described({"worker": ["localhost:0"]}),
    "'localhost:70000'": described({"worker": ["localhost:70000"]}),
    "':4001'": described({"worker": [":4001"]}),
    "received 7": described({"worker": [7]}),
    "no addresses": described({"worker": []}),
    "no addresses ": described({"worker": "localhost:4001"}),
    "twice": described({"worker": [PAIR[0], PAIR[0]]}),
    "several chiefs": described({"chief": PAIR}, kind="chief"),
}

OPTIONS = {
    "--workers N on one machine, or TF_CONFIG": ["--strategy", "multiworker"],
    "--strategy mirrored": ["--workers", "2", "--strategy", "mirrored"],
    "--strategy auto": ["--workers", "2"],
    "--workers is out of range": ["--strategy", "multiworker", "--workers", "0"],
    "--max-restarts is out of range": ["--strategy", "multiworker", "--workers", "2", "--max-restarts", "-1"],
    "--workers N with it": ["--strategy", "multiworker", "--max-restarts", "2"],
    "for several workers": ["--worker-timeout", "5"],
    "--worker-timeout is out of range": [
        "--strategy",
        "multiworker",
        "--workers",
        "2",
        "--worker-timeout",
        "0",
    ],
    "to 1000000.0; received nan": ["--strategy", "multiworker", "--workers", "2", "--worker-timeout", "nan"],
    "to 1000000.0; received 1e+300": ["--strategy", "multiworker", "--worker-timeout", "1e300"],
    "--hang-timeout is out of range": ["--strategy", "multiworker", "--workers", "2", "--hang-timeout", "0"],
    "--hang-timeout is for several workers": ["--hang-timeout", "5"],
    "more replicas than": ["--strategy", "multiworker", "--workers", "6", "--batch-size", "5"],
    "splits the devices of one process": ["--strategy", "multiworker", "--workers", "2", "--replicas", "2"],
    "is not empty": ["--strategy", "multiworker", "--workers", "2", "--run-dir", "."],
    "no run in": ["--strategy", "multiworker", "--workers", "2", "--run-dir", "nowhere", "--resume"],
}


def refusal(capsys, *words):
    assert cli.main(["train", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    yield
    assert [path.name for path in tmp_path.iterdir()] == ["file"], "something was written"


@pytest.mark.parametrize("word", MALFORMED)
def test_a_malformed_tf_config_is_refused_in_one_line(word, capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", MALFORMED[word])
    line = refusal(capsys, "--strategy", "multiworker", "--run-dir", "run", "--worker-timeout", "0.5")
    assert line.startswith("tfvae: TF_CONFIG ") and word.strip() in line and "expected" in line


@pytest.mark.parametrize("words", OPTIONS)
def test_options_that_do_not_go_together_are_refused_in_one_line(words, capsys):
    assert words in refusal(capsys, *OPTIONS[words])


def test_more_workers_in_tf_config_than_examples_in_a_batch_are_refused(capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", described({"worker": [f"localhost:{4000 + i}" for i in range(3)]}))
    line = refusal(capsys, "--strategy", "multiworker", "--batch-size", "2")
    assert "more replicas than" in line and "received 3" in line


def test_workers_and_tf_config_together_are_refused(capsys, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", described({"worker": PAIR}))
    assert "both --workers and TF_CONFIG" in refusal(capsys, "--strategy", "multiworker", "--workers", "2")


def test_tf_config_does_not_matter_to_other_strategies(monkeypatch):
    from tfvae.training.distribution import strategy

    monkeypatch.setenv("TF_CONFIG", "{")
    assert strategy.check(Config.resolve({"strategy": "none"})) is None


def test_refusals_load_no_tensorflow():
    code = f"""
import os, sys
from tfvae import cli
from tfvae.checks import UserError
for words in {list(OPTIONS.values())}:
    assert cli.main(["train", *words]) == 2
os.environ["TF_CONFIG"] = "{{}}"
assert cli.main(["train", "--strategy", "multiworker"]) == 2
from tfvae.training.distribution import launcher, heartbeat, multiworker, strategy
assert "tensorflow" not in sys.modules and "sklearn" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_number_of_workers_is_no_setting_of_the_run():
    assert not {"workers", "max_restarts", "worker_timeout", "hang_timeout"} & set(
        Config.resolve({}).to_json()
    )


@pytest.mark.parametrize(
    ("codes", "cause"),
    [({0: 3, 1: -9}, 1), ({0: -6, 1: 2}, 1), ({0: 1, 1: 3}, 0), ({0: 3, 1: -15, 2: 1}, 2)],
)
def test_a_lost_peer_explains_a_failure_last_and_bad_input_first(codes, cause):
    exits = [processes.Exit(rank, code) for rank, code in codes.items()]
    assert min(exits, key=lambda exit: exit.weight).rank == cause


@pytest.mark.parametrize(
    ("code", "text", "may_pass"),
    [
        (-9, "was killed by SIGKILL", True),
        (-99, "was killed by signal 99", True),
        (3, "lost another", True),
        (130, "was interrupted", True),
        (1, "failed with exit code 1", False),
        (2, "failed with exit code 2", False),
    ],
)
def test_what_may_go_well_another_time_is_tried_again(code, text, may_pass):
    found = processes.Exit(1, code)
    assert str(found) == f"worker 1 {text}" and found.may_pass == may_pass


def test_gpus_are_shared_evenly_and_never_by_two_workers(monkeypatch):
    assert launcher.gpus_of_workers([], 3) == ["", "", ""]
    assert launcher.gpus_of_workers(["0", "1", "2", "3"], 2) == ["0,1", "2,3"]
    for gpus in (["0"], ["0", "1", "2"]):
        with pytest.raises(UserError, match=f"divides {len(gpus)} GPUs"):
            launcher.gpus_of_workers(gpus, 2)
    for value, gpus in (("", []), ("-1", []), ("3, GPU-1", ["3", "GPU-1"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        assert launcher.visible_gpus() == gpus
