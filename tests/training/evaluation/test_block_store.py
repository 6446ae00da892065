"""Interrupted evaluations are taken up where they were, and only the same ones.

Kills: a key without the model or the run's settings, a file that outlives its evaluation, blocks lost when an exception
ends one; a checksum that is not compared, or taken without the starts, the types or the shapes of the blocks; blocks
believed that are not finite, of another rank or of another key.
"""

import numpy as np
import pytest

from tfvae.training.evaluation.block_store import BlockStore
from tfvae.training.runs.directory import RunDirectory

BLOCK = np.arange(6.0).reshape(2, 3)


@pytest.fixture
def run(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"weights")
    return RunDirectory(tmp_path)


def interrupted(run, **settings):
    with pytest.raises(KeyboardInterrupt), BlockStore(run, "importance", **settings) as store:
        store.blocks[0] = BLOCK
        raise KeyboardInterrupt


def test_what_was_done_is_there_again_and_gone_at_the_end(run):
    interrupted(run, seed=1)
    with BlockStore(run, "importance", seed=1) as store:
        assert list(store.blocks) == [0] and len(store.blocks) == 1
        np.testing.assert_array_equal(store.blocks[0], BLOCK)
        store.blocks[3] = BLOCK
        assert store.file.exists()
    assert not store.file.exists()
    assert not BlockStore(run, "importance", seed=1).blocks


@pytest.mark.parametrize("settings", [{"seed": 2}, {"seed": 1, "split": "train"}])
def test_another_evaluation_starts_anew(run, settings):
    interrupted(run, seed=1)
    assert not BlockStore(run, "importance", **settings).blocks
    assert not BlockStore(run, "ais", seed=1).blocks


def test_another_evaluation_leaves_the_interrupted_one_alone(run):
    interrupted(run, seed=1)
    with BlockStore(run, "importance", seed=2) as store:
        store.blocks[0] = BLOCK
    interrupted(run, seed=3)
    assert list(BlockStore(run, "importance", seed=1).blocks) == [0]


def test_another_version_starts_anew(run, monkeypatch):
    interrupted(run, seed=1)
    monkeypatch.setattr("tfvae.training.evaluation.block_store.VERSION", "99")
    assert not BlockStore(run, "importance", seed=1).blocks


def test_another_model_starts_anew(run):
    interrupted(run, seed=1)
    run.model_file.write_bytes(b"other weights")
    assert not BlockStore(run, "importance", seed=1).blocks


@pytest.mark.parametrize("keep", [0, 10, 200])
def test_a_damaged_file_counts_as_none(run, keep):
    interrupted(run, seed=1)
    file = BlockStore(run, "importance", seed=1).file
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.warns(UserWarning, match="is damaged: its examples are evaluated again"):
        assert not BlockStore(run, "importance", seed=1).blocks


def rewritten(file, **changes):
    """Changes entries of a file of blocks, and nothing else."""
    with np.load(file) as saved:
        entries = dict(saved.items())
    np.savez(file, **{name: value for name, value in (entries | changes).items() if value is not None})


NAN = np.where(BLOCK == 2.0, np.nan, BLOCK)


@pytest.mark.parametrize(
    "changes",
    [
        {"0": NAN},
        {"0": BLOCK + 100.0},
        {"0": BLOCK[::-1]},
        {"0": BLOCK.reshape(3, 2)},
        {"0": BLOCK.astype(np.float32)},
        {"0": None, "3": BLOCK},
        {"3": BLOCK},
        {"checksum": None},
        {"checksum": "0" * 64},
        {"key": None},
        {"x": BLOCK},
    ],
    ids=str,
)
def test_values_that_were_not_written_are_not_believed(run, changes):
    interrupted(run, seed=1)
    file = BlockStore(run, "importance", seed=1).file
    rewritten(file, **changes)
    with pytest.warns(UserWarning, match="is damaged") as told:
        assert not BlockStore(run, "importance", seed=1).blocks
    assert len(told) == 1 and str(file) in str(told[0].message)


@pytest.mark.parametrize(
    "block", [NAN, BLOCK.astype(np.float32), BLOCK[np.newaxis]], ids=["nan", "type", "rank"]
)
def test_what_can_be_no_block_is_not_believed_whatever_its_checksum(run, block):
    with pytest.raises(KeyboardInterrupt), BlockStore(run, "importance", seed=1) as store:
        store.blocks[0] = block
        raise KeyboardInterrupt
    with pytest.warns(UserWarning, match="is damaged"):
        assert not BlockStore(run, "importance", seed=1).blocks


def test_errors_that_one_particle_cannot_tell_are_part_of_a_block(run):
    with pytest.raises(KeyboardInterrupt), BlockStore(run, "importance", seed=1) as store:
        store.blocks[0] = np.stack([BLOCK[0], np.nan * BLOCK[1]])
        raise KeyboardInterrupt
    assert list(BlockStore(run, "importance", seed=1).blocks) == [0]


def test_blocks_of_another_evaluation_are_not_believed(run):
    interrupted(run, seed=1)
    interrupted(run, seed=2)
    file, other = (BlockStore(run, "importance", seed=seed).file for seed in (1, 2))
    other.rename(file)
    with pytest.warns(UserWarning, match="is of another evaluation: its examples are evaluated again"):
        assert not BlockStore(run, "importance", seed=1).blocks


def test_other_settings_of_the_run_start_anew(run):
    run.config_file.write_bytes(b"{}")
    interrupted(run, seed=1)
    run.config_file.write_bytes(b'{"binarize": "none"}')
    assert not BlockStore(run, "importance", seed=1).blocks


def test_what_a_killed_evaluation_left_half_written_is_removed(run):
    left = [run.path / f".partial-{name}" for name in ("evaluation-ais-1.partial-x.npz", "model-x.keras")]
    for path in left:
        path.write_bytes(b"")
    with BlockStore(run, "importance", seed=1):
        assert [path.exists() for path in left] == [False, True]


def test_it_writes_as_it_goes(run, monkeypatch):
    monkeypatch.setattr("tfvae.training.evaluation.block_store.SECONDS", -1.0)
    store = BlockStore(run, "importance", seed=1)
    store.blocks[0] = BLOCK
    store.saving()(1, 2)
    assert list(BlockStore(run, "importance", seed=1).blocks) == [0]
