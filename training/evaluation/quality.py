"""The step of an evaluation that judges samples beside real examples."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from tfvae import evaluation, files, presets
from tfvae.evaluation.quality import FEWEST
from tfvae.examples import Examples
from tfvae.training import data
from tfvae.training.evaluation.groups import SCORES, Quality, Score
from tfvae.training.evaluation.task import Task
from tfvae.training.runs.directory import RunDirectory, writing
from tfvae.training.runs.examples import examples_of
from tfvae.training.runs.loading import load_keras

RECIPE = "1"  # of the features; another one makes stored features stale
SEED = 0  # of the features, so that all runs on some data are judged in the same ones


def judge(task: Task, real: Examples) -> Quality:
    """Judges the samples of a run's model beside real examples.

    Samples and real examples have to live in one space. The real ones are binarised once, as for every evaluation,
    and samples are draws from the model, not means of its likelihood: both are binary, or both grey. The one exception
    is a Bernoulli likelihood fitted to grey pixels, whose draws are black and white: its means are judged, and
    `samples` says so. A model with a condition draws one sample for the condition of each real example that is held
    out from the reference; see `tfvae.evaluation.sample_quality`.

    Args:
        task: the model and its data; the run keeps the features.
        real: real examples, to compare with.

    Raises:
        UserError: if the features cannot be read or written, or a score is not finite.
    """
    if len(real) < FEWEST:
        return Quality(missing=f"{len(real)} examples are too few, at least {FEWEST} are needed")
    if not presets.get(task.config.preset).draws:
        return Quality(missing=f"a {type(task.model).__name__} makes no samples")
    classifier, config = feature_model(task.run, task.loaded), task.config
    split_seed = task.seed % 2**32  # NumPy takes no negative one
    _, held_out = evaluation.halves(len(real), split_seed)
    means = config.likelihood == "bernoulli" and config.binarize == "none" and task.loaded.is_grey()
    fake = _draw(task.model, len(held_out), task.seed, means, real[held_out].condition)
    sets = [_embed(classifier, images) for images in (real.x, fake)]
    found = evaluation.sample_quality(sets[0]["features"], sets[1]["features"], split_seed)
    columns = found.fake, found.fake_standard_error, found.real, found.real_standard_error
    return Quality(
        scores={name: Score(*(column.get(name) for column in columns)) for name in SCORES},
        features="pixels" if classifier is None else "classifier",
        features_accuracy=_accuracy(classifier, task),
        samples="means" if means else "draws",
        num_examples=found.num_compared,
        **_classes(sets),
    )


def feature_model(run: RunDirectory, loaded: data.DataSet) -> Any:
    """Returns the classifier of the data's labels whose features samples are judged in; None for pixels.

    Trained on the run's training examples, binarised as the run's are, and stored in the run directory; what is stored
    there is taken if it was made of the same data in the same way. It depends on neither the run's model nor its seed
    (but by the choice of validation examples), so that the figures of runs on the same data can be compared.

    Raises:
        UserError: if the file is damaged or cannot be written.
    """
    if loaded.train.labels is None or len(np.unique(loaded.train.labels)) < 2:
        return None
    binarize = run.config().binarize
    made_of = f"{RECIPE} {SEED} {binarize} {loaded.fingerprint()}"
    name = f"features_{hashlib.sha256(made_of.encode()).hexdigest()[:16]}"
    path = run.features_file
    if path.is_file():
        stored = load_keras(path, fix="delete it: it is made anew", compile=False)
        if stored.name == name:
            return stored
    images = data.binarize_once(loaded.train.images, binarize, SEED, "train")
    model = evaluation.train_features(images, loaded.train.labels, SEED, name)
    with writing(path), files.replacing(path) as temporary:
        model.save(temporary)
    return model


def _draw(model: Any, count: int, seed: int, mean: bool, condition: np.ndarray | None) -> np.ndarray:
    """Returns `count` samples, one for each condition where there are some."""
    if condition is None:
        return np.asarray(model.sample(count, seed=seed, mean=mean))
    return np.asarray(model.sample(1, seed=seed, condition=condition, mean=mean))[0]


def _embed(classifier: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the features of images [N, ...], [N, F], and the logits of their classes, [N, C], where there are any."""
    if classifier is None:
        return {"features": np.reshape(images, [len(images), -1])}
    return evaluation.embed(classifier, images)


def _classes(sets: list[dict[str, np.ndarray]]) -> dict[str, Any]:
    """Returns how many classes of real examples the samples hold; nothing without a classifier."""
    if "logits" not in sets[0]:
        return {}
    found = evaluation.classes_covered(*(each["logits"].argmax(axis=1) for each in sets))
    return {"classes_covered": found.count, "num_classes": len(found.classes)}


def _accuracy(classifier: Any, task: Task) -> float | None:
    """Returns the share of test examples whose label the classifier names rightly."""
    test = examples_of(task.loaded, task.config, "test")
    names = task.loaded.train.labels
    if classifier is None or names is None or test.labels is None:
        return None
    named = evaluation.embed(classifier, test.x)["logits"].argmax(axis=1)
    return float(np.mean(np.unique(names)[named] == test.labels))
