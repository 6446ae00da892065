"""What `tfvae evaluate` prints of the weights behind an estimate.

Written against: the share of heavy tails left out, "at least" left out, annealing advised where it was done or cannot
be.
"""

import pytest
from kit.report_stories import RESULT

from tfvae.cli import summary
from tfvae.training.evaluation.record import Evaluation

PLAIN = {name: value for name, value in RESULT.items() if "gap" not in name}


def told(capsys, **result):
    others = {"method": "importance", "latents": "continuous", "few_effective_share": 0.0}
    summary.tell(Evaluation.from_json(PLAIN | others | result))
    return capsys.readouterr().out


def test_good_weights_are_told_without_a_warning(capsys):
    text = told(capsys)
    assert "from the particles alone +- 0.004)" in text
    assert "Pareto k = 0.31 (median)" in text and "of the examples have" not in text


@pytest.mark.parametrize(
    ("changes", "advised"),
    [({}, True), ({"latents": "discrete"}, False)],
)
def test_an_estimate_that_cannot_be_trusted_says_so(capsys, changes, advised):
    text = told(capsys, pareto_k=0.8, unreliable_share=0.12, **changes)
    assert "from the particles alone at least +- 0.004)" in text
    assert "12% of the examples have too heavy a tail of weights (Pareto k > 0.70)" in text
    assert ("--method ais" in text) == advised


def test_few_particles_have_no_tail_and_are_judged_by_their_effective_number(capsys):
    nothing = dict.fromkeys(("pareto_k", "pareto_k_threshold", "unreliable_share"))
    text = told(capsys, num_samples=20, few_effective_share=0.09, **nothing)
    assert "Pareto" not in text and "9% of the examples have fewer than 10 effective particles" in text
