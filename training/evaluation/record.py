"""What an evaluation found: the typed form of evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tfvae.training.evaluation.groups import (
    Annealing,
    Codes,
    Comparison,
    Gap,
    Group,
    Likelihood,
    Quality,
    RateDistortion,
    TrainingBound,
)


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """All that is known of a run's evaluation, as evaluation.json holds it; a group that is not known is None.

    Attributes:
        gap_missing: why the model has no inference gap; None where it has one, or was not asked for it.
        name: name of the evaluation among those of the run.
        model: SHA-256 of the model.keras that was evaluated.
    """

    likelihood: Likelihood
    annealing: Annealing | None = None
    gap: Gap | None = None
    comparison: Comparison | None = None
    training_bound: TrainingBound | None = None
    quality: Quality | None = None
    codes: Codes | None = None
    rate_distortion: RateDistortion | None = None
    gap_missing: str | None = None
    name: str = ""
    model: str | None = None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Evaluation:
        """Reads what evaluation.json holds; keys that belong to no group are passed over.

        Raises:
            KeyError: if the likelihood, its number of examples or their split is missing.
        """
        return cls(
            likelihood=Likelihood.from_json(content),
            annealing=Annealing.found_in(content),
            gap=Gap.found_in(content),
            comparison=Comparison.found_in(content),
            training_bound=TrainingBound.found_in(content),
            quality=Quality.found_in(content),
            codes=Codes.found_in(content),
            rate_distortion=RateDistortion.found_in(content),
            gap_missing=content.get("gap_missing"),
            name=content.get("evaluation", ""),
            model=content.get("model_sha256"),
        )

    def parts(self) -> dict[str, dict[str, Any]]:
        """Returns what a file of evaluations/ holds as "measured": the keys of each part."""
        details = (self.training_bound, self.quality, self.codes, self.rate_distortion)
        parts = {"likelihood": _joined(self.likelihood, self.annealing)}
        parts |= {"gap": _joined(self.gap), "against": _joined(self.comparison), "details": _joined(*details)}
        if parts["details"]:
            parts["details"]["gap_missing"] = self.gap_missing
        return {name: part for name, part in parts.items() if part}

    def to_json(self) -> dict[str, Any]:
        """Returns what evaluation.json holds."""
        likelihood, *others = self.parts().values()
        whole = {**likelihood, "evaluation": self.name, "model_sha256": self.model}
        return whole | {key: value for part in others for key, value in part.items()}


def _joined(*groups: Group | None) -> dict[str, Any]:
    return {key: value for group in groups if group is not None for key, value in group.to_json().items()}
