"""Anomalies at a chosen rate of false alarms.

Written against these mutations: the example not counted in its p-value; the threshold one rank too high;
a p-value of the share strictly below.
"""

import numpy as np
import pytest
from kit.stats import assert_mean_close

from tfvae.checks import UserError
from tfvae.evaluation import find_anomalies


def test_p_values_count_the_example():
    found = find_anomalies([-5.0, -3.0, -2.5, 0.0], usual=[-1.0, -2.0, -3.0, -4.0], false_alarms=0.4)
    np.testing.assert_allclose(found.p_values, [1 / 5, 3 / 5, 3 / 5, 1.0])
    assert found.anomalous.tolist() == [True, False, False, False]
    assert found.threshold == 3.0 and found.scores.tolist() == [5.0, 3.0, 2.5, -0.0]
    assert (found.anomalous == (found.scores > found.threshold)).all()
    assert (found.anomalous == (found.p_values <= 0.4)).all()


def test_the_rate_of_false_alarms_is_kept():
    """With 19 usual examples and a rate of 0.1 it is 2 / 20 exactly, over sets of usual ones."""
    generator = np.random.default_rng(0)
    rates = [
        find_anomalies(generator.normal(size=50), generator.normal(size=19), 0.1).anomalous.mean()
        for _ in range(3000)
    ]
    assert_mean_close(np.array(rates), 0.1, smallest_bug=0.05)


def test_the_last_bit_of_a_rate_does_not_matter():
    for usual in (19, 99, 999, 49):
        assert find_anomalies([-1e9], range(usual), 1.0 / (usual + 1)).anomalous.all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (([0.0], range(98), 0.01), "98 usual examples are too few .* expected at least 99; .* at least 0.01"),
        (([0.0], range(98), 0.0), "false_alarms is out of range"),
        (([0.0], range(98), 0.6), r"\(0, 0.5\]"),
        (
            ([0.0, np.nan], range(98), 0.1),
            "log_prob does not hold .* received 1 that are not finite, the first at 1",
        ),
        (([0.0], [np.inf, 1.0], 0.5), "usual does not hold"),
        (([0.0], np.zeros((7, 14)), 0.1), r"usual does not hold .* received shape \(7, 14\)"),
    ],
)
def test_bad_input(arguments, told):
    with pytest.raises(UserError, match=told):
        find_anomalies(*arguments)
