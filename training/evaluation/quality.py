"""The quality of a run's samples and codes."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from tfvae import evaluation, files
from tfvae.evaluation.quality import FEWEST, FIGURES
from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs.directory import RunDirectory, cannot_write
from tfvae.training.runs.examples import examples_of
from tfvae.training.runs.loading import load_keras

EXAMPLES = 5000  # at most: distances and kernels are of every pair
RECIPE = "1"  # of the features; another one makes stored features stale
SEED = 0  # of the features, so that all runs on some data are judged in the same ones


def assess(
    run: RunDirectory,
    model,
    loaded: data.DataSet,
    config: Config,
    split: str = "test",
    limit: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Judges the samples and the codes of a run's model on a split.

    Samples and real examples have to live in one space. The real ones are binarised once, as for every evaluation,
    and samples are draws from the model, not means of its likelihood: both are binary, or both grey. The one exception
    is a Bernoulli likelihood fitted to grey pixels, whose draws are black and white: its means are judged, and
    `samples` says so. A model with a condition draws one sample for the condition of each real example that is held
    out from the reference; see `tfvae.evaluation.sample_quality`.

    Args:
        run: its directory, which keeps the features.
        model: the trained model.
        loaded: the run's data.
        config: its settings.
        split: "test", "validation" or "train".
        limit: examples to take, the first ones of a fixed shuffle; None, or more than 5,000, for at most 5,000.
        seed: of the samples and draws, 32-bit integer.

    Returns:
        result: plain JSON values. For each `name` of precision, recall, density, coverage, mmd (squared), frechet
            (squared): `name`, `name_standard_error`, and `name_real`, `name_real_standard_error` of held-out real
            examples in the place of samples. `features` ("classifier" or "pixels"), `features_accuracy` (of the
            classifier on the test split), `samples` ("draws" or "means"), `quality_examples` (compared on each side).
            `knn_accuracy`, `linear_probe_accuracy`, each with `_standard_error`; `code_chance`, `code_examples`.
            `rate`, `distortion`, nats, with `_standard_error`. What cannot be had is None, and `quality_missing`,
            `codes_missing`, `rate_missing` say why (None where nothing is missing).

    Raises:
        UserError: if the features cannot be read or written, or figures are not finite.
    """
    limit = EXAMPLES if limit is None else min(limit, EXAMPLES)
    examples, labels = examples_of(loaded, config, split, limit)
    return (
        _samples(run, model, loaded, config, examples, seed)
        | _codes(model, loaded, config, split, examples, labels)
        | _point(model, examples, seed)
    )


def feature_model(run: RunDirectory, loaded: data.DataSet):
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
    try:
        with files.replacing(path) as temporary:
            model.save(temporary)
    except OSError as error:
        raise cannot_write(path, error) from error
    return model


def _samples(run, model, loaded, config, examples, seed) -> dict[str, Any]:
    """Returns the figures of samples."""
    names = [
        f"{name}{of}{suffix}"
        for name in FIGURES
        for of in ("", "_real")
        for suffix in ("", "_standard_error")
    ]
    result = dict.fromkeys([*names, "features", "features_accuracy", "samples", "quality_examples"])
    condition, real = examples if model.takes_condition else (None, examples)
    if len(real) < FEWEST:
        return result | {"quality_missing": f"{len(real)} examples are too few, at least {FEWEST} are needed"}
    classifier = feature_model(run, loaded)
    split_seed = seed % 2**32  # NumPy takes no negative one
    _, held_out = evaluation.halves(len(real), split_seed)
    means = config.likelihood == "bernoulli" and config.binarize == "none" and loaded.is_grey()
    fake = _draw(model, len(held_out), seed, means, None if condition is None else condition[held_out])
    quality = evaluation.sample_quality(_embed(classifier, real), _embed(classifier, fake), split_seed)
    for name in FIGURES:
        result[name] = quality.fake[name]
        result[f"{name}_standard_error"] = quality.fake_standard_error[name]
        result[f"{name}_real"] = quality.real[name]
        result[f"{name}_real_standard_error"] = quality.real_standard_error[name]
    return result | {
        "features": "pixels" if classifier is None else "classifier",
        "features_accuracy": _accuracy(classifier, loaded, config),
        "samples": "means" if means else "draws",
        "quality_examples": quality.num_compared,
        "quality_missing": None,
    }


def _draw(model, count: int, seed: int, mean: bool, condition) -> np.ndarray:
    """Returns `count` samples, one for each condition where there are some."""
    if condition is None:
        return np.asarray(model.sample(count, seed=seed, mean=mean))
    return np.asarray(model.sample(1, seed=seed, condition=condition, mean=mean))[0]


def _embed(classifier, images) -> np.ndarray:
    """Returns the features of images [N, ...]: [N, F]."""
    if classifier is None:
        return np.reshape(images, [len(images), -1])
    return evaluation.embed(classifier, images)["features"]


def _accuracy(classifier, loaded: data.DataSet, config: Config) -> float | None:
    """Returns the share of test examples whose label the classifier tells."""
    if classifier is None or loaded.test.labels is None:
        return None
    images = data.binarize_once(loaded.test.images, config.binarize, 0, "test")
    told = evaluation.embed(classifier, images)["logits"].argmax(axis=1)
    return float(np.mean(np.unique(loaded.train.labels)[told] == loaded.test.labels))


def _codes(model, loaded, config, split, examples, labels) -> dict[str, Any]:
    """Returns what the codes tell of the labels, and how much each unit varies."""
    accuracies = [f"{name}_accuracy" for name in ("knn", "linear_probe")]
    names = [f"{name}{suffix}" for name in accuracies for suffix in ("", "_standard_error")]
    result = dict.fromkeys([*names, "code_chance", "code_examples"])
    if model.latents is None:
        return result | {"codes_missing": f"a {type(model).__name__} has no codes"}
    units = evaluation.active_units(model, examples)
    if split == "train":
        return result | {"codes_missing": "the classifiers are fitted to the training examples themselves"}
    if config.condition == "label":
        return result | {"codes_missing": "the condition shows the label to the encoder"}
    train_examples, train_labels = examples_of(loaded, config, "train", EXAMPLES)
    if labels is None or train_labels is None or len(np.unique(train_labels)) < 2:
        return result | {"codes_missing": f"data set {loaded.name} has no labels to tell"}
    train, test = (
        np.concatenate(found.means, axis=1)
        for found in (evaluation.active_units(model, train_examples), units)
    )
    knn = evaluation.knn_accuracy(train, train_labels, test, labels, min(5, len(train)))
    probe = evaluation.linear_probe(train, train_labels, test, labels)
    for name, told in zip(accuracies, (knn, probe), strict=True):
        result |= {name: told.accuracy, f"{name}_standard_error": told.standard_error}
    return result | {"code_chance": knn.chance, "code_examples": knn.count, "codes_missing": None}


def _point(model, examples, seed) -> dict[str, Any]:
    """Returns the rate-distortion point."""
    names = [f"{name}{suffix}" for name in ("rate", "distortion") for suffix in ("", "_standard_error")]
    if model.latents is None:
        return dict.fromkeys(names) | {"rate_missing": f"a {type(model).__name__} has no latents"}
    point = evaluation.rate_distortion(model, examples, seed=seed)
    return {name: getattr(point, name) for name in names} | {"rate_missing": None}
