"""The step of an evaluation that compares two runs on the same pixels of the same examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tfvae.checks import UserError
from tfvae.training.evaluation.block_store import digest
from tfvae.training.evaluation.groups import Comparison
from tfvae.training.evaluation.task import Task
from tfvae.training.runs.directory import RunDirectory, writing
from tfvae.training.runs.loading import load_data, load_model

if TYPE_CHECKING:
    from tfvae.evaluation import LogMarginal


@dataclass(frozen=True)
class Other:
    """Another run, and its model."""

    run: RunDirectory
    model: Any

    @classmethod
    def of(cls, task: Task, run: RunDirectory) -> Other:
        """Loads another run to compare with.

        Raises:
            UserError: if its model is missing or damaged, or the two runs cannot be compared.
        """
        _check_data(task, run)
        other = cls(run, load_model(run))
        for each, config in ((task.run, task.config), (run, run.config())):
            if config.likelihood is None:
                raise UserError(
                    "the runs cannot be compared, one has no likelihood p(x|z)",
                    expected="a preset with a likelihood, such as digits, in both",
                    received=f"preset {config.preset} in {each.path}",
                    fix="evaluate each, and compare what evaluation.json tells of them",
                )
        mine, theirs = task.model.likelihood_head, other.model.likelihood_head
        if mine.measure != theirs.measure:
            raise UserError(
                "the runs cannot be compared, their likelihoods differ in kind",
                expected=f"{mine.measure}, as {type(mine).__name__} gives them, in both",
                received=f"{theirs.measure} ({type(theirs).__name__}) in {run.path}",
            )
        return other

    @property
    def has_particles(self) -> bool:
        """Whether its likelihood is estimated from particles; that of a regressor is exact."""
        from tfvae.models.contract import Inferential

        return isinstance(self.model, Inferential)


def _check_data(task: Task, other: RunDirectory) -> None:
    """Raises a `UserError` unless the other run models the same pixels of the same examples of the split."""
    config = other.config()
    for name in ("dataset", "binarize", "condition"):
        mine, theirs = getattr(task.config, name), getattr(config, name)
        if mine != theirs:
            raise UserError(
                f"the runs cannot be compared, they differ in {name}",
                expected=f"{mine} in both",
                received=f"{theirs} in {other.path}",
            )
    loaded = load_data(config)
    other.check_data(loaded.fingerprint())
    images = (getattr(each, task.split).images for each in (task.loaded, loaded))
    if not np.array_equal(*images):
        raise UserError(
            f"the runs cannot be compared on their {task.split} examples, which they chose by other seeds or sizes",
            expected="--split test",
            received=f"--split {task.split}",
        )


def compare(task: Task, mine: LogMarginal, num_samples: int, other: Other) -> Comparison:
    """Evaluates another run's model on the same examples; draws figures/comparison.png for models with a condition.

    Args:
        task: the model and the examples.
        mine: the estimate by importance sampling under the model.
        num_samples: particles for each example under the other model.
        other: the other run.
    """
    from tfvae import evaluation
    from tfvae.evaluation.per_example import mean_error

    key = {"against": digest(other.run.model_file), "num_samples": num_samples, **task.place}
    watched = task.watched("the other run: example", "against", **key)
    theirs = evaluation.log_marginal(other.model, task.examples, num_samples, task.seed, **watched)
    gain = mine.log_prob - theirs.log_prob
    if task.examples.condition is not None:
        _draw(task, other)
    return Comparison(
        run=str(other.run.path),
        nll=theirs.nll,
        nll_standard_error=theirs.nll_standard_error,
        num_examples=len(gain),
        num_samples=num_samples if other.has_particles else None,
        gain=float(gain.mean()),
        gain_standard_error=mean_error(gain),
    )


def _draw(task: Task, other: Other) -> None:
    from tfvae.training.runs import figures
    from tfvae.training.runs.examples import named

    run = task.run
    held_out = f"Held-out {named('examples', task.loaded, task.config)}"
    with writing(run.figures):
        run.figures.mkdir(exist_ok=True)
        figures.draw_conditional(
            run.figures / "comparison.png",
            task.model,
            task.examples,
            title=f"{held_out} given their conditions: {run.path.name} beside {other.run.path.name}",
            label_names=task.loaded.label_names,
            others={"other run" if other.has_particles else "regressor": other.model},
        )
