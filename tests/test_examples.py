"""Examples keep what belongs to them, and their numbers, wherever they are taken.

Written against these mutations: row numbers that count from 0 after a slice; labels or conditions that stay behind.
"""

import numpy as np
import pytest

from tfvae.checks import UserError
from tfvae.examples import Examples


def test_what_is_taken_twice_keeps_its_number():
    number = np.arange(20)
    examples = Examples(number[:, None] + 0.5, -number[:, None], number % 3)
    taken = examples[5:15][np.array([7, 0, 3])]
    assert taken.rows.tolist() == [12, 5, 8] and len(taken) == 3
    assert taken.x[:, 0].tolist() == [12.5, 5.5, 8.5]
    assert taken.condition[:, 0].tolist() == [-12, -5, -8] and taken.labels.tolist() == [0, 2, 2]
    assert list(taken.arguments()) == ["x", "condition"]
    assert list(Examples(number).arguments()) == ["x"] and Examples(number)[:2].labels is None


@pytest.mark.parametrize("name", ["condition", "labels", "rows"])
def test_parts_of_other_lengths_are_refused(name):
    with pytest.raises(
        UserError, match=f"{name} and x differ in their number of rows; expected 4; received 3"
    ):
        Examples(np.zeros(4), **{name: np.zeros(3)})
