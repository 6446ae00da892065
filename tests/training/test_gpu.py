"""What only a GPU can show: skipped, with the reason, where there is none."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.runs import checkpoint, figures
from tfvae.training.runs.directory import RunDirectory

GPUS = len(tf.config.list_physical_devices("GPU"))
TINY = {"latent_size": 3, "figures_every": 0, "schedule": "constant", "batch_size": 128, "epochs": 3}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not GPUS, reason="needs a GPU; the same on CPUs: test_mixed_precision.py, test_loop.py"
    ),
]


@pytest.fixture
def train(tmp_path, monkeypatch):
    """Returns a function that trains and returns the history and the last state, in single precision afterwards."""
    monkeypatch.setattr(figures, "draw_run", lambda *_: None)

    def train(name, **settings):
        run = RunDirectory(tmp_path / name)
        loop.train(Config.resolve(TINY | settings), run, say=lambda line: None)
        return run.read_history(), checkpoint.load_newest(run.checkpoints)[0].arrays

    yield train
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
@pytest.mark.parametrize("jit", [False, True], ids=["plain", "jit"])
def test_half_precision_trains_on_one_gpu_as_single_does(train, precision, jit):
    half, arrays = train("half", strategy="none", mixed_precision=precision, jit=jit)
    keras.config.set_dtype_policy("float32")
    full, _ = train("full", strategy="none")
    assert all(np.isfinite(array).all() for array in arrays)
    assert half[-1]["val_bound"] == pytest.approx(full[-1]["val_bound"], abs=0.1)


def test_all_gpus_equal_one(train):
    mirrored, several = train("mirrored", strategy="mirrored")
    single, one = train("one", strategy="none")
    for row, expected in zip(mirrored, single, strict=True):
        assert row["val_bound"] == pytest.approx(expected["val_bound"], rel=1e-4)
    for array, expected in zip(several, one, strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-2 * max(1.0, np.abs(expected).max()))
