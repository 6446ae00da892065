"""What `save_serving` leaves on the disk, and what it refuses.

Mutations, each seen to break a test here: `module.model = model` beside the weights (each stored twice), writing right
into the version directory, warm-up sizes that are not the allowed ones, overwrite by deleting first.
"""

import os
import re
import resource
import threading
import warnings

import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import models
from kit.serving_process import Server, meta_graph
from tensorflow_serving.apis import prediction_log_pb2

from tfvae import VAE, presets
from tfvae.checks import UserError
from tfvae.export import directories, save_serving, saved_model, warmup


@pytest.fixture(scope="module")
def model():
    return models.create("vae-mlp")


def files_of(path):
    return {
        file.relative_to(path).as_posix(): file.read_bytes() for file in path.rglob("*") if file.is_file()
    }


def test_weights_are_stored_once(tmp_path):
    model = presets.create("tutorial-400-20", widths=(100,))
    keras.models.Model.compile(model, "adam")
    model.optimizer.build(model.trainable_variables)
    with pytest.warns(UserWarning, match="untrained"):
        path = save_serving(model, tmp_path)
    size = sum(file.stat().st_size for file in (path / "variables").iterdir())
    assert abs(size / (4 * model.count_params()) - 1) < 0.02
    assert (path / "saved_model.pb").stat().st_size < 400_000


def test_layout(model, tmp_path):
    path = save_serving(model, tmp_path / "a" / "base", version=3, warmup_batch_sizes=(1, 2))
    assert path == tmp_path / "a" / "base" / "3"
    assert sorted(os.listdir(path.parent)) == ["3"]
    expected = {
        "assets.extra/tf_serving_warmup_requests",
        "batching_params.pbtxt",
        "fingerprint.pb",
        "saved_model.pb",
        "signatures.json",
        "variables/variables.data-00000-of-00001",
        "variables/variables.index",
    }
    assert set(files_of(path)) == expected
    assert os.stat(path).st_mode & 0o777 == 0o777 & ~current_umask()


def current_umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.slow
def test_warm_up_records_run_through_the_c_api(model, tmp_path):
    path = save_serving(model, tmp_path, warmup_batch_sizes=(1, 3, 8))
    seen = set()
    with Server(path) as server:
        for record in tf.data.TFRecordDataset(str(path / warmup.FILE)).as_numpy_iterator():
            request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            signature = request.model_spec.signature_name
            outputs = server.read(signature, inputs)
            assert all(np.isfinite(value).all() for value in outputs.values())
            seen.add((signature, len(next(iter(inputs.values())))))
        assert seen == {(name, size) for name in server.signatures for size in (1, 3, 8)}


def test_without_the_serving_package_there_is_a_notice(model, tmp_path, monkeypatch):
    found = warmup.importlib.util.find_spec
    monkeypatch.setattr(
        warmup.importlib.util, "find_spec", lambda name: None if name == "tensorflow_serving" else found(name)
    )
    with pytest.warns(UserWarning, match="no warm-up requests"):
        path = save_serving(model, tmp_path)
    assert not (path / warmup.FILE).exists()
    Server(path).close()


def test_batching_parameters(model, tmp_path):
    text = (save_serving(model, tmp_path, warmup_batch_sizes=(2, 8)) / "batching_params.pbtxt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if "allowed" in line] == [
        "allowed_batch_sizes: 2",
        "allowed_batch_sizes: 8",
    ]
    assert "max_batch_size { value: 8 }" in lines  # a server insists that this is the last allowed size
    assert all(re.fullmatch(r"\w+: \d+|\w+ \{ value: \d+ \}", line) for line in lines)


def test_an_existing_version_is_refused(model, tmp_path):
    path = save_serving(model, tmp_path)
    before = files_of(path)
    with pytest.raises(UserError, match=r"exists.*overwrite"):
        save_serving(model, tmp_path)
    assert files_of(path) == before
    assert save_serving(model, tmp_path, version=2) == tmp_path / "2"


