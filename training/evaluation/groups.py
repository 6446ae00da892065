"""The groups of numbers that an evaluation finds, each with its keys in evaluation.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Self

OPTIONAL = {"optional": True}
SCORES = (
    "precision",
    "recall",
    "density",
    "coverage",
    "mmd",
    "frechet",
    "kid",
    "classifier",
    "different_bins",
)


def _key(name: str, default: Any = None) -> Any:
    """Returns a field that has another name in the file; one that every file has for the default MISSING."""
    return field(default=default, metadata={"key": name})


def _optional() -> Any:
    """Returns a field that is left out of the file where it is None."""
    return field(default=None, metadata=OPTIONAL)


class Group:
    """Numbers that are known together. Each field is a key of the file; one that is not known is None."""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Reads the group's keys of a file.

        Raises:
            KeyError: if one is missing that every file has.
        """
        found = {}
        for each in fields(cls):  # type: ignore[arg-type]
            key = each.metadata.get("key", each.name)
            found[each.name] = content[key] if each.default is MISSING else content.get(key, each.default)
        return cls(**found)

    @classmethod
    def found_in(cls, content: Mapping[str, Any]) -> Self | None:
        """Reads the group; None where the file knows nothing of it, or lacks what every file has of it."""
        try:
            group = cls.from_json(content)
        except KeyError:
            return None
        return group if any(value is not None for value in group.to_json().values()) else None

    def to_json(self) -> dict[str, Any]:
        """Returns the group's keys of a file, in order."""
        return {
            each.metadata.get("key", each.name): getattr(self, each.name)
            for each in fields(self)  # type: ignore[arg-type]
            if getattr(self, each.name) is not None or not each.metadata.get("optional")
        }


@dataclass(frozen=True, kw_only=True)
class Likelihood(Group):
    """The log-likelihood of the examples, and what the particles of q tell of it; nats.

    Attributes:
        method: "importance", "ais" or "prior".
        nll: negative log-likelihood, mean over the examples.
        nll_monte_carlo_standard_error: standard error of `nll` for exactly these examples.
        effective_sample_size, pareto_k: median example's; see `tfvae.evaluation.LogMarginal`.
        few_effective_share: share of the examples with fewer than `FEW` effective particles.
        unreliable_share: share of the examples with too heavy a tail of weights.
        num_samples: particles for each example; None where the likelihood is exact.
        latents: kind of the latents, "continuous" or "discrete"; None for a model without.
        likelihood: name of the likelihood; None for a generator without one.
        observation_scale, ceiling: of such a generator, and the largest log-density that the scale allows, nats.
        scale_examples: validation examples that the scale was fitted on; None where it was given.
        scale_chains, scale_effective_chains: annealed chains of each of them, and how many count for the median one.
        weights: "average" or "plain", of a generator whose run kept an average of its weights; None for another.
        log_normalizer, log_normalizer_standard_error: log Z of a density that was learned without its integral, by
            annealing from its noise, nats.
        learned_log_normalizer: the same as it was learned, nats.
        scored_values: how many values of an example the likelihood scores, given the condition.
    """

    method: str = "importance"
    nll: float
    nll_standard_error: float | None = None
    nll_monte_carlo_standard_error: float | None = None
    elbo: float | None = None
    effective_sample_size: float | None = None
    few_effective_share: float | None = None
    pareto_k: float | None = None
    pareto_k_threshold: float | None = None
    unreliable_share: float | None = None
    num_samples: int | None = None
    num_examples: int
    active_units: int | None = None
    active_units_by_layer: list[int] | None = None
    active_unit_variances: list[list[float]] | None = None
    units_by_layer: list[int] | None = None
    latent_size: int | None = None
    latents: str | None = None
    binarize: str | None = None
    dataset: str | None = None
    likelihood: str | None = None
    elbo_standard_error: float | None = None
    effective_sample_size_histogram: dict[str, list[Any]] | None = field(default=None, metadata=OPTIONAL)
    active_threshold: float | None = _optional()
    bits_per_dimension: float | None = _optional()
    levels: int | None = _optional()
    likelihood_scale: float | None = _optional()
    observation_scale: float | None = _optional()
    ceiling: float | None = _optional()
    scale_examples: int | None = _optional()
    scale_chains: int | None = _optional()
    scale_effective_chains: float | None = _optional()
    weights: str | None = _optional()
    log_normalizer: float | None = _optional()
    log_normalizer_standard_error: float | None = _optional()
    learned_log_normalizer: float | None = _optional()
    condition: str | None = _optional()
    scored_values: int | None = _optional()
    split: str
    seed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Annealing(Group):
    """The chains of annealed importance sampling, and what they can be off on simulated examples.

    Attributes:
        effective_chains: median example's.
        acceptance: mean acceptance of the moves; None with one temperature.
        simulated_lower, simulated_upper: bounds on log p(x) of examples drawn from the model, nats.
        importance_nll: negative log-likelihood by importance sampling from q, nats; None for a model without q.
    """

    num_temperatures: int
    num_chains: int
    init: str | None = None
    effective_chains: float | None = None
    acceptance: float | None = None
    simulated_examples: int | None = _optional()
    simulated_lower: float | None = _optional()
    simulated_upper: float | None = _optional()
    simulated_gap: float | None = _optional()
    simulated_gap_standard_error: float | None = _optional()
    importance_nll: float | None = None


