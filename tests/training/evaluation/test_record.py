"""The typed form of evaluation.json has every key that is written, in the same order.

Written against these mutations: a field with another key, or out of order; a key left out where it is null; one kept
that is to be left out.
"""

import pytest
from kit.report_stories import RESULT

from tfvae.evaluation.quality import METRICS
from tfvae.training.evaluation.groups import (
    SCORES,
    Annealing,
    Codes,
    Gap,
    Likelihood,
    Quality,
    RateDistortion,
    Score,
)
from tfvae.training.evaluation.record import Evaluation

LEAST = {"nll": 20.0, "num_examples": 7, "split": "test"}


def test_what_is_read_is_what_was_written():
    written = Evaluation.from_json(RESULT).to_json()
    assert RESULT.items() <= written.items()
    assert Evaluation.from_json(written).to_json() == written
    assert list(Evaluation.from_json(dict(reversed(written.items()))).to_json()) == list(written)


def test_groups_that_are_not_known_are_none_and_keys_that_are_not_known_are_null_or_absent():
    evaluation = Evaluation.from_json(LEAST | {"other": 1})
    assert set(evaluation.parts()) == {"likelihood"}
    assert (evaluation.annealing, evaluation.gap, evaluation.quality, evaluation.codes) == (None,) * 4
    written = evaluation.to_json()
    assert written["method"] == "importance" and written["elbo"] is None and written["latents"] is None
    assert not {"levels", "condition", "active_threshold", "num_chains", "other"} & set(written)


@pytest.mark.parametrize("missing", LEAST)
def test_a_likelihood_without_its_examples_is_none(missing):
    with pytest.raises(KeyError, match=missing):
        Evaluation.from_json({name: value for name, value in LEAST.items() if name != missing})


def test_the_parts_of_a_full_evaluation():
    evaluation = Evaluation(
        likelihood=Likelihood(method="ais", nll=20.0, num_examples=7, split="test"),
        annealing=Annealing(num_temperatures=9, num_chains=3, importance_nll=21.0),
        gap=Gap(inference=0.5, num_examples=5),
        quality=Quality(scores={name: Score(0.5, 0.1, 0.4, 0.2) for name in SCORES}, num_examples=30),
        codes=Codes(missing="no labels"),
        rate_distortion=RateDistortion(rate=3.0),
        gap_missing=None,
    )
    parts = evaluation.parts()
    assert list(parts) == ["likelihood", "gap", "details"]
    assert list(parts["likelihood"])[-1] == "importance_nll" and "simulated_gap" not in parts["likelihood"]
    assert parts["gap"]["inference_gap"] == 0.5 and parts["gap"]["gap_num_examples"] == 5
    details = parts["details"]
    assert list(details)[:4] == [
        "precision",
        "precision_standard_error",
        "precision_real",
        "precision_real_standard_error",
    ]
    assert (details["quality_examples"], details["codes_missing"], details["rate"]) == (30, "no labels", 3.0)
    assert list(details)[-1] == "gap_missing"
    assert Evaluation.from_json(evaluation.to_json()) == evaluation


def test_the_scores_are_those_that_are_measured():
    assert SCORES == METRICS