def test_a_version_is_replaced_in_one_step(tmp_path):
    target = tmp_path / "1"
    with directories.replacing_directory(target) as folder:
        (folder / "old").touch()
    missing, looks, done = [], [0], threading.Event()

    def look():
        while not done.is_set():
            if not target.is_dir():
                missing.append(looks[0])
            looks[0] += 1

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for number in range(100):
            with directories.replacing_directory(target) as folder:
                (folder / f"new-{number}").touch()
                assert os.listdir(target) == [f"new-{number - 1}" if number else "old"]
    finally:
        done.set()
        watcher.join()
    assert not missing and looks[0] > 100
    assert os.listdir(tmp_path) == ["1"]


@pytest.mark.slow
def test_overwrite(model, tmp_path):
    path = save_serving(model, tmp_path)
    other = models.create("vae-mlp", seed=2)
    assert save_serving(other, tmp_path, overwrite=True) == path
    with Server(path) as server:
        z = np.ones((1, 2), np.float32)
        np.testing.assert_allclose(server.read("decode", {"z": z})["image"], other.decode(z), atol=1e-5)


def test_where_directories_cannot_be_exchanged_they_are_replaced(tmp_path, monkeypatch):
    target = tmp_path / "1"
    target.mkdir()
    (target / "old").touch()
    monkeypatch.setattr(directories.ctypes, "CDLL", lambda _: object())
    with directories.replacing_directory(target) as folder:
        (folder / "new").touch()
    assert os.listdir(tmp_path) == ["1"] and os.listdir(target) == ["new"]


@pytest.mark.parametrize("existing", [False, True])
def test_a_full_disk_leaves_nothing_behind(model, tmp_path, existing):
    before = files_of(save_serving(model, tmp_path)) if existing else {}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
    try:
        with pytest.raises(UserError, match=r"cannot write .*make room"):
            save_serving(model, tmp_path, overwrite=existing)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(tmp_path) == (["1"] if existing else [])
    assert not existing or files_of(tmp_path / "1") == before


def test_a_failure_inside_leaves_nothing_behind(model, tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model.metadata, "describe", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_serving(model, tmp_path)
    assert not list(tmp_path.iterdir())


def unbuilt():
    parts = models.TABLE["vae-mlp"]()
    assert isinstance(parts, VAE) and not parts.built
    return parts


def not_finite():
    model = models.create("vae-mlp")
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    return model


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (unbuilt, r"has no weights yet.*unbuilt VAE.*build"),
        (not_finite, "is not finite"),
        (lambda: keras.Sequential([keras.layers.Dense(1)]), r"cannot be exported.*Sequential"),
    ],
)
def test_models_that_cannot_be_exported(make, words, tmp_path):
    with pytest.raises(UserError, match=words):
        save_serving(make(), tmp_path / "base")
    assert not list(tmp_path.iterdir())


def test_a_trained_model_exports_without_a_warning(tmp_path):
    model = models.create("vae-mlp")
    model.compile("sgd", run_eagerly=True)
    model.fit(models.examples(model, 4), epochs=1, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_serving(model, tmp_path)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"version": 0}, "version is not a positive integer"),
        ({"version": "1"}, "version is not a positive integer"),
        ({"num_samples": 0}, "num_samples"),
        ({"warmup_batch_sizes": ()}, "increasing"),
        ({"warmup_batch_sizes": (4, 1)}, "increasing"),
        ({"warmup_batch_sizes": (0, 1)}, "batch size"),
    ],
)
def test_bad_arguments(model, options, words, tmp_path):
    with pytest.raises(UserError, match=words):
        save_serving(model, tmp_path / "base", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_memory_of_log_prob_does_not_grow_with_the_particles(model, tmp_path):
    """No tensor of the graph has all K particles of an example's size: they go through a loop, 64 at a time."""
    path = save_serving(model, tmp_path, num_samples=1000)
    library = meta_graph(path).graph_def.library.function
    assert any(node.op in ("While", "StatelessWhile") for function in library for node in function.node_def)
    with Server(path) as server:
        x = models.examples(model, 2)
        seeds = np.array([[3, 0], [3, 1]], np.int32)
        found = server.read("log_prob", {"x": x, "seed": seeds})
    np.testing.assert_allclose(found["elbo"], model.elbo(x, 1000, seed=3), rtol=1e-5)
    np.testing.assert_allclose(found["log_prob"], model.iwelbo(x, 1000, seed=3), rtol=1e-5)
