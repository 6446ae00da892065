"""An evaluation that is killed at random moments, and asked for again each time, ends as one that was not killed.

Written against these mutations: blocks removed before the evaluation is written; evaluation.json written in
place, not as a whole; temporary files of killed processes that are left.
"""

import json
import shutil
import signal
import time

import pytest
from kit import forks
from kit.fuzz import generator, portions

from tfvae.training.runs import lock
from tfvae.training.runs.directory import RunDirectory

KINDS = {  # kind: options
    "importance": "--limit 32 --num-samples 20",
    "ais": "--limit 8 --num-samples 9 --method ais --num-temperatures 3 --chains 3 --simulated 4",
    "gap": "--limit 8 --num-samples 15 --gap --gap-examples 6 --gap-steps 3",
}


def run_until(server, *words, kill_after=None, delay=0.0):
    """Runs a command; returns its exit code, the events of its log and the log.

    Kills it `delay` seconds after a number of events.
    """
    process = server.start(*words)
    if kill_after is not None:
        while len(events(process)) < kill_after and process.poll() is None:
            time.sleep(0.003)
        time.sleep(delay)
        process.kill()
    return process.wait(), events(process), process.said()


def events(process):
    return [line for line in process.said().splitlines() if line.startswith(("block", "writes", "wrote"))]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with forks.Server(tmp_path_factory.mktemp("logs"), prepared="small_steps") as server:
        yield server


@pytest.fixture(scope="module")
def finished(server, tmp_path_factory):
    """A run with an evaluation of an earlier version, and what each kind of evaluation makes of it, with its events."""
    run = RunDirectory(tmp_path_factory.mktemp("runs") / "run")
    words = ["--epochs", "1", "--figures-every", "0", "--latent-size", "2"]
    assert run_until(server, "train", "--run-dir", run.path, *words)[0] == 0
    assert run_until(server, "evaluate", run.path, "--limit", "8", "--num-samples", "2")[0] == 0
    former = json.loads(run.evaluation_file.read_text())
    shutil.rmtree(run.path / "evaluations")
    run.write_evaluation(
        {name: value for name, value in former.items() if name not in ("evaluation", "model_sha256")}
    )
    whole = {}
    for kind, words in KINDS.items():
        copy = RunDirectory(shutil.copytree(run.path, run.path.with_name(kind)))
        code, found, said = run_until(server, "evaluate", copy.path, *words.split())
        assert code == 0, said
        whole[kind] = copy, len(found)
    return run, whole


def contents(run):
    """What is in a run's directory but its evaluations' times; JSON that is cut off does not pass."""
    found = {}
    for path in sorted(run.path.rglob("*")):
        if path.suffix == ".json" and not path.name.startswith("."):
            value = json.loads(path.read_text())
            found[path.relative_to(run.path)] = {name: each for name, each in value.items() if name != "when"}
        elif path.is_file():
            found[path.relative_to(run.path)] = path.read_bytes()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("cases", portions(30, 3))
def test_killed_at_random_moments_nothing_is_lost(cases, server, finished, tmp_path):
    first, whole = finished
    former, folders = json.loads(first.evaluation_file.read_text()), {}
    for case in cases:
        kind, random = list(KINDS)[case % 3], generator(case)
        reference, count = whole[kind]
        code = 0
        while code == 0:  # until it is killed before its end
            if kind not in folders:
                folders[kind] = RunDirectory(shutil.copytree(first.path, tmp_path / kind))
            run = folders[kind]
            moment = {
                "kill_after": int(random.integers(0, count + 1)),
                "delay": random.choice([0.0, 0.002, 0.02, 1.0], p=[0.3, 0.3, 0.3, 0.1]),
            }
            code, _, said = run_until(server, "evaluate", run.path, *KINDS[kind].split(), **moment)
            assert code in (0, -signal.SIGKILL), said
            assert_nothing_is_lost(run, former, reference, code == 0)
            if code == 0:
                shutil.rmtree(folders.pop(kind).path)
    for kind, run in folders.items():
        code, _, said = run_until(server, "evaluate", run.path, *KINDS[kind].split())
        assert code == 0, said
        assert_nothing_is_lost(run, former, whole[kind][0], True)


def assert_nothing_is_lost(run, former, reference, ended):
    """Compares a run's directory with that of an evaluation that was not killed, of which a killed one has a part."""
    now, expected = contents(run), contents(reference)
    if ended:
        assert now == expected
    name = run.evaluation_file.relative_to(run.path)
    assert now.pop(name) in (former, expected.pop(name))
    for path, content in now.items():
        of_a_process = path.name.startswith(".partial-") or path.suffix == ".npz" or path.name == lock.NAME
        assert of_a_process or content == expected[path], path
    assert all(path in now or path.parent.name == "evaluations" for path in expected)
