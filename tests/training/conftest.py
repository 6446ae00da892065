import numpy as np
import pytest


@pytest.fixture
def npz(tmp_path):
    def write(**arrays):
        path = tmp_path / "images.npz"
        np.savez(path, **arrays)
        return str(path)

    return write
