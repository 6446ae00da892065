"""Checkpoints and files that are complete or absent.

Mutations, each seen to break a test here: the checksum taken over the archive's first half, or not compared; the
checkpoint written in place; pruning that forgets the best epoch, or counts a damaged newer file among the newest two;
`load_newest` that gives up at the first damaged file; `replacing` that leaves its temporary file after an exception or
renames it after one; a best epoch of NaN; optimiser variables left out.
"""

import errno
import types

import numpy as np
import pytest

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.runs import checkpoint


class Variable:
    def __init__(self, value):
        self.value = np.array(value)
        self.shape = self.value.shape

    def numpy(self):
        return self.value

    def assign(self, value):
        self.value = value


def model_of(seed, units=3):
    """What a checkpoint asks of a compiled model, without TensorFlow."""
    generator = np.random.default_rng(seed)
    weights = [
        generator.normal(size=(units, 2)).astype(np.float32),
        np.array([-0.0, 1e-45, np.pi], np.float32),
    ]
    optimizer = types.SimpleNamespace(
        variables=[Variable(np.int64(seed)), Variable(generator.normal(size=(units, 2)).astype(np.float16))],
        built=True,
    )
    return types.SimpleNamespace(
        weights=list(map(Variable, weights)),
        trainable_variables=[],
        optimizer=optimizer,
        optimizers=lambda: {"optimized": (optimizer, [])},
    )


def values(model):
    return [(v.value.dtype, v.value.tobytes()) for v in [*model.weights, *model.optimizer.variables]]


def history_of(*bounds):
    return [{"epoch": i + 1, "loss": 1 / 3, "val_bound": bound} for i, bound in enumerate(bounds)]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def epochs(folder):
    return [int(name[6:12]) for name in names(folder)]


def test_round_trip_is_exact_to_the_bit(tmp_path):
    saved, fresh = model_of(1), model_of(2)
    history = history_of(-3.0, 0.1 + 0.2)
    path = checkpoint.save(tmp_path, saved, history)
    loaded, problems = checkpoint.load_newest(tmp_path)
    assert problems == [] and loaded.epoch == 2 and loaded.history == history
    assert values(fresh) != values(saved)
    checkpoint.restore(loaded, fresh)
    assert values(fresh) == values(saved)
    assert names(tmp_path) == [path.name]


def test_another_models_checkpoint_is_refused(tmp_path):
    checkpoint.save(tmp_path, model_of(1), history_of(-1.0))
    other = model_of(2, units=4)
    before = values(other)
    with pytest.raises(UserError, match="another model"):
        checkpoint.restore(checkpoint.load_newest(tmp_path)[0], other)
    assert values(other) == before


def test_a_truncated_file_is_noticed_wherever_it_ends(tmp_path):
    path = checkpoint.save(tmp_path, model_of(1), history_of(-1.0))
    whole = path.read_bytes()
    for length in (0, 1, 17, 81, 82, 83, len(whole) // 2, len(whole) - 22, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"epoch-000001\.ckpt is truncated or corrupted"):
            checkpoint.load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ValueError, match="truncated or corrupted"):
        checkpoint.load(path)


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path):
    path = checkpoint.save(tmp_path, model_of(1), history_of(-1.0))
    whole = path.read_bytes()
    places = [0, 16, 17, 80, 81, 82, len(whole) - 1, *range(90, len(whole), 37)]
    assert len(places) > 30
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="truncated or corrupted"):
            checkpoint.load(path)
    path.write_bytes(whole)
    checkpoint.load(path)


def test_load_newest_falls_back_file_by_file_and_says_so(tmp_path):
    for bounds in ((1.0,), (1.0, 2.0), (1.0, 2.0, 3.0)):
        checkpoint.save(tmp_path, model_of(len(bounds)), history_of(*bounds))
    checkpoint.save(tmp_path, model_of(4), history_of(1.0, 2.0, 3.0, 4.0))
    assert epochs(tmp_path) == [3, 4]
    newest = checkpoint.path_of(tmp_path, 4)
    newest.write_bytes(newest.read_bytes()[:-9])
    loaded, problems = checkpoint.load_newest(tmp_path)
    assert loaded.epoch == 3
    assert len(problems) == 1 and "epoch-000004.ckpt" in problems[0] and "\n" not in problems[0]
    checkpoint.path_of(tmp_path, 3).write_bytes(b"")
    loaded, problems = checkpoint.load_newest(tmp_path)
    assert loaded is None and len(problems) == 2


def test_an_empty_folder_has_no_newest(tmp_path):
    assert checkpoint.load_newest(tmp_path) == (None, [])


def test_pruning_keeps_the_newest_two_and_the_best(tmp_path):
    bounds = [5.0, 1.0, 9.0, 2.0, 3.0, 4.0, 1.0]
    kept = []
    for epoch in range(1, len(bounds) + 1):
        checkpoint.save(tmp_path, model_of(epoch), history_of(*bounds[:epoch]))
        kept.append(epochs(tmp_path))
    # until epoch 4 the best of the one before the newest, 1, is needed as well
    assert kept == [[1], [1, 2], [1, 2, 3], [3, 4], [3, 4, 5], [3, 5, 6], [3, 6, 7]]


