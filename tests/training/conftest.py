import numpy as np
import pytest


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "images.npz"
        np.savez(path, **arrays)
        return str(path)

    return write


@pytest.fixture
def train(tmp_path, monkeypatch, request):
    """Returns a function that trains with the module's settings TINY, without figures, and returns the run."""
    from tfvae.training import loop
    from tfvae.training.config import Config
    from tfvae.training.runs import figures
    from tfvae.training.runs.directory import RunDirectory

    monkeypatch.setattr(figures, "draw_run", lambda *_: None)

    def train(name="run", **settings):
        run = RunDirectory(tmp_path / name)
        loop.train(Config.resolve(request.module.TINY | settings), run, say=lambda line: None)
        return run

    return train
