"""The evaluation of a finished run, step by step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from tfvae.checks import UserError
from tfvae.training.config import Config
from tfvae.training.data import DataSet
from tfvae.training.defaults import generates
from tfvae.training.evaluation import annealing, comparison, gap, likelihood, normalizer, observation
from tfvae.training.evaluation.annealing import AnnealingSettings
from tfvae.training.evaluation.block_store import Progress, digest
from tfvae.training.evaluation.gap import GapSettings
from tfvae.training.evaluation.record import Evaluation
from tfvae.training.evaluation.records import Evaluations
from tfvae.training.evaluation.task import Task
from tfvae.training.runs import lock
from tfvae.training.runs.directory import RunDirectory

Report = Callable[[RunDirectory, Any, DataSet, dict[str, Any]], Any]


ANNEALED = 100  # examples that are annealed unless more are asked for: each takes seconds


@dataclass(frozen=True)
class Settings:
    """What to evaluate, and how.

    Attributes:
        split: "test", "validation" or "train".
        num_samples: particles for each example.
        limit: how many examples, the first ones of a fixed shuffle; None for the whole split, of which the first
            `ANNEALED` alone are annealed.
        seed: 32-bit integer that fixes all that is drawn.
        full: whether to judge the samples and the codes too.
        gap: how to measure the inference gap; None to measure it with `full` alone, where the model has one.
        annealing: how to anneal; None for the usual way where the method anneals.
        method: "importance", "ais" or "prior", how to estimate log p(x); None for "ais" where `annealing` is given or
            the model is a generator without a likelihood, and for "importance" elsewhere.
        plain_weights: whether a generator is to use its weights in place of the average that the run kept of them.
    """

    split: str = "test"
    num_samples: int = 5000
    limit: int | None = None
    seed: int = 0
    full: bool = False
    gap: GapSettings | None = None
    annealing: AnnealingSettings | None = None
    method: str | None = None
    plain_weights: bool = False

    def method_of(self, config: Config) -> str:
        """Returns the method for a run with the settings `config`."""
        return self.method or ("ais" if self.annealing or generates(config) else "importance")

    def of(self, model: Any, config: Config) -> Settings:
        """Returns the settings with what the model calls for where they leave it open."""
        method = self.method_of(config)
        annealing = (self.annealing or AnnealingSettings()).of(model) if method == "ais" else None
        return replace(self, method=method, annealing=annealing)


@lock.sharing("evaluating")
def evaluate(
    run: RunDirectory,
    settings: Settings | None = None,
    *,
    against: RunDirectory | None = None,
    progress: Callable[[str], Progress] | None = None,
    report: Report | None = None,
    say: Callable[[str], None] | None = None,
) -> Evaluation:
    """Evaluates the model of a run on one split, keeps the evaluation, and writes evaluation.json: the best of them.

    The split is binarised once with the run's way of binarising and a fixed seed. Where the likelihood is one of
    stored pixels, nats are also given in bits per dimension, nll / (D log 2) for D numbers in an example. Densities
    have none: a density of pixels is no probability of the stored integers.

    With `annealing` the negative log-likelihood is that of annealed importance sampling; the ELBO and `importance_nll`
    are those of the particles. A generator without a likelihood has none: it is annealed unless told otherwise, with
    the observation scale that `observation.settle` finds. A conditional run reports the negative log-likelihood of
    what its condition does not show, a regressor's without particles. A density that was learned without its integral
    gets the log-normaliser that `normalizer.settle` finds.

    Stopped before its end, an evaluation goes on from its last block when it is asked for again.

    Args:
        run: the run.
        settings: what to evaluate; the test split for None.
        against: another run to compare with, on the same pixels of the same examples, whose likelihood gives the same
            kind of number (a density, or the probability of one of as many levels).
        progress: see `Task`.
        say: takes a line for the user before the examples are annealed, where they are a part of what was asked for.
        report: called in the end with the run, its model, its data and the best evaluation of the split, in the form of
            evaluation.json. An evaluation that is stopped in it is not made again.

    Returns:
        evaluation: this one; evaluation.json may tell a better one, see `records`.

    Raises:
        UserError: for bad input.
    """
    settings = settings or Settings()
    if settings.full and settings.gap is None:
        settings = replace(settings, gap=GapSettings(if_possible=True))
    evaluations = Evaluations(run)  # before the model is read: a newer one is another model
    config = run.config()
    with ExitStack() as kept:
        options: dict[str, Any] = {
            "plain_weights": settings.plain_weights,
            "kept": kept,
            "progress": progress,
            "most": ANNEALED if settings.method_of(config) == "ais" else None,
        }
        task = Task.of(run, settings.split, settings.limit, settings.seed, **options)
        settings = settings.of(task.model, config)
        other = None if against is None else comparison.Other.of(task, against)
        evaluation = _measure(task, settings, other, say)
        asked = {
            **task.place,
            "split_size": task.size,
            "num_samples": settings.num_samples,
            "full": settings.full,
            "gap": settings.gap and settings.gap.to_json(),
            "annealing": settings.annealing and settings.annealing.to_json(),
            "against": against and digest(against.model_file),
        }
        if settings.method == "prior":
            asked["method"] = settings.method
        if settings.full and task.limit != settings.limit:
            asked["details"] = "of the whole split"
        record = evaluations.add(evaluation.likelihood.method, asked, evaluation.parts())
        if report is not None:
            told = evaluations.told(settings.split)
            if told.get("weights") == "average":
                task.model.uses_average = True
            report(run, task.model, task.loaded, told)
    return replace(evaluation, name=record.name, model=record.model)


def _measure(
    task: Task,
    settings: Settings,
    other: comparison.Other | None,
    say: Callable[[str], None] | None,
) -> Evaluation:
    """Takes the steps of an evaluation, after a check that each of them can be taken."""
    from tfvae.models import NoiseContrastive
    from tfvae.models.contract import Density, Implicit

    implicit, method = isinstance(task.model, Implicit), settings.method or "importance"
    if settings.annealing is not None:
        annealing.check(task, settings.annealing)
    elif implicit and method == "importance":
        raise UserError(
            f"a {type(task.model).__name__} has no q(z|x) to draw particles from",
            expected="--method ais, which needs none",
            received="--method importance",
        )
    elif isinstance(task.model, Density) and method == "prior":
        raise UserError(
            f"a {type(task.model).__name__} gives log p(x) itself and has no prior to draw from",
            expected="--method importance, which is exact for it",
            received="--method prior",
        )
    gap_missing = _gap_missing(task, settings)
    if say is not None and task.limit != settings.limit:
        say(
            f"the first {task.limit} of {task.size} {task.split} examples are annealed; --limit {task.size} anneals all"
        )
    settled: Any = observation.settle(task) if implicit else None
    if isinstance(task.model, NoiseContrastive):
        settled = normalizer.settle(task.model, task.seed)
    particles = None if implicit else likelihood.sample(task, settings.num_samples)
    estimate: Any = particles
    chains = annealed = None
    if settings.annealing is not None:
        chains, annealed = annealing.anneal(task, settings.annealing, particles)
        estimate = chains
    elif method == "prior":
        estimate = likelihood.kernels(task, settings.num_samples)
    found: dict[str, Any] = {"likelihood": likelihood.describe(task, method, estimate, particles, settled)}
    if settings.gap is not None and gap_missing is None:
        found["gap"] = gap.measure(task, settings.gap, settings.num_samples, chains)
    if other is not None and particles is not None:
        found["comparison"] = comparison.compare(task, particles, settings.num_samples, other)
    if settings.full:
        from tfvae.training.evaluation import details, worst

        found |= details.measure(task if settings.limit is not None else task.whole())
        if (
            implicit
            and chains is not None
            and settings.annealing is not None
            and len(task.model.event_shape) == 3
        ):
            worst.draw(task, settings.annealing, chains)
    return Evaluation(**found, annealing=annealed, gap_missing=gap_missing)


def _gap_missing(task: Task, settings: Settings) -> str | None:
    """Returns why the model has no inference gap; None where it has one, or was not asked for it.

    Raises:
        UserError: if the model has none and has to, or a single chain gives it no standard error.
    """
    if settings.gap is None:
        return None
    missing = gap.missing(task, settings.gap)
    if missing is None and settings.annealing is not None and settings.annealing.num_chains < 2:
        raise UserError(
            "a single chain has no standard error, which the inference gap needs",
            expected="--chains of at least 2 with --gap or --full",
            received=settings.annealing.num_chains,
        )
    return missing
