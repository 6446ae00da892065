"""What is held out is the same for every run: its bits, and which examples come first.

Mutations, each seen to break a test here: the test split binarised with the run's seed, or with the noise of another
split; a shuffle by the run's seed; labels or conditions that are not shuffled with the images.
"""

import numpy as np
import pytest

from tfvae.training import data
from tfvae.training.config import Config
from tfvae.training.runs import loading
from tfvae.training.runs.examples import examples_of, first_places, fixed_shuffle

COUNT = 40


def loaded():
    """Grey images that tell their own number, and labels and conditions that do too."""
    number = np.arange(COUNT)
    images = np.linspace(0.0, 1.0, COUNT, dtype=np.float32).reshape(-1, 1, 1, 1) * np.ones(
        (1, 2, 2, 1), np.float32
    )
    split = data.Split(images, number % 7, np.stack([number, -number], axis=1).astype(np.float32))
    return data.DataSet("numbered", split, split, split)


@pytest.mark.parametrize("binarize", ["dynamic", "static"])
@pytest.mark.parametrize("limit", [None, 50])
def test_the_seed_of_a_run_does_not_reach_its_test_split(binarize, limit):
    found = []
    for seed in (0, 1):
        config = Config.resolve({"binarize": binarize, "seed": seed})
        found.append(examples_of(loading.load_data(config), config, "test", limit))
    first, second = found
    assert 0.0 < first.x.mean() < 1.0 and set(np.unique(first.x)) == {0.0, 1.0}
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.labels, second.labels)


def test_each_split_has_noise_of_its_own():
    config = Config.resolve({"binarize": "dynamic"})
    of = {name: examples_of(loaded(), config, name).x for name in ("train", "validation", "test")}
    grey = loaded().test.images
    for name, other in (("train", "test"), ("validation", "test"), ("train", "validation")):
        differ = np.mean(of[name] != of[other])
        assert 0.5 < differ / np.mean(2 * grey * (1 - grey)) < 1.5, (name, other)


@pytest.mark.parametrize("condition", ["none", "array", "label"])
def test_labels_and_conditions_are_shuffled_with_the_images(condition):
    preset = "digits" if condition == "none" else "cvae-column"
    config = Config.resolve({"preset": preset, "binarize": "none", "condition": condition})
    examples = examples_of(loaded(), config, "test", 9)
    number = np.rint(examples.x[:, 0, 0, 0] * (COUNT - 1)).astype(int)
    assert number.tolist() == fixed_shuffle(COUNT)[:9].tolist() != list(range(9))
    np.testing.assert_array_equal(examples.rows, number)
    np.testing.assert_array_equal(examples.labels, number % 7)
    if condition == "none":
        assert examples.condition is None
    if condition == "array":
        np.testing.assert_array_equal(examples.condition, np.stack([number, -number], axis=1))
    if condition == "label":
        np.testing.assert_array_equal(examples.condition, np.eye(7)[number % 7])


@pytest.mark.parametrize("limit", [None, 9])
def test_the_first_ones_of_the_shuffle_are_found_among_those_taken(limit):
    config = Config.resolve({"binarize": "none"})
    examples = examples_of(loaded(), config, "test", limit)
    places = first_places(examples, COUNT, 5)
    assert examples[places].rows.tolist() == fixed_shuffle(COUNT)[:5].tolist()
    assert sorted(first_places(examples, COUNT, 100)) == list(range(len(examples)))
