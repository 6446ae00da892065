"""A `.keras` file brings back weights, optimiser and compiled state, anywhere, with no pickle and no custom_objects."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
from conformance import models
from conformance.cover import rows
from kit.marks import tiers

LOAD = """
import pathlib
folder = pathlib.Path({folder!r})
for name in {names!r}:
    model = keras.saving.load_model(folder / f"{{name}}.keras")
    saved = dict(__import__("numpy").load(folder / f"{{name}}.npz"))
    data = {{key: saved.pop(key) for key in ("condition", "x") if key in saved}}
    assert int(model.optimizer.iterations) == int(saved.pop("iterations"))
    if "log_weights" in saved:
        found = model.log_weights(num_samples=3, seed=1, **data).numpy()
        assert (abs(found - saved["log_weights"]) < 1e-4).all(), name
    assert (abs(model(saved["inputs"]).numpy() - saved["call"]) < 1e-5).all(), name
    print("loaded", name)
"""


def trained(name):
    """A row after three steps of Adam, and its examples."""
    model = models.create(name)
    models.compiled(model, keras.optimizers.Adam(0.01, clipnorm=1.0), run_eagerly=True)
    x = models.examples(model, 6)
    model.fit(*models.data(model, x), batch_size=2, epochs=1, verbose=0)
    return model, x


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for files, <row>.keras and <row>.npz."""
    return tmp_path_factory.mktemp("saved")


@pytest.fixture(scope="module", params=rows())
def saved(request, folder):
    """A row, its examples and its file; beside the file lies what it gives."""
    model, x = trained(request.param)
    path = folder / f"{request.param}.keras"
    model.save(path)
    iterations = int(model.optimizer.iterations)
    arrays = models.given(model, x) | models.outputs(model, x)
    np.savez(path.with_suffix(".npz"), x=x, inputs=models.inputs(model, x), iterations=iterations, **arrays)
    return model, x, path


def test_round_trip(saved):
    model, x, path = saved
    copy = keras.saving.load_model(path)
    assert type(copy) is type(model)
    assert copy.get_compile_config() == model.get_compile_config()
    for now, before in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(now, before)
    for now, before in zip(models.optimizer_variables(copy), models.optimizer_variables(model), strict=True):
        np.testing.assert_array_equal(now, before)
    models.assert_same(models.outputs(copy, x), models.outputs(model, x))
    for either in (model, copy):
        either.train_on_batch(*models.data(model, x))
    for now, before in zip(copy.weights, model.weights, strict=True):
        np.testing.assert_array_equal(now, before)


def test_no_pickle_in_the_file(saved):
    with zipfile.ZipFile(saved[2]) as archive:
        assert set(archive.namelist()) == {"metadata.json", "config.json", "model.weights.h5"}
        text = archive.read("config.json").decode()
    json.loads(text)
    assert "__lambda__" not in text and "pickle" not in text


IMPORTS = "import tfvae, keras", "import keras\nimport tfvae"


@pytest.mark.parametrize("imports", tiers(IMPORTS, fast=(), kept=IMPORTS[1:]))
def test_fresh_process(folder, imports):
    names = sorted(file.stem for file in folder.glob("*.keras"))
    if not names:
        pytest.skip("test_round_trip, which saves the rows, was not selected")
    code = imports + LOAD.format(folder=str(folder), names=names)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[1::2] == names


@pytest.mark.parametrize("name", ["vae-mlp-batch-norm", "iwae-conv"])
def test_weights_file(name, tmp_path):
    model, x = trained(name)
    model.save_weights(tmp_path / "m.weights.h5")
    other = models.create(name, seed=2)
    other.load_weights(tmp_path / "m.weights.h5")
    models.assert_same(models.outputs(other, x), models.outputs(model, x))
