"""The observation scale of a run's generator: fitted on its validation examples once, and kept in the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tfvae import files
from tfvae.checks import UserError, number_in
from tfvae.training.evaluation.block_store import stamp
from tfvae.training.evaluation.task import Task
from tfvae.training.runs import strict_json
from tfvae.training.runs.directory import as_json, writing
from tfvae.training.runs.examples import examples_of

EXAMPLES = 100  # of the validation split, at most
SETTINGS: dict[str, Any] = {"num_temperatures": 500, "num_chains": 8, "seed": 0}


@dataclass(frozen=True)
class Scale:
    """The observation scale of a generator.

    Attributes:
        observation_scale: s, in units of x.
        ceiling: largest log-density that it allows, nats.
        scale_examples: validation examples that it was fitted on; None where the model came with it.
        scale_chains, scale_effective_chains: annealed chains of each of them, and how many count for the median one.
    """

    observation_scale: float
    ceiling: float
    scale_examples: int | None = None
    scale_chains: int | None = None
    scale_effective_chains: float | None = None


def settle(task: Task) -> Scale:
    """Sees that the model has an observation scale: its own, the one that the run keeps, or one that is fitted now.

    A fitted scale is kept in observation_scale.json with what it was made of, one of plain weights beside it. Every
    evaluation of the same model and weights takes it, whatever its own settings.

    Raises:
        UserError: if it cannot be fitted or written, see `tfvae.evaluation.scale_curve`.
    """
    model, file = task.model, _file(task)
    if model.observation_scale is not None:
        return Scale(model.observation_scale, model.ceiling())
    made_of = stamp(task.run) | SETTINGS | task.weights
    kept = _read(file, made_of)
    if kept is None:
        kept = _fit(task)
        content = {**kept, "made_of": made_of}
        with writing(file):
            files.write_bytes(file, as_json(content))
    model.observation_scale = kept["observation_scale"]
    details = kept["num_examples"], SETTINGS["num_chains"], kept["effective_chains"]
    return Scale(model.observation_scale, model.ceiling(), *details)


def _file(task: Task) -> Path:
    """Returns the file of the scale of the weights that are evaluated."""
    file = task.run.scale_file
    return file.with_stem(f"{file.stem}-plain") if task.plain_weights else file


def _fit(task: Task) -> dict[str, Any]:
    from tfvae import evaluation

    count = min(EXAMPLES, len(task.loaded.validation))
    if not count:
        raise UserError(
            "the run has no validation examples to fit the observation scale on",
            expected="a run with a validation split, or a model that was made with an observation_scale",
        )
    examples = examples_of(task.loaded, task.config, "validation", count)
    watched = task.watched(
        "observation scale: validation example", "scale", num_examples=count, **SETTINGS, **task.weights
    )
    curve = evaluation.scale_curve(task.model, examples, **SETTINGS, **watched)
    effective = float(np.median(curve.effective_sample_size[curve.place]))
    return {"observation_scale": curve.vertex, "num_examples": count, "effective_chains": effective}


def _read(file: Path, made_of: dict[str, Any]) -> dict[str, Any] | None:
    """Returns what a file keeps of a scale made of the same; None where there is nothing of the kind."""
    try:
        content = strict_json.loads(files.read_small(file))
        scale = number_in("observation_scale", content["observation_scale"], 0.0, open_low=True)
        effective = number_in("effective_chains", content["effective_chains"], 0.0)
        known = content["made_of"] == made_of and isinstance(content["num_examples"], int)
    except (OSError, ValueError, TypeError, LookupError, RecursionError, UserError):
        return None
    found = {
        "observation_scale": scale,
        "num_examples": content["num_examples"],
        "effective_chains": effective,
    }
    return found if known else None
