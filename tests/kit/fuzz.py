"""Bounded, seeded fuzzing: a few cases in every run of the tests, all of them with `make nightly`."""

import numpy as np
import pytest


def portions(total, few):
    """Parameters for a test over the case numbers 0 .. total - 1: the first `few`, and the others marked nightly."""
    return [
        pytest.param(range(few), id=f"first-{few}"),
        pytest.param(range(few, total), id=f"other-{total - few}", marks=pytest.mark.nightly),
    ]


def generator(case, seed=0):
    """Random numbers of one case, the same whichever portion runs it."""
    return np.random.default_rng([seed, case])
