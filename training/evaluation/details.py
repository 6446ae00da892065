"""What `tfvae evaluate --full` adds to an evaluation: training examples, samples, codes, rate and distortion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae import evaluation
from tfvae.evaluation.per_example import mean_error
from tfvae.examples import Examples
from tfvae.models.contract import Implicit, Inferential
from tfvae.training.evaluation import quality
from tfvae.training.evaluation.groups import Codes, Group, RateDistortion, TrainingBound
from tfvae.training.evaluation.task import Task
from tfvae.training.runs.examples import examples_of

TRAINING, DRAWS = 2000, 10  # training examples whose bound is estimated, and draws for each
EXAMPLES = 5000  # at most: distances and kernels are of every pair


def measure(task: Task) -> dict[str, Group]:
    """Measures the groups of an `Evaluation` that the likelihood does not need, by name.

    The bound of training examples is left out where they are the examples that are evaluated, or there is no bound.
    """
    examples = task.examples[task.first(EXAMPLES)]
    bounded = task.split != "train" and not isinstance(task.model, Implicit)
    steps: dict[str, Callable[[], Group]] = (
        {"training_bound": lambda: training_bound(task)} if bounded else {}
    )
    steps |= {
        "quality": lambda: quality.judge(task, examples),
        "codes": lambda: judge_codes(task, examples),
        "rate_distortion": lambda: rate_distortion(task, examples),
    }
    found = {}
    for name, step in steps.items():
        with task.phase(name.replace("_", " ")):
            found[name] = step()
    return found


def training_bound(task: Task) -> TrainingBound:
    """Estimates the evidence lower bound of training examples."""
    examples = examples_of(task.loaded, task.config, "train", TRAINING)
    elbo = evaluation.log_marginal(task.model, examples, DRAWS, task.seed).elbo
    return TrainingBound(
        elbo=float(elbo.mean()), elbo_standard_error=mean_error(elbo), num_examples=len(elbo)
    )


def judge_codes(task: Task, examples: Examples) -> Codes:
    """Classifies these examples from their codes, with two simple classifiers fitted to codes of training examples."""
    fitted = examples_of(task.loaded, task.config, "train", EXAMPLES)
    missing = _no_codes(task, examples, fitted)
    if missing is not None:
        return Codes(missing=missing)
    train, test = (
        np.concatenate(evaluation.active_units(task.model, each).means, axis=1) for each in (fitted, examples)
    )
    labels, test_labels = np.asarray(fitted.labels), np.asarray(examples.labels)
    knn = evaluation.knn_accuracy(train, labels, test, test_labels, min(5, len(train)))
    probe = evaluation.linear_probe(train, labels, test, test_labels)
    return Codes(
        knn_accuracy=knn.accuracy,
        knn_accuracy_standard_error=knn.standard_error,
        linear_probe_accuracy=probe.accuracy,
        linear_probe_accuracy_standard_error=probe.standard_error,
        chance=knn.chance,
        num_examples=knn.count,
    )


def _no_codes(task: Task, examples: Examples, fitted: Examples) -> str | None:
    """Returns why codes cannot be asked for labels; None where they can."""
    if not isinstance(task.model, Inferential):
        return f"a {type(task.model).__name__} has no codes"
    if task.split == "train":
        return "the classifiers are fitted to the training examples themselves"
    if task.config.condition == "label":
        return "the condition shows the label to the encoder"
    if examples.labels is None or fitted.labels is None or len(np.unique(fitted.labels)) < 2:
        return f"data set {task.loaded.name} has no labels to tell"
    return None


def rate_distortion(task: Task, examples: Examples) -> RateDistortion:
    """Estimates the rate-distortion point of the model on these examples."""
    if not isinstance(task.model, Inferential):
        lacks = "q(z|x)" if isinstance(task.model, Implicit) else "latents"
        return RateDistortion(missing=f"a {type(task.model).__name__} has no {lacks}")
    point = evaluation.rate_distortion(task.model, examples, seed=task.seed)
    names = ("rate", "rate_standard_error", "distortion", "distortion_standard_error")
    values: dict[str, Any] = {name: getattr(point, name) for name in names}
    return RateDistortion(**values)
