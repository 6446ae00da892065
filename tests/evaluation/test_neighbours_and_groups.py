"""Rounding of distances, and the groups that standard errors are made of.

Mutations, each seen to break a test here: features not taken about their centre; ties that rounding opens; groups by
the place of an example in place of a shuffle; batches of a classifier in the order of the data.
"""

import itertools

import numpy as np
import pytest

from tfvae.evaluation import density_coverage, features, precision_recall
from tfvae.evaluation.jackknife import GROUPS, jackknife

RNG = np.random.default_rng(4)


def test_features_far_from_nought_are_compared_as_near_it():
    real, fake = RNG.normal(size=(2, 60, 3)).round(3)
    far = 2.0**27
    for function in (precision_recall, density_coverage):
        assert function(real + far, fake + far) == function(real, fake)


def test_a_tie_is_inside_whatever_its_rounding():
    """Every real ball reaches to its neighbour at 0.1, and as far as the fake beside it."""
    place = 0.1 * np.arange(40)
    real, fake = np.stack([place, 0 * place], axis=1), np.stack([place, 0 * place + 0.1], axis=1)
    assert density_coverage(real, fake, k=1) == (1.0, 1.0)


def test_groups_are_drawn_whatever_the_order_of_the_examples():
    """In an order of the period of the groups, groups by place would hold one value each."""
    real = np.tile(np.arange(float(GROUPS)), 40)[:, np.newaxis]
    _, errors = jackknife(lambda real, fake: {"mean": float(real.mean())}, real, real)
    honest = real.std() / np.sqrt(len(real))
    assert 0.3 * honest < errors["mean"] < 2.0 * honest


@pytest.mark.parametrize("count", [10, 200])
def test_a_classifier_sees_its_examples_in_a_drawn_order(count):
    def epoch(seed):
        size = min(features.BATCH, count)
        rows = list(itertools.islice(features._batches(count, seed), count // size))
        return np.concatenate(rows)

    first, other = epoch(0), epoch(1)
    assert len(np.unique(first)) == len(first)
    assert first.tolist() != sorted(first.tolist()) and first.tolist() != other.tolist()
