"""Interrupted evaluations are taken up where they were, and only the same ones.

Kills: a key without the model, a file that outlives its evaluation, blocks lost when an exception ends one.
"""

import numpy as np
import pytest

from tfvae.training.partial import Partial
from tfvae.training.run_directory import RunDirectory

BLOCK = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    return RunDirectory(tmp_path)


def interrupted(run, **settings):
    with pytest.raises(KeyboardInterrupt), Partial(run, "importance", **settings) as store:
        store[0] = BLOCK
        raise KeyboardInterrupt


def test_what_was_done_is_there_again_and_gone_at_the_end(run):
    interrupted(run, seed=1)
    with Partial(run, "importance", seed=1) as store:
        assert list(store) == [0] and len(store) == 1
        np.testing.assert_array_equal(store[0], BLOCK)
        store[3] = BLOCK
        assert store.file.exists()
    assert not store.file.exists()
    assert not Partial(run, "importance", seed=1)


@pytest.mark.parametrize("settings", [{"seed": 2}, {"seed": 1, "split": "train"}])
def test_another_evaluation_starts_anew(run, settings):
    interrupted(run, seed=1)
    assert not Partial(run, "importance", **settings)
    assert not Partial(run, "ais", seed=1)


def test_another_evaluation_leaves_the_interrupted_one_alone(run):
    interrupted(run, seed=1)
    with Partial(run, "importance", seed=2) as store:
        store[0] = BLOCK
    interrupted(run, seed=3)
    assert list(Partial(run, "importance", seed=1)) == [0]


def test_another_version_starts_anew(run, monkeypatch):
    interrupted(run, seed=1)
    monkeypatch.setattr("tfvae.training.partial.VERSION", "99")
    assert not Partial(run, "importance", seed=1)


def test_another_model_starts_anew(run):
    interrupted(run, seed=1)
    run.model_file.write_bytes(b"other weights")
    assert not Partial(run, "importance", seed=1)


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file_counts_as_none(run, keep):
    interrupted(run, seed=1)
    file = Partial(run, "importance", seed=1).file
    file.write_bytes(file.read_bytes()[:keep])
    assert not Partial(run, "importance", seed=1)


def test_it_writes_as_it_goes(run, monkeypatch):
    monkeypatch.setattr("tfvae.training.partial.SECONDS", -1.0)
    store = Partial(run, "importance", seed=1)
    store[0] = BLOCK
    assert list(Partial(run, "importance", seed=1)) == [0]
