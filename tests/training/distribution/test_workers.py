"""Two worker processes take the steps that one device takes on the whole batch, through `model.fit`.

Mutations, each seen to break a test here: rows cut at rank * (rows // workers), which loses those that remain; noise
from row 0 in every worker.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tfvae.training.distribution import processes

SCRIPT = Path(__file__).with_name("two_workers.py")


@pytest.fixture(scope="module")
def found(once):
    """What one device finds, then the two workers."""
    folder, found = once("workers", make), []
    for index in (-1, 0, 1):
        with np.load(folder / f"{index}.npz") as archive:
            found.append((json.loads((folder / f"{index}.json").read_text()), dict(archive)))
    return found


def make(folder):
    folder.mkdir()
    cluster = {"worker": [f"127.0.0.1:{port}" for port in processes.free_ports(2)]}
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": "", "TFVAE_LAUNCHER": "the test"}
    environment.pop("TF_CONFIG", None)
    for indices in ((-1,), (0, 1)):
        started = []
        for index in indices:
            own = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            started.append(
                subprocess.Popen(
                    [sys.executable, "-W", "error::UserWarning", SCRIPT, folder],
                    env=environment | ({"TF_CONFIG": own} if index >= 0 else {}),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        while None in (codes := [process.poll() for process in started]) and not any(codes):
            time.sleep(0.1)
        for process in started:
            if any(codes):
                process.kill()  # it would wait for the one that failed
        for index, process in zip(indices, started, strict=True):
            output, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors[-3000:]
            (folder / f"{index}.json").write_text(output.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dreg", "free bits", "conv"])
def test_two_workers_equal_one_device(name, found):
    (one, arrays), *workers = found
    for logs, theirs in workers:
        keys = [key for key in arrays if key.startswith(f"{name} ")]
        largest = {key: max(float(np.abs(arrays[key]).max()), 1e-30) for key in keys}
        worst = max(float(np.abs(arrays[key] - theirs[key]).max()) / largest[key] for key in keys)
        print(f"{name}: within {worst:.1e} of each array's largest entry")
        assert worst < 1e-4
        assert len(logs[name]["steps"]) == len(one[name]["steps"]) > 2
        for expected, received in zip(one[name]["steps"], logs[name]["steps"], strict=True):
            assert received == pytest.approx(expected, rel=1e-5)
        for key, values in one[name]["history"].items():
            assert logs[name]["history"][key] == pytest.approx(values, rel=1e-5), key
        assert logs[name]["evaluate"] == pytest.approx(one[name]["evaluate"], rel=1e-5)


@pytest.mark.slow
def test_workers_end_with_the_same_bits(found):
    (_, first), (_, second) = found[1:]
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key])


@pytest.mark.slow
def test_workers_draw_different_noise_and_together_that_of_the_batch(found):
    first, second = (logs["noise"] for logs, _ in found[1:])
    assert first["total"] == second["total"] == 5
    parts = [np.array(worker["drawn"]) for worker in (first, second)]
    assert parts[0].shape == (2, 3, 3) and parts[1].shape == (2, 2, 3)
    assert not np.isin(*parts).any()
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), np.array(first["whole"]))


@pytest.mark.slow
def test_workers_can_tell_whether_they_agree(found):
    assert [logs["agree"] for logs, _ in found[1:]] == [[True, False]] * 2


@pytest.mark.slow
def test_data_that_workers_cannot_share_are_refused(found):
    for logs, _ in found[1:]:
        arrays, endless, held_out, predicted = logs["complaints"]
        assert predicted.startswith("predict does not share")
        assert "expected a tf.data.Dataset" in arrays and "received ndarray" in arrays
        assert "when an epoch ends" in endless
        assert "expected a tf.data.Dataset" in held_out and "received tuple" in held_out