def test_every_kept_checkpoint_can_take_over_with_its_own_best(tmp_path):
    for epoch, bounds in enumerate(([5.0], [5.0, 1.0], [5.0, 1.0, 9.0]), 1):
        checkpoint.save(tmp_path, model_of(epoch), history_of(*bounds))
    checkpoint.path_of(tmp_path, 3).write_bytes(b"damaged")
    loaded, _ = checkpoint.load_newest(tmp_path, with_best=True)
    assert loaded.epoch == 2
    assert checkpoint.load(checkpoint.path_of(tmp_path, checkpoint.best_epoch(loaded.history))).epoch == 1


def test_a_checkpoint_whose_best_is_damaged_is_passed_over_if_the_best_is_needed(tmp_path):
    for epoch, bounds in enumerate(([5.0], [5.0, 9.0], [5.0, 9.0, 1.0]), 1):
        checkpoint.save(tmp_path, model_of(epoch), history_of(*bounds))
    best = checkpoint.path_of(tmp_path, 2)
    best.write_bytes(best.read_bytes()[:-1])
    assert checkpoint.load_newest(tmp_path)[0].epoch == 3
    loaded, problems = checkpoint.load_newest(tmp_path, with_best=True)
    assert loaded is None and len(problems) == 2  # training starts over, to the same weights
    best.unlink()
    assert checkpoint.load_newest(tmp_path, with_best=True)[0] is None


def test_a_damaged_newer_file_never_pushes_out_whole_ones(tmp_path):
    checkpoint.save(tmp_path, model_of(1), history_of(1.0))
    checkpoint.path_of(tmp_path, 9).write_bytes(b"damaged")
    checkpoint.save(tmp_path, model_of(2), history_of(1.0, 2.0))
    checkpoint.save(tmp_path, model_of(3), history_of(1.0, 2.0, 3.0))
    assert epochs(tmp_path) == [2, 3]


def test_the_best_epoch_is_the_first_with_the_highest_finite_bound():
    assert checkpoint.best_epoch(history_of(-3.0, -1.0, -1.0, -2.0)) == 2
    assert checkpoint.best_epoch(history_of(-3.0, np.nan, -1.0, np.inf)) == 3
    assert checkpoint.best_epoch(history_of(np.nan, np.nan)) == 2
    assert checkpoint.best_epoch([{"epoch": 1}, {"epoch": 2}]) == 2


@pytest.mark.parametrize("where", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, where):
    model = model_of(1)
    path = checkpoint.save(tmp_path, model, history_of(1.0))
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if where == "write":
        real = open

        def opened(name, mode="r", *arguments):
            if mode == "wb":
                with real(name, mode) as file:
                    file.write(b"the beginning")
                full()
            return real(name, mode, *arguments)

        monkeypatch.setattr(checkpoint, "open", opened, raising=False)
    else:
        monkeypatch.setattr(files.os, where, full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, model_of(2), history_of(1.0, 2.0))
    with pytest.raises(OSError, match="No space"):  # over an existing one
        checkpoint.save(tmp_path, model_of(2), history_of(7.0))
    assert names(tmp_path) == [path.name] and path.read_bytes() == before
    assert checkpoint.load_newest(tmp_path)[0].epoch == 1


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_replacing_is_all_or_nothing(tmp_path, error):
    path = tmp_path / "config.json"
    files.write_bytes(path, b"old")
    with pytest.raises(error), files.replacing(path) as temporary:
        assert temporary.suffix == ".json" and temporary.parent == tmp_path
        temporary.write_bytes(b"new, but")
        assert path.read_bytes() == b"old"
        raise error
    assert names(tmp_path) == ["config.json"] and path.read_bytes() == b"old"
    with files.replacing(path) as temporary:
        temporary.write_bytes(b"new")
    assert names(tmp_path) == ["config.json"] and path.read_bytes() == b"new"


def test_sweep_removes_what_a_killed_process_left_and_nothing_else(tmp_path):
    (tmp_path / ".hidden").touch()
    files.write_bytes(tmp_path / "partial-sums.npy", b"kept")
    held = files.replacing(tmp_path / "epoch-000001.ckpt")
    left = held.__enter__()  # never left, as when the process is killed
    assert files.is_partial(left) and not files.is_partial(tmp_path / "partial-sums.npy")
    assert checkpoint.load_newest(tmp_path) == (None, [])
    files.sweep(tmp_path)
    assert names(tmp_path) == [".hidden", "partial-sums.npy"]
    with pytest.raises(FileNotFoundError):
        held.__exit__(None, None, None)


def test_files_get_the_umasks_permissions(tmp_path):
    files.write_bytes(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
