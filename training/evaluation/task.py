"""What the steps of an evaluation share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from tfvae.checks import UserError
from tfvae.examples import Examples
from tfvae.training.config import Config
from tfvae.training.data import DataSet
from tfvae.training.evaluation.block_store import BlockStore, Progress
from tfvae.training.progress import Phase
from tfvae.training.runs.directory import RunDirectory
from tfvae.training.runs.examples import examples_of, first_places
from tfvae.training.runs.loading import check_plain_weights, load_data, load_model


@dataclass(frozen=True)
class Task:
    """The model of a run, and the examples to evaluate it on.

    Attributes:
        run: the run.
        config: its settings.
        loaded: its data set.
        model: its trained model.
        examples: the examples to evaluate.
        split, limit, seed, plain_weights: which examples they are, the seed of all that is drawn, and the
            generator's weights; as `Settings` has them.
        kept: closed when what is made of the finished blocks is written; until then they stay.
        progress: function from the words for one unit of a step to what that step calls with (units done, N); None for
            silence.
    """

    run: RunDirectory
    config: Config
    loaded: DataSet
    model: Any
    examples: Examples
    split: str
    limit: int | None
    seed: int
    kept: ExitStack
    plain_weights: bool = False
    progress: Callable[[str], Progress] | None = None

    @classmethod
    def of(
        cls,
        run: RunDirectory,
        split: str,
        limit: int | None,
        seed: int,
        plain_weights: bool = False,
        most: int | None = None,
        **others: Any,
    ) -> Task:
        """Loads the data and the model.

        Args:
            run, split, limit, seed, plain_weights: see `Task`.
            most: how many examples to evaluate where no limit is given; None for all.
            **others: further attributes.

        Raises:
            UserError: if one is missing or damaged, the split has no or fewer examples, or the run has no other than
                plain weights and they are asked for.
        """
        config = run.config()
        check_plain_weights(config, plain_weights)
        loaded = load_data(config)
        run.check_data(loaded.fingerprint())
        count = len(getattr(loaded, split))
        if not count:
            raise UserError(f"the run has no {split} examples", expected="another --split")
        if limit is not None and limit > count:
            raise UserError(
                "--limit is larger than the split", expected=f"1 to {count} examples", received=limit
            )
        if limit is None and most is not None and most < count:
            limit = most
        model, examples = load_model(run, plain_weights), examples_of(loaded, config, split, limit)
        others["plain_weights"] = plain_weights
        return cls(run, config, loaded, model, examples, split, limit, seed, **others)

    @property
    def size(self) -> int:
        """Number of examples of the whole split."""
        return len(getattr(self.loaded, self.split))

    @property
    def place(self) -> dict[str, Any]:
        """What the blocks of every step depend on beside the run, as JSON values."""
        return {"split": self.split, "limit": self.limit, "seed": self.seed} | self.weights

    @property
    def weights(self) -> dict[str, Any]:
        """What the generator depends on beside the run, as JSON values."""
        return {"plain_weights": True} if self.plain_weights else {}

    def whole(self) -> Task:
        """Returns the task of all examples of the split."""
        examples = examples_of(self.loaded, self.config, self.split)
        return replace(self, limit=None, examples=examples)

    def first(self, most: int) -> Any:
        """Returns the places of the examples that come first in the fixed shuffle of the split, at most so many."""
        return first_places(self.examples, self.size, most)

    def phase(self, name: str) -> AbstractContextManager[Any]:
        """Returns a context that tells of a step without units of its own, unless progress is silent."""
        return nullcontext() if self.progress is None else Phase(name)

    def watched(self, unit: str, name: str, **settings: Any) -> dict[str, Any]:
        """Returns the options by which a function of `tfvae.evaluation` keeps its blocks and tells of its progress.

        Args:
            unit: words for one unit of the step.
            name: kind of evaluation.
            **settings: all else than the run that the numbers depend on, as JSON values.
        """
        store = self.kept.enter_context(BlockStore(self.run, name, **settings))
        progress = None if self.progress is None else self.progress(unit)
        return {"store": store.blocks, "progress": store.saving(progress)}
