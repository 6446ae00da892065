"""Every evaluation of a run, and which of them evaluation.json tells.

evaluations/METHOD-KEY.json  one evaluation: what was asked for, of which model, when, and all that it measured
evaluation.json              the best of them, see `best`, in the form that every version of the package has written

A file of evaluations/ is written once and is replaced by nothing but the same evaluation made again. evaluation.json
is made of them: one that is not, of an earlier version, becomes one of them first.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tfvae import files
from tfvae.checks import UserError
from tfvae.training.evaluation.block_store import digest, stamp
from tfvae.training.evaluation.groups import Annealing, Likelihood
from tfvae.training.runs import strict_json
from tfvae.training.runs.directory import RunDirectory, as_json, writing

SPLITS = ("train", "validation", "test")  # the one to report last
UNREADABLE = "unreadable-"
OF_PARTS = {  # how the names of a part begin in an evaluation.json of an earlier version
    "gap": ("gap_", "inference_gap", "approximation_gap", "amortization_gap"),
    "against": ("against", "nll_gain"),
}


@dataclass(frozen=True)
class Record:
    """One evaluation.

    Attributes:
        name: of its file, without the ending.
        when: UTC time of its end, in ISO format.
        model: SHA-256 of the model.keras that was evaluated; None where that is not known.
        version: of the package; None where that is not known.
        asked: settings of the evaluation.
        measured: numbers of each part. "likelihood" is there always; "gap", "against" and "details" may be.
    """

    name: str
    when: str
    model: str | None
    version: str | None
    asked: dict[str, Any]
    measured: dict[str, dict[str, Any]]

    @property
    def likelihood(self) -> Likelihood:
        """The log-likelihood."""
        return Likelihood.from_json(self.measured["likelihood"])

    @property
    def annealing(self) -> Annealing | None:
        """The chains of annealed importance sampling; None where there were none."""
        return Annealing.found_in(self.measured["likelihood"])

    def to_json(self) -> dict[str, Any]:
        """Returns what its file holds."""
        return {name: value for name, value in vars(self).items() if name != "name"}

    @classmethod
    def from_json(cls, name: str, content: Any) -> Record:
        """Reads what `to_json` gave.

        Raises:
            ValueError: if that is something else.
        """
        record = cls(name, **{key: content[key] for key in ("when", "model", "version", "asked", "measured")})
        parts = [record.asked, *dict(record.measured).values()]
        if not (all(isinstance(part, dict) for part in parts) and isinstance(record.when, str)):
            raise ValueError("it is no evaluation")
        likelihood = record.likelihood
        numbers = [likelihood.nll, likelihood.num_examples, _trust(record), _effort(record)]
        if not all(isinstance(number, (int, float)) for number in numbers):
            raise ValueError("it is no evaluation")
        SPLITS.index(likelihood.split)
        return record


def best(records: Sequence[Record], model: str | None) -> Record:
    """Returns the evaluation that a run is reported by.

    One is better than another by the first of these in which they differ (`RULES`):

    1. It is of the present model.keras.
    2. It is of the average of a generator's weights, where the run kept one, rather than of the weights themselves.
    3. It is of the test split rather than of the validation split, and of that rather than of the training split:
       they are different quantities, and those of examples that training saw are flattering.
    4. It is of the whole split rather than of a part.
    5. It annealed, rather than took particles of q: without q's blind spots. One that bounded its own error on
       simulated examples is better still. One whose particles of q gave a lower negative log-likelihood than its
       chains annealed too fast, and is worse than one that took particles alone: both are too high in expectation.
       Draws from the prior alone are the worst.
    6. It has more examples, and so the smaller standard error.
    7. It has more particles, or chains times temperatures, for each.
    8. It is newer.

    No estimate is compared with that of another record, nor is its error: the luckiest of several seeds would win.

    Args:
        records: at least one.
        model: SHA-256 of the present model.keras; None for none.
    """
    return max(records, key=lambda record: _ranks(record, records, model))


def _ranks(record: Record, records: Sequence[Record], model: str | None) -> list[Any]:
    return [rank(record, records, model) for _, rank in RULES]


Rank = Callable[[Record, Sequence[Record], "str | None"], Any]


def _whole(record: Record, records: Sequence[Record], model: str | None) -> bool:
    sizes = [other.asked.get("split_size", 0) for other in records if _split(other) == _split(record)]
    return record.likelihood.num_examples >= max(map(_number, sizes))


def _trust(record: Record, *_: Any) -> int:
    likelihood, annealing = record.likelihood, record.annealing
    if likelihood.method == "prior":
        return -2
    if annealing is None:
        return 0
    if annealing.importance_nll is not None and likelihood.nll > annealing.importance_nll:
        return -1
    return 1 if annealing.simulated_gap is None else 2


def _effort(record: Record, *_: Any) -> float:
    if record.annealing is not None:
        return record.annealing.num_chains * record.annealing.num_temperatures
    return _number(record.likelihood.num_samples)


def _split(record: Record) -> str:
    return record.likelihood.split


RULES: tuple[tuple[str, Rank], ...] = (  # why one is better, and its rank
    ("is of the present model", lambda record, _, model: model is not None and record.model == model),
    ("is of the average of the weights", lambda record, *_: record.likelihood.weights != "plain"),
    ("is of a split that counts for more", lambda record, *_: SPLITS.index(_split(record))),
    ("is of the whole split", _whole),
    ("has the more trustworthy method", _trust),
    ("has more examples", lambda record, *_: record.likelihood.num_examples),
    ("took more particles or chains", _effort),
    ("is newer", lambda record, *_: (record.when, record.name)),
)


def why(better: Record, other: Record, records: Sequence[Record], model: str | None) -> str:
    """Returns the rule by which one evaluation is better than another, in words."""
    return next(text for text, rank in RULES if rank(better, records, model) != rank(other, records, model))


def told(records: Sequence[Record], model: str | None) -> dict[str, Any]:
    """Returns what evaluation.json holds: the best evaluation, with the best of each further part.

    Those parts are of the same model, weights and split: of the gaps one that converged, of the most examples, after
    the most steps; of the details those of the most examples; else that of the better evaluation. "evaluation"
    names the best, "model_sha256" its model, and "gap_evaluation" and the like the evaluation that a part is of, if it
    is another one.
    """
    chosen = best(records, model)
    result = {**chosen.measured["likelihood"], "evaluation": chosen.name, "model_sha256": chosen.model}
    alike = [each for each in records if _of_what(each) == _of_what(chosen)]
    for part in dict.fromkeys(part for record in alike for part in record.measured if part != "likelihood"):
        having = [record for record in alike if part in record.measured]
        source = max(having, key=lambda record: [*_of_part(record, part), *_ranks(record, records, model)])
        result |= source.measured[part]
        if source is not chosen:
            result[f"{part}_evaluation"] = source.name
    return result


def _of_what(record: Record) -> tuple[str | None, ...]:
    return record.model, record.likelihood.weights, _split(record)


def _of_part(record: Record, part: str) -> list[float]:
    names = {"gap": ("gap_converged", "gap_num_examples", "gap_steps"), "details": ("quality_examples",)}
    return [_number(record.measured[part].get(name)) for name in names.get(part, ())]


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0


class Evaluations:
    """The evaluations of a run.

    Args:
        run: the run, whose model is the one to evaluate.
    """

    def __init__(self, run: RunDirectory) -> None:
        self._run, self.folder = run, run.path / "evaluations"
        self._made_of = stamp(run)

    @property
    def model(self) -> str | None:
        """SHA-256 of the model.keras that was there when this was made; None for none."""
        return self._made_of["model"]

    def read(self) -> tuple[list[Record], list[str]]:
        """Returns the evaluations, the oldest first, and a line for each file that is none."""
        records, problems = [], []
        for path in sorted(self.folder.glob("*.json")):
            if path.name.startswith((UNREADABLE, files.PARTIAL)):
                continue
            try:
                records.append(Record.from_json(path.stem, strict_json.loads(files.read_small(path))))
            except (ValueError, TypeError, LookupError, OSError, RecursionError) as error:
                problems.append(f"{path} is damaged ({' '.join(str(error).split())[:80]}) and left out")
        return sorted(records, key=lambda record: (record.when, record.name)), problems

    def told(self, split: str) -> dict[str, Any]:
        """Returns what evaluation.json would hold, were there those of one split alone; there are some of it."""
        records = [record for record in self.read()[0] if _split(record) == split]
        return told(records, self.model)

    def add(self, method: str, asked: dict[str, Any], measured: dict[str, dict[str, Any]]) -> Record:
        """Keeps an evaluation that has just been made, and writes evaluation.json anew.

        Args:
            method: how the log-likelihood was estimated.
            asked: all that the numbers depend on beside the run, as JSON values; "split_size" among them.
            measured: numbers of each part.

        Raises:
            UserError: if it cannot be written.
        """
        key = json.dumps(self._made_of | asked, sort_keys=True)
        name = f"{method}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
        record = Record(name, now, self.model, self._made_of["version"], asked, measured)
        with writing(self.folder):
            self.folder.mkdir(exist_ok=True)
            with files.alone(self._run.path) as sure:
                if sure:
                    files.sweep(self.folder)
                self._take_in_earlier()
                self._write(record)
                found, problems = self.read()
                self._run.write_evaluation(told(found, self.model))
        for problem in problems:
            warnings.warn(problem, stacklevel=2)
        return record

    def _write(self, record: Record) -> None:
        files.write_bytes(self.folder / f"{record.name}.json", as_json(record.to_json()))

    def _take_in_earlier(self) -> None:
        """Makes one of the evaluations of an evaluation.json that is made of none of them."""
        file = self._run.evaluation_file
        if not file.is_file():
            return
        content = files.read_small(file)
        name = hashlib.sha256(content).hexdigest()[:12]
        try:
            result = self._run.read_evaluation() or {}
            if (self.folder / f"{result.get('evaluation')}.json").is_file():
                return
            record = Record.from_json(f"earlier-{name}", self._earlier(result))
        except (UserError, ValueError, TypeError, LookupError):
            files.write_bytes(self.folder / f"{UNREADABLE}{name}.json", content)
            return
        self._write(record)

    def _earlier(self, result: dict[str, Any]) -> dict[str, Any]:
        """Returns what a file of an evaluation holds, for an evaluation.json of an earlier version.

        That was of the present model if it is no older than model.keras.
        """
        measured: dict[str, dict[str, Any]] = {"likelihood": {}}
        for name, value in result.items():
            part = next((part for part, begins in OF_PARTS.items() if name.startswith(begins)), "likelihood")
            measured.setdefault(part, {})[name] = value
        written, model = self._run.evaluation_file.stat().st_mtime, self._run.model_file
        present = model.is_file() and model.stat().st_mtime <= written
        return {
            "when": datetime.datetime.fromtimestamp(written, datetime.UTC).isoformat(timespec="microseconds"),
            "model": result.get("model_sha256", digest(model) if present else None),
            "version": None,
            "asked": {},
            "measured": measured,
        }