@dataclass(frozen=True, kw_only=True)
class Gap(Group):
    """The inference gap and its two parts, nats; see `tfvae.evaluation.InferenceGap`."""

    inference: float = _key("inference_gap", MISSING)
    inference_standard_error: float | None = _key("inference_gap_standard_error")
    approximation: float | None = _key("approximation_gap")
    approximation_standard_error: float | None = _key("approximation_gap_standard_error")
    amortization: float | None = _key("amortization_gap")
    amortization_standard_error: float | None = _key("amortization_gap_standard_error")
    verdict: str | None = _key("gap_verdict")
    converged: bool | None = _key("gap_converged")
    late_gain: float | None = _key("gap_late_gain")
    late_gain_standard_error: float | None = _key("gap_late_gain_standard_error")
    effective_sample_size: float | None = _key("gap_effective_sample_size")
    num_examples: int | None = _key("gap_num_examples")
    steps: int | None = _key("gap_steps")


@dataclass(frozen=True, kw_only=True)
class Comparison(Group):
    """Another run on the same examples; `gain` is how much higher its negative log-likelihood is, nats."""

    run: str = _key("against", MISSING)
    nll: float = _key("against_nll", MISSING)
    nll_standard_error: float | None = _key("against_nll_standard_error")
    num_examples: int | None = _key("against_num_examples")
    num_samples: int | None = _key("against_num_samples")
    gain: float = _key("nll_gain", MISSING)
    gain_standard_error: float | None = _key("nll_gain_standard_error")


@dataclass(frozen=True, kw_only=True)
class TrainingBound(Group):
    """The evidence lower bound of training examples, nats."""

    elbo: float = _key("train_elbo", MISSING)
    elbo_standard_error: float | None = _key("train_elbo_standard_error")
    num_examples: int | None = _key("train_elbo_examples")


@dataclass(frozen=True)
class Score:
    """A measure of the quality of samples, and what held-out real examples get in their place."""

    value: float | None = None
    standard_error: float | None = None
    real: float | None = None
    real_standard_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class Quality(Group):
    """The quality of samples.

    Attributes:
        scores: name, one of `SCORES`, to `Score`; "mmd" and "frechet" are squared distances, "classifier" an accuracy,
            "different_bins" a share.
        classes_covered: classes of `num_classes` that the samples hold; None where the data have no labels.
        features: space of the distances, "classifier" or "pixels".
        features_accuracy: share of the test labels that the classifier names rightly.
        samples: what was judged, "draws" or "means".
        num_examples: examples compared on each side.
        missing: why there are no scores; None where there are.
    """

    scores: Mapping[str, Score] = field(default_factory=lambda: dict.fromkeys(SCORES, Score()))
    features: str | None = None
    features_accuracy: float | None = None
    samples: str | None = None
    num_examples: int | None = _key("quality_examples")
    classes_covered: int | None = _optional()
    num_classes: int | None = _optional()
    missing: str | None = _key("quality_missing")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """See `Group.from_json`."""
        scores = {
            name: Score(**{each.name: content.get(_score_key(name, each.name)) for each in fields(Score)})
            for name in SCORES
        }
        return super().from_json({**content, "scores": scores})

    def to_json(self) -> dict[str, Any]:
        """See `Group.to_json`."""
        scores = {
            _score_key(name, key): value
            for name, score in self.scores.items()
            for key, value in vars(score).items()
        }
        rest = super().to_json()
        del rest["scores"]
        return scores | rest


def _score_key(name: str, part: str) -> str:
    return name if part == "value" else f"{name}_{part}"


@dataclass(frozen=True, kw_only=True)
class Codes(Group):
    """How well two simple classifiers name the labels from the codes; `missing` says why they could not."""

    knn_accuracy: float | None = None
    knn_accuracy_standard_error: float | None = None
    linear_probe_accuracy: float | None = None
    linear_probe_accuracy_standard_error: float | None = None
    chance: float | None = _key("code_chance")
    num_examples: int | None = _key("code_examples")
    missing: str | None = _key("codes_missing")


@dataclass(frozen=True, kw_only=True)
class RateDistortion(Group):
    """The rate and the distortion, nats; `missing` says why there are none."""

    rate: float | None = None
    rate_standard_error: float | None = None
    distortion: float | None = None
    distortion_standard_error: float | None = None
    missing: str | None = _key("rate_missing")
