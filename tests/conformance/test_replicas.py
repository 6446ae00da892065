"""Two replicas take the step that one device takes on the whole batch, and never share noise.

Mutations, each seen to break a test here: no fold of the replica's first row into the noise (PhiloxNoise with
first_row 0); the loss divided by the replica's rows in place of the global batch's; the regularisation, or the mean
KL of free bits, not shared over the replicas.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conformance import models
from conformance.cover import rows
from kit.marks import tiers

# Batch normalisation takes the moments of each replica's part, as Keras documents: another function of the batch.
# The discrepancy of the parts of a batch is not that of the whole: a model of it refuses replicas.
APART = ("batch-norm", "gmmn", "latent-")
ROWS = [name for name in models.TABLE if not any(word in name for word in APART)]
COMPILED = tiers([f"compiled {name}" for name in ROWS], kept=["compiled cvae-image"])
CASES = [
    "weighted",
    "extra metrics",
    "free bits",
    "regularized",
    "last batch of one",
    "last batch of one, convolutions",
    "last batch of one, optimal scale",
]
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def found(request, once):
    """What a process of two logical devices finds for the rows and cases that were selected."""
    here = [item for item in request.session.items if item.module is request.module]
    names = [item.callspec.params["name"] for item in here if hasattr(item, "callspec")]

    def make(folder):
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("two_replicas.py"), *names],
            capture_output=True,
            text=True,
            env=os.environ | {"PYTHONPATH": str(TESTS), "TF_CPP_MIN_LOG_LEVEL": "2"},
        )
        assert done.returncode == 0, done.stderr[-3000:]
        folder.mkdir()
        (folder / "found.json").write_text(done.stdout.splitlines()[-1])

    return json.loads((once("replicas", make) / "found.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", [*rows(ROWS, fast=(), costly="replicas"), *COMPILED, *CASES])
def test_two_replicas_equal_one(name, found):
    differences = found["rows"][name]
    assert differences["step"] > 0.02
    assert differences["weights"] < 1e-5
    assert differences["history"] < 1e-6
    assert differences["validation"] < 1e-6


@pytest.mark.slow
def test_replicas_draw_different_noise_and_together_that_of_the_batch(found):
    first, second = (np.array(values) for values in found["drawn"])
    assert first.shape == (3, 2, 2) and second.shape == (3, 3, 2)
    assert not np.isin(first, second).any()
    np.testing.assert_array_equal(np.concatenate([first, second], axis=1), np.array(found["whole"]))
    assert found["place"] == [[0, 2], [5, 5]]
