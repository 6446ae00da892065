"""Blocks of an evaluation are cut by how wide the model is, or as they are asked for."""

import keras
import numpy as np
import pytest
from kit import linear_gaussian_model
from kit.linear_gaussian import LinearGaussian

from tfvae import evaluation, presets
from tfvae.checks import UserError
from tfvae.evaluation.memory import width

RNG = np.random.default_rng(0)


def test_it_is_the_likelihoods_parameters_where_a_value_has_many():
    model = presets.create("digits", likelihood="categorical", levels=17, widths=(3,))
    model.build()
    assert width(model) == 64 * 17


def test_it_is_the_widest_features():
    model = presets.create("conv", latent_size=2)
    model.build()
    assert width(model) >= 8 * 28 * 28


def test_it_is_the_example_where_nothing_is_wider():
    oracle = LinearGaussian(W=RNG.normal(size=(4, 2)), b=np.zeros(4), s=1.0)
    model = linear_gaussian_model.build(oracle, np.zeros((2, 4)), np.zeros(2), np.ones(2))
    assert width(model) == 4


def test_particles_are_taken_one_by_one_where_they_are_large(monkeypatch):
    from tfvae.evaluation import importance

    model = presets.create("digits", likelihood="categorical", levels=17, widths=(3,))
    x = RNG.integers(0, 17, (3, 8, 8, 1)).astype(np.float32) / 16
    monkeypatch.setattr(importance, "NUMBERS_PER_BLOCK", 16 * 64 * 17)
    sizes = []
    real = type(model).score

    def score(self, x, encoding, num_samples, *args, **kwargs):
        sizes.append(num_samples)
        return real(self, x, encoding, num_samples, *args, **kwargs)

    monkeypatch.setattr(type(model), "score", score)
    evaluation.log_marginal(model, x, 5)
    assert sizes == [1]  # traced once


@pytest.mark.slow
def test_a_block_size_can_be_asked_for():
    oracle = LinearGaussian(W=RNG.normal(size=(4, 2)), b=np.zeros(4), s=1.0)
    model = linear_gaussian_model.build(oracle, np.zeros((2, 4)), np.zeros(2), np.ones(2))
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    whole, blocks = (evaluation.log_marginal(model, x, 7, block_size=size) for size in (7, 3))
    assert whole.num_samples == blocks.num_samples == 7
    assert np.all(whole.log_prob != blocks.log_prob)  # each block draws noise of its own
    chains = [evaluation.ais(model, x, 3, 2, block_size=size) for size in (1, 3)]
    np.testing.assert_allclose(chains[0].log_prob, chains[1].log_prob, rtol=1e-6)
    with pytest.raises(UserError, match="block_size"):
        evaluation.log_marginal(model, x, 7, block_size=0)


def test_an_evaluation_that_goes_on_ends_in_the_same_digits():
    """The last block is smaller, and alone in the second evaluation; meant to kill graphs of relaxed shapes."""
    x = RNG.random((8, 8, 8, 1)).astype(np.float32)
    found, kept = [], {}
    for _ in range(2):
        keras.utils.set_random_seed(0)
        model = presets.create("gan", image_shape=(8, 8, 1), latent_size=4, widths=(32, 32))
        model.observation_scale = 0.3
        found.append(evaluation.ais(model, x, 30, 4, block_size=3, store=kept).log_prob)
        del kept[6]
    np.testing.assert_array_equal(*found)
