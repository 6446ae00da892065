"""What `details.measure` finds of runs of every kind: figures as plain JSON, or why there are none.

Mutations, each seen to break a test here: means judged in place of draws, conditions of the reference given to the
samples, codes of label-conditioned runs probed, features trained anew each time, or kept for other data or another
binarisation.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import pytest

from tfvae import evaluation
from tfvae.checks import UserError
from tfvae.evaluation import features
from tfvae.training import loop
from tfvae.training.config import Config
from tfvae.training.evaluation import details, quality
from tfvae.training.evaluation.groups import SCORES
from tfvae.training.evaluation.task import Task
from tfvae.training.runs import loading
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of

REASONS = ("quality_missing", "codes_missing", "rate_missing")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(features, "STEPS", 20)


@pytest.fixture
def start(tmp_path):
    """Makes the directory of an untrained run, and the task of evaluating its model."""

    def start(**settings):
        config = Config.resolve(settings)
        loaded = loading.load_data(config)
        run = RunDirectory(tmp_path / "run")
        run.create(config, [], loaded.fingerprint())
        model = loop.build(config, loaded)
        with ExitStack() as kept:
            examples = examples_of(loaded, config, "test")
            return Task(run, config, loaded, model, examples, "test", None, 0, kept)

    return start


def assess(task, split="test", limit=None, seed=0):
    """What is found beyond the likelihood and the bound of training examples, as a file holds it."""
    examples = examples_of(task.loaded, task.config, split, limit)
    task = replace(task, examples=examples, split=split, limit=limit, seed=seed)
    groups = details.measure(task)
    groups.pop("training_bound", None)
    return plain({key: value for group in groups.values() for key, value in group.to_json().items()})


def plain(result):
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    return result


@pytest.mark.slow
def test_a_run_on_binarised_digits(start, monkeypatch):
    embedded = []
    monkeypatch.setattr(evaluation, "embed", lambda model, x: embedded.append(x) or features.embed(model, x))
    task = start(latent_size=3)
    result = assess(task, "test", 120, seed=4)
    assert [result[name] for name in REASONS] == [None] * 3
    assert (result["features"], result["samples"], result["quality_examples"]) == ("classifier", "draws", 60)
    assert all(set(np.unique(x)) == {0.0, 1.0} for x in embedded)
    for name in SCORES:
        assert all(
            isinstance(result[f"{name}{of}{suffix}"], float)
            for of in ("", "_real")
            for suffix in ("", "_standard_error")
        )
    assert result["features_accuracy"] > 0.3 and result["code_examples"] == 120
    assert 0.0 < result["knn_accuracy"] < 1.0 and 0.05 < result["code_chance"] < 0.2
    examples = examples_of(task.loaded, task.config, "test", 120).x
    elbo = np.mean(task.model.elbo(examples, 50, seed=1))
    assert abs(result["rate"] + result["distortion"] + elbo) < 0.3

    trained = task.run.features_file.stat().st_mtime_ns
    assert assess(task, "test", 120, seed=4) == result
    assert task.run.features_file.stat().st_mtime_ns == trained
    monkeypatch.setattr(task.run, "config", lambda: Config.resolve({"binarize": "threshold"}))
    quality.feature_model(task.run, task.loaded)
    assert task.run.features_file.stat().st_mtime_ns > trained
    assert sorted(path.name for path in task.run.path.iterdir() if not path.is_dir()) == [
        "config.json",
        "features.keras",
    ]

    task.run.features_file.write_bytes(b"no model")
    with pytest.raises(UserError, match=r"features.keras is damaged.*delete it"):
        quality.feature_model(task.run, task.loaded)


@pytest.mark.slow
def test_features_of_other_data_are_made_anew(start):
    task = start(latent_size=2)
    first = quality.feature_model(task.run, task.loaded)
    assert quality.feature_model(task.run, task.loaded).name == first.name
    changed = loading.load_data(Config.resolve({"seed": 1}))
    assert quality.feature_model(task.run, changed).name != first.name


def test_points_and_examples_without_labels_are_judged_as_they_are(start):
    task = start(preset="ring")
    result = assess(task, limit=100)
    assert (result["features"], result["features_accuracy"], result["samples"]) == ("pixels", None, "draws")
    assert "has no labels" in result["codes_missing"] and result["knn_accuracy"] is None
    assert result["mmd"] > 3 * result["mmd_standard_error"] and not task.run.features_file.exists()


@pytest.mark.slow
def test_labels_that_the_encoder_sees_are_not_told_from_codes(start, monkeypatch):
    task = start(preset="cvae-quadrant", condition="label", dataset="digits", latent_size=2)
    asked = []
    monkeypatch.setattr(
        type(task.model),
        "sample",
        lambda self, n, **given: asked.append(given) or np.zeros((n, 30, 8, 8, 1), np.float32),
    )
    result = assess(task, limit=60, seed=2)
    condition = examples_of(task.loaded, task.config, "test", 60).condition
    np.testing.assert_array_equal(asked[0]["condition"], condition[evaluation.halves(60, 2)[1]])
    assert asked[0]["mean"] is False and asked[0]["seed"] == 2
    assert "shows the label" in result["codes_missing"] and result["rate"] > 0


@pytest.mark.slow
def test_a_regressor_has_samples_but_no_codes(start):
    task = start(preset="regressor-quadrant", dataset="digits")
    result = assess(task, limit=40)
    assert result["quality_missing"] is None and result["precision"] is not None
    assert "no codes" in result["codes_missing"] and "no latents" in result["rate_missing"]
    assert result["rate"] is None


@pytest.mark.slow
def test_means_are_judged_where_draws_of_grey_pixels_are_black_and_white(start):
    with pytest.warns(UserWarning, match="grey pixels"):
        task = start(binarize="none", latent_size=2)
    result = assess(task, limit=40)
    assert result["samples"] == "means"


def test_few_examples_and_the_training_split(start):
    task = start(latent_size=2)
    result = assess(task, "train", 20)
    assert "20 examples are too few, at least 24" in result["quality_missing"]
    assert result["precision"] is None and result["features"] is None
    assert "fitted to the training examples" in result["codes_missing"]
    assert result["rate"] > 0 and not task.run.features_file.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_run_directory_that_cannot_be_written(start):
    task = start(latent_size=2)
    task.run.path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write"):
        quality.feature_model(task.run, task.loaded)
